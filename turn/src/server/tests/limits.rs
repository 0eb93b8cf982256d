//! What is bounded.

use super::*;

#[test]
fn a_user_has_so_many_allocations() {
    let mut world = World::with(|config| config.max_per_user = 3);
    for port in 5_000..5_003 {
        User::allocated(&mut world, client(port), "viewer");
    }
    let fourth = User::greeted(&mut world, client(5_003), "viewer");
    assert_eq!(
        fourth
            .ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        486
    );
    User::allocated(&mut world, client(5_004), "another");
    // One that ends makes room.
    world
        .server
        .disconnected(&client(5_000), &mut Heard::default());
    assert_eq!(
        fourth
            .ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        0
    );
    assert_eq!(
        world
            .server
            .stats()
            .refused(Refusal::AllocationQuotaReached),
        1
    );
}

#[test]
fn an_address_has_so_many_allocations() {
    let mut world = World::with(|config| config.max_per_address = 3);
    for port in 5_000..5_003 {
        User::allocated(&mut world, client(port), &port.to_string());
    }
    let fourth = User::greeted(&mut world, client(5_003), "another");
    assert_eq!(
        fourth
            .ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        486
    );
    let elsewhere = |n: u8| Client {
        peer: at([198, 51, 100, n], 5_000),
        ..client(0)
    };
    User::allocated(&mut world, elsewhere(8), "another");
    // An IPv6 /64 is one address.
    let v6 = |low: u16| Client {
        peer: at([0x2001, 0xdb8, 0, 0, 0, 0, 0, low], 5_000),
        ..client(0)
    };
    for low in 1..4 {
        User::allocated(&mut world, v6(low), &low.to_string());
    }
    let fourth = User::greeted(&mut world, v6(4), "yet another");
    assert_eq!(
        fourth
            .ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        486
    );
}

#[test]
fn the_server_has_so_many_allocations() {
    let mut world = World::with(|config| config.max_allocations = 2);
    User::allocated(&mut world, client(5_000), "a");
    User::allocated(&mut world, client(5_001), "b");
    let third = User::greeted(&mut world, client(5_002), "c");
    assert_eq!(
        third
            .ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        508
    );
    world.pass(600);
    assert_eq!(
        third
            .ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        0
    );
}

#[test]
fn relayed_addresses_run_out_and_come_back() {
    let mut world = World::with(|config| {
        config.max_allocations = 1 << 20;
        config.max_per_address = u32::MAX;
        config.max_per_user = u32::MAX;
    });
    let ip = media()[0].ip();
    let mut free = Vec::new();
    while let Ok(address) = world.server.free_address(ip) {
        assert!(address.port() >= 49_152);
        world.server.by_relayed.insert(address, client(1));
        free.push(address);
    }
    assert_eq!(free.len(), 16_384);
    world.server.by_relayed.remove(&free[77]);
    assert_eq!(world.server.free_address(ip), Ok(free[77]));
}

#[test]
fn bandwidth_is_bounded_for_each_and_for_all() {
    let mut world = World::with(|config| {
        config.allocation_bandwidth = 100_000;
        config.bandwidth = 150_000;
    });
    let peer = media()[0];
    let mut users = Vec::new();
    for port in [5_000, 5_001] {
        let (user, relayed) = User::allocated(&mut world, client(port), "viewer");
        assert_eq!(user.bind(&mut world, 0x4000, peer), 0);
        users.push((user, relayed));
    }
    let given = |world: &World| world.server.stats().bytes_to_clients;
    // What a second's burst lets through.
    for _ in 0..100 {
        world.media_says(users[0].1, peer, &[0; 12_000], 1_200);
    }
    let first = given(&world);
    assert!((98_000..=100_000).contains(&first), "{first}");
    for _ in 0..100 {
        world.media_says(users[1].1, peer, &[0; 12_000], 1_200);
    }
    let second = given(&world) - first;
    assert!((48_000..=51_000).contains(&second), "{second}");
    assert!(world.server.stats().dropped > 1_500);
    // Both ways are counted together, and it comes back with time.
    let mut message = Vec::new();
    assert!(super::super::codec::write_channel_data(
        &mut message,
        0x4000,
        &[0; 1_200],
        false
    ));
    assert!(world.say(&users[0].0.client, &message).is_empty());
    world.pass(1);
    assert_eq!(world.say(&users[0].0.client, &message).len(), 1);
}
