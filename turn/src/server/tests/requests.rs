//! What users may ask for.

use super::*;
use crate::server::codec::attribute::{
    ADDITIONAL_ADDRESS_FAMILY, ADDRESS_ERROR_CODE, DONT_FRAGMENT, EVEN_PORT,
    REQUESTED_ADDRESS_FAMILY, RESERVATION_TOKEN, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS,
};

/// Type and value.
type Attribute<'a> = (u16, &'a [u8]);

#[test]
fn an_allocation_says_where_and_how_long() {
    let mut world = World::new();
    let user = User::greeted(&mut world, client(5_000), "viewer");
    let answer = user.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP]);
    let relayed = answer.address(XOR_RELAYED_ADDRESS);
    assert_eq!(relayed.ip(), media()[0].ip());
    assert!(relayed.port() >= 49_152);
    assert_eq!(answer.address(XOR_MAPPED_ADDRESS), user.client.peer);
    assert_eq!(answer.lifetime(), 600);
    let (_, other) = User::allocated(&mut world, client(5_001), "viewer");
    assert_ne!(other, relayed);
}

#[test]
fn what_an_allocation_may_ask_for() {
    const FAMILY: u16 = REQUESTED_ADDRESS_FAMILY;
    const MORE: u16 = ADDITIONAL_ADDRESS_FAMILY;
    const TOKEN: (u16, &[u8]) = (RESERVATION_TOKEN, &[7; 8]);
    let cases: [(&[Attribute<'_>], u16); 19] = [
        (&[], 400),
        (&[(REQUESTED_TRANSPORT, &[17])], 400),
        (&[(REQUESTED_TRANSPORT, &[6, 0, 0, 0])], 442),
        (&[(REQUESTED_TRANSPORT, &[1, 0, 0, 0])], 442),
        (&[TRANSPORT_UDP, (EVEN_PORT, &[0x80])], 508),
        (&[TRANSPORT_UDP, (EVEN_PORT, &[0])], 508),
        (&[TRANSPORT_UDP, TOKEN], 508),
        (&[TRANSPORT_UDP, TOKEN, (EVEN_PORT, &[0])], 400),
        (&[TRANSPORT_UDP, TOKEN, (FAMILY, &[1, 0, 0, 0])], 400),
        (&[TRANSPORT_UDP, (FAMILY, &[3, 0, 0, 0])], 440),
        (&[TRANSPORT_UDP, (FAMILY, &[])], 400),
        (
            &[
                TRANSPORT_UDP,
                (FAMILY, &[1, 0, 0, 0]),
                (MORE, &[2, 0, 0, 0]),
            ],
            400,
        ),
        (&[TRANSPORT_UDP, (MORE, &[1, 0, 0, 0])], 400),
        (&[TRANSPORT_UDP, (LIFETIME, &[0, 0])], 400),
        (&[TRANSPORT_UDP, (0x7ffe, &[1])], 420),
        (&[TRANSPORT_UDP, (FAMILY, &[1, 0, 0, 0])], 0),
        (&[TRANSPORT_UDP, (FAMILY, &[2, 0, 0, 0])], 0),
        (&[TRANSPORT_UDP, (DONT_FRAGMENT, &[])], 0),
        (&[TRANSPORT_UDP, (0xfffe, &[1])], 0),
    ];
    let mut world = World::new();
    for (port, (attributes, wanted)) in (5_000..).zip(cases) {
        let user = User::greeted(&mut world, client(port), "viewer");
        let answer = user.ask(&mut world, kind::ALLOCATE, attributes);
        assert_eq!(answer.code(), wanted, "{attributes:?}");
        if wanted == 420 {
            let unknown = answer
                .message()
                .attribute(UNKNOWN_ATTRIBUTES)
                .unwrap()
                .to_vec();
            assert_eq!(unknown, [0x7f, 0xfe]);
        }
        let v6 = attributes.contains(&(FAMILY, &[2, 0, 0, 0]));
        if wanted == 0 {
            let relayed = answer.address(XOR_RELAYED_ADDRESS);
            assert_eq!(relayed.is_ipv6(), v6);
        }
        world.pass(1);
    }
    let user = User::greeted(&mut world, client(6_000), "viewer");
    let answer = user.ask(
        &mut world,
        kind::ALLOCATE,
        &[TRANSPORT_UDP, (MORE, &[2, 0, 0, 0])],
    );
    assert_eq!(answer.code(), 0);
    let error = answer
        .message()
        .attribute(ADDRESS_ERROR_CODE)
        .unwrap()
        .to_vec();
    assert_eq!(error, [2, 0, 4, 40], "one address each");
}

#[test]
fn a_family_without_media_is_refused() {
    let mut world = World::new();
    world.server.set_media(vec![media()[2]]);
    let user = User::greeted(&mut world, client(5_000), "viewer");
    let answer = user.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP]);
    assert_eq!(answer.code(), 440);
    let six: (u16, &[u8]) = (REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let answer = user.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP, six]);
    assert_eq!(answer.code(), 0);
}

#[test]
fn a_request_that_comes_twice_gets_the_same_answer() {
    let mut world = World::new();
    let user = User::greeted(&mut world, client(5_000), "viewer");
    let transaction = world.transaction();
    let request = user.request(&transaction, kind::ALLOCATE, &[TRANSPORT_UDP]);
    let first = user.send(&mut world, &request).unwrap();
    let second = user.send(&mut world, &request).unwrap();
    assert_eq!(first.bytes, second.bytes);
    let answer = user.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP]);
    assert_eq!(answer.code(), 437, "another request");
    assert_eq!(world.server.stats().allocations, 1);
    assert_eq!(world.server.stats().allocated, 1);
}

#[test]
fn an_allocation_ends_unless_it_is_refreshed() {
    let mut world = World::new();
    let (user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    assert!(world.pass(599).is_empty());
    assert_eq!(user.permit(&mut world, &media()[..1]), 0);
    assert_eq!(world.media_says(relayed, media()[0], b"x", 1).len(), 1);
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).lifetime(), 600);
    assert!(world.pass(599).is_empty());
    assert_eq!(world.pass(1), [Said::Released(relayed)]);
    assert_eq!(world.server.stats().allocations, 0);
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).code(), 437);
    assert!(world.server.poll_timeout().is_none());
    assert!(world.server.of_user.is_empty() && world.server.of_network.is_empty());
}

#[test]
fn an_ended_allocation_is_over_before_anybody_looks() {
    let mut world = World::new();
    let (user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    world.passed += Duration::from_secs(600);
    let said = world.media_says(relayed, media()[0], &[1; 10], 10);
    assert!(said.is_empty());
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).code(), 437);
}

#[test]
fn lifetimes_have_bounds_and_zero_is_the_end() {
    let mut world = World::new();
    let (user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    assert_eq!(user.permit(&mut world, &media()[..1]), 0);
    for (asked, granted) in [(1_u32, 600), (777, 777), (u32::MAX, 3_600)] {
        assert_eq!(world.media_says(relayed, media()[0], b"x", 1).len(), 1);
        let lifetime: (u16, &[u8]) = (LIFETIME, &asked.to_be_bytes());
        let answer = user.ask(&mut world, kind::REFRESH, &[lifetime]);
        assert_eq!(answer.lifetime(), granted);
    }
    let six: (u16, &[u8]) = (REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[six]).code(), 443);
    let transaction = world.transaction();
    let request = user.request(&transaction, kind::REFRESH, &[(LIFETIME, &[0; 4])]);
    let said = world.say(&user.client, &request);
    assert_eq!(said[0], Said::Released(relayed));
    assert!(matches!(said[1], Said::Client(..)));
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).code(), 437);
    // The client may have another at once.
    assert_eq!(
        user.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        0
    );
}

#[test]
fn what_the_media_plane_does_not_speak_through_is_not_prolonged() {
    let mut world = World::new();
    let (user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    assert_eq!(user.permit(&mut world, &media()[..1]), 0);
    let hour: (u16, &[u8]) = (LIFETIME, &3_600_u32.to_be_bytes());
    let greedy = User::greeted(&mut world, client(5_001), "viewer");
    let answer = greedy.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP, hour]);
    assert_eq!(answer.lifetime(), 600, "more is for who uses it");
    world.pass(100);
    let refresh = |world: &mut World| user.ask(world, kind::REFRESH, &[hour]).lifetime();
    assert_eq!(refresh(&mut world), 500);
    // What the client itself sends proves nothing.
    let data = super::data::indication(media()[0], b"x");
    assert_eq!(world.say(&user.client, &data).len(), 1);
    assert_eq!(refresh(&mut world), 500);
    assert_eq!(world.media_says(relayed, media()[0], b"x", 1).len(), 1);
    assert_eq!(refresh(&mut world), 3_600);
    // The answer was lost.
    world.pass(1);
    assert_eq!(refresh(&mut world), 3_599);
    let said = world.pass(3_599);
    assert!(said.contains(&Said::Released(relayed)));
    assert_eq!(world.server.stats().allocations, 0);
}

#[test]
fn only_the_media_plane_is_a_peer() {
    let mut world = World::new();
    let (user, _) = User::allocated(&mut world, client(5_000), "viewer");
    let forbidden = [
        "127.0.0.1:7882",
        "127.0.0.1:8080",
        "0.0.0.0:7882",
        "169.254.169.254:80",
        "10.0.0.1:7882",
        "192.168.1.1:7882",
        "172.16.0.1:7882",
        "100.64.0.1:7882",
        "224.0.0.1:7882",
        "255.255.255.255:7882",
        "198.51.100.7:5000",
        "8.8.8.8:53",
        // One number beside ours, and our other addresses' neighbours.
        "203.0.113.0:7882",
        "203.0.113.255:7882",
        "10.0.0.255:7882",
        "10.255.255.255:7882",
        "172.31.255.255:7882",
        "192.0.0.1:7882",
        "198.18.0.1:7882",
        "127.255.255.254:7882",
        "169.254.0.1:7882",
        "239.255.255.250:1900",
        "240.0.0.1:7882",
    ];
    for peer in forbidden {
        let peer: SocketAddr = peer.parse().unwrap();
        assert_eq!(user.permit(&mut world, &[peer]), 403, "{peer}");
        assert_eq!(user.permit(&mut world, &[media()[0], peer]), 403, "{peer}");
        assert_eq!(user.bind(&mut world, 0x4000, peer), 403, "{peer}");
    }
    // This server's other ports: a channel is refused; a permission is about the address alone, and
    // data to another port goes nowhere (see the tests of data).
    let other = at(media()[0].ip(), 8_080);
    assert_eq!(user.bind(&mut world, 0x4000, other), 403);
    assert_eq!(user.permit(&mut world, &[other]), 0);
    assert_eq!(
        user.permit(&mut world, &media()[..2]),
        0,
        "a private one of our own"
    );
    assert_eq!(user.permit(&mut world, &media()[2..]), 443);
    assert_eq!(user.bind(&mut world, 0x4000, media()[2]), 443);
    let user6 = User::greeted(&mut world, client(5_001), "viewer");
    let six: (u16, &[u8]) = (REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let answer = user6.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP, six]);
    assert_eq!(answer.code(), 0);
    for peer in [
        "[::1]:7882",
        "[fe80::1]:7882",
        "[fd00::1]:7882",
        "[::ffff:127.0.0.1]:7882",
        "[ff02::1]:7882",
        "[::]:7882",
        "[ff05::1:3]:7882",
        "[fc00::1]:7882",
        "[fec0::1]:7882",
        // Forms of IPv4 addresses, those of the media plane among them: mapped, compatible, NAT64 (RFC 6052
        // and RFC 8215), 6to4, Teredo and ISATAP.
        "[::ffff:203.0.113.1]:7882",
        "[::ffff:10.0.0.5]:7882",
        "[::203.0.113.1]:7882",
        "[::10.0.0.1]:7882",
        "[64:ff9b::10.0.0.1]:7882",
        "[64:ff9b::203.0.113.1]:7882",
        "[64:ff9b:1::127.0.0.1]:7882",
        "[2002:a00:1::1]:7882",
        "[2002:7f00:1::]:7882",
        "[2002:cb00:7101::1]:7882",
        "[2001:0:a00:1::1]:7882",
        "[2001:db8::5efe:10.0.0.1]:7882",
        "[2001:db8::2]:7882",
    ] {
        let peer: SocketAddr = peer.parse().unwrap();
        assert_eq!(user6.permit(&mut world, &[peer]), 403, "{peer}");
        assert_eq!(user6.bind(&mut world, 0x4000, peer), 403, "{peer}");
        let data = super::data::indication(peer, b"x");
        assert!(world.say(&user6.client, &data).is_empty(), "{peer}");
    }
    // The other family's form of it is no way around either.
    let mapped = "[::ffff:127.0.0.1]:7882".parse().unwrap();
    assert_eq!(user.permit(&mut world, &[mapped]), 443);
    assert_eq!(user6.permit(&mut world, &media()[2..]), 0);
}

#[test]
fn permissions_and_channels_need_their_attributes() {
    let mut world = World::new();
    let (user, _) = User::allocated(&mut world, client(5_000), "viewer");
    assert_eq!(user.permit(&mut world, &[]), 400);
    let short: (u16, &[u8]) = (XOR_PEER_ADDRESS, &[0, 1, 2]);
    assert_eq!(
        user.ask(&mut world, kind::CREATE_PERMISSION, &[short])
            .code(),
        400
    );
    assert_eq!(user.ask(&mut world, kind::CHANNEL_BIND, &[]).code(), 400);
    for channel in [0, 0x3fff, 0x5000, 0xffff] {
        assert_eq!(
            user.bind(&mut world, channel, media()[0]),
            400,
            "{channel:#x}"
        );
    }
    assert_eq!(user.bind(&mut world, 0x4fff, media()[0]), 0);
    assert_eq!(user.bind(&mut world, 0x4000, media()[0]), 400, "it has one");
    assert_eq!(
        user.bind(&mut world, 0x4fff, media()[1]),
        400,
        "it is bound"
    );
    assert_eq!(user.bind(&mut world, 0x4fff, media()[0]), 0, "again");
}

#[test]
fn without_an_allocation_there_is_nothing() {
    let mut world = World::new();
    let user = User::greeted(&mut world, client(5_000), "viewer");
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).code(), 437);
    assert_eq!(user.permit(&mut world, &media()[..1]), 437);
    assert_eq!(user.bind(&mut world, 0x4000, media()[0]), 437);
}

#[test]
fn a_closed_connection_takes_its_allocation_along() {
    let mut world = World::new();
    let stream = Client {
        transport: Transport::Stream,
        ..client(5_000)
    };
    let (_, relayed) = User::allocated(&mut world, stream, "viewer");
    let mut heard = Heard::default();
    world.server.disconnected(&client(5_000), &mut heard);
    assert!(heard.0.is_empty(), "UDP from there is another client");
    world.server.disconnected(&stream, &mut heard);
    assert_eq!(heard.0, [Said::Released(relayed)]);
}
