//! Whatever comes: no panic, nothing to anybody who should not get it, and nothing that grows.

use super::*;

/// A generator with a seed (SplitMix64), so that what fails fails again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.below(most + 1);
        (0..len).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn random_bytes_move_nothing() {
    let mut world = World::new();
    let mut random = Random(1);
    for _ in 0..100_000 {
        let mut message = random.bytes(120);
        if message.len() > 8 && random.below(2) == 0 {
            message[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            message[0] &= 0x4f;
        }
        for said in world.say(&client(5_000), &message) {
            assert!(matches!(said, Said::Client(..)), "{said:?}");
        }
    }
    assert_eq!(world.server.stats().allocations, 0);
}

#[test]
fn changed_requests_reach_no_peer_but_the_media_plane() {
    let mut world = World::with(|config| config.max_per_user = 1_000);
    let mut random = Random(2);
    let (user, _) = User::allocated(&mut world, client(5_000), "viewer");
    let peer = xor(&[1; 12], media()[0]);
    let kinds = [
        kind::ALLOCATE,
        kind::REFRESH,
        kind::CREATE_PERMISSION,
        kind::CHANNEL_BIND,
        kind::SEND,
        kind::BINDING,
    ];
    let attributes = [
        (XOR_PEER_ADDRESS, peer.as_slice()),
        (CHANNEL_NUMBER, &[0x40, 0, 0, 0]),
        (REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
        (LIFETIME, &[0, 0, 3, 0]),
        (super::super::attribute::DATA, b"data"),
        (super::super::attribute::EVEN_PORT, &[0]),
        (super::super::attribute::RESERVATION_TOKEN, &[0; 8]),
        (
            super::super::attribute::REQUESTED_ADDRESS_FAMILY,
            &[1, 0, 0, 0],
        ),
    ];
    for round in 0..30_000_u32 {
        let kind = kinds[random.below(kinds.len())];
        let mut chosen = Vec::new();
        for _ in 0..random.below(5) {
            let (kind, value) = attributes[random.below(attributes.len())];
            let mut value = value.to_vec();
            // What is signed is changed before: this user is hostile.
            if random.below(3) == 0 && !value.is_empty() {
                let at = random.below(value.len());
                value[at] ^= random.next() as u8;
            }
            if random.below(8) == 0 {
                value = random.bytes(24);
            }
            chosen.push((kind, value));
        }
        let chosen: Vec<(u16, &[u8])> = chosen.iter().map(|(k, v)| (*k, v.as_slice())).collect();
        let from = User {
            client: client(5_000 + random.below(3) as u16),
            ..user.clone()
        };
        let mut message = from.request(&[1; 12], kind, &chosen);
        if random.below(4) == 0 {
            let at = random.below(message.len());
            message[at] ^= 1 << random.below(8);
        }
        if random.below(8) == 0 {
            message.truncate(random.below(message.len()));
        }
        for said in world.say(&from.client, &message) {
            match said {
                Said::Peer(_, to, _) => assert!(media().contains(&to), "{to}"),
                Said::Client(to, bytes, _) => {
                    assert_eq!(to, from.client);
                    assert!(Message::parse(&bytes).is_some());
                }
                Said::Released(_) => {}
            }
        }
        if round % 1_000 == 0 {
            world.pass(1);
        }
        let server = &world.server;
        assert_eq!(server.by_relayed.len(), server.allocations.len());
        assert!(server.allocations.len() <= 3);
        let counted: u32 = server.of_user.values().sum();
        assert_eq!(counted as usize, server.allocations.len());
    }
}

#[test]
fn a_user_cannot_fill_its_allocation() {
    let mut world = World::new();
    let many: Vec<SocketAddr> = (0..200).map(|n| at([203, 0, 113, n], 7_882)).collect();
    world.server.set_media(many.clone());
    let (user, _) = User::allocated(&mut world, client(5_000), "viewer");
    let bound = (0..200_u16)
        .zip(&many)
        .filter(|(n, peer)| user.bind(&mut world, 0x4000 + n, **peer) == 0);
    assert_eq!(bound.count(), super::super::allocation::MAX_CHANNELS);
    let (user, _) = User::allocated(&mut world, client(5_001), "viewer");
    assert_eq!(user.permit(&mut world, &many), 508, "all at once");
    let permitted = many
        .iter()
        .filter(|peer| user.permit(&mut world, &[**peer]) == 0);
    assert_eq!(permitted.count(), super::super::allocation::MAX_PERMISSIONS);
}
