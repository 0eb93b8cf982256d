//! Data, both ways.

use super::*;
use crate::server::codec::{attribute::DATA, read_channel_data, write_channel_data};

pub(super) fn indication(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    Writer::new(&mut message, kind::SEND, &[9; 12])
        .xor_address(XOR_PEER_ADDRESS, peer)
        .attribute(DATA, data);
    message
}

fn channel_data(channel: u16, data: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    assert!(write_channel_data(&mut message, channel, data, false));
    message
}

#[test]
fn indications_go_where_permitted() {
    let mut world = World::new();
    let (user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    let peer = media()[0];
    assert!(
        world
            .say(&user.client, &indication(peer, b"hello"))
            .is_empty()
    );
    assert!(world.media_says(relayed, peer, b"hello", 5).is_empty());
    assert_eq!(world.server.stats().dropped, 2);
    assert_eq!(user.permit(&mut world, &[peer]), 0);
    let said = world.say(&user.client, &indication(peer, b"hello"));
    assert_eq!(said, [Said::Peer(relayed, peer, b"hello".to_vec())]);
    let said = world.media_says(relayed, peer, b"world!", 6);
    let [Said::Client(client, bytes, segment)] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!((*client, *segment), (user.client, bytes.len()));
    let message = Message::parse(bytes).unwrap();
    assert_eq!(message.kind(), kind::DATA);
    assert_eq!(message.attribute(DATA), Some(&b"world!"[..]));
    let from = message.attribute(XOR_PEER_ADDRESS).unwrap();
    assert_eq!(read_xor_address(&message.transaction(), from), Some(peer));
    // The same address, but not the media plane's port.
    let other = at(peer.ip(), 8_080);
    assert!(world.say(&user.client, &indication(other, b"x")).is_empty());
    // Permission ends.
    world.pass(300);
    assert!(world.say(&user.client, &indication(peer, b"x")).is_empty());
    assert!(world.media_says(relayed, peer, b"x", 1).is_empty());
    let stats = world.server.stats();
    assert_eq!((stats.bytes_from_clients, stats.bytes_to_clients), (5, 6));
}

#[test]
fn channels_carry_data_with_four_octets_more() {
    let mut world = World::new();
    let (user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    let peer = media()[0];
    assert!(
        world
            .say(&user.client, &channel_data(0x4001, b"x"))
            .is_empty()
    );
    assert_eq!(user.bind(&mut world, 0x4001, peer), 0);
    let mut padded = channel_data(0x4001, b"hello");
    padded.extend([0; 3]);
    let said = world.say(&user.client, &padded);
    assert_eq!(said, [Said::Peer(relayed, peer, b"hello".to_vec())]);
    let said = world.media_says(relayed, peer, b"world", 5);
    assert_eq!(
        said,
        [Said::Client(user.client, channel_data(0x4001, b"world"), 9)]
    );
    assert!(world.say(&user.client, &padded[..8]).is_empty(), "cut off");
    // The permission that came with it ends before the channel does, and is renewed by binding again.
    world.pass(300);
    assert!(world.media_says(relayed, peer, b"x", 1).is_empty());
    assert_eq!(user.bind(&mut world, 0x4001, peer), 0);
    assert_eq!(world.media_says(relayed, peer, b"x", 1).len(), 1);
}

#[test]
fn a_batch_stays_a_batch_of_equal_segments() {
    let mut world = World::new();
    let contents: Vec<u8> = (0..2_500).map(|n| n as u8).collect();
    let peer = media()[0];
    for (port, bound) in [(5_000, true), (5_001, false)] {
        let (user, relayed) = User::allocated(&mut world, client(port), "viewer");
        assert_eq!(user.permit(&mut world, &[peer]), 0);
        if bound {
            assert_eq!(user.bind(&mut world, 0x4000, peer), 0);
        }
        let said = world.media_says(relayed, peer, &contents, 1_200);
        let [Said::Client(_, bytes, segment)] = &said[..] else {
            panic!("{said:?}");
        };
        let mut back: Vec<u8> = Vec::new();
        for datagram in bytes.chunks(*segment) {
            if bound {
                let (channel, data) = read_channel_data(datagram).unwrap();
                assert_eq!((channel, datagram.len()), (0x4000, data.len() + 4));
                back.extend(data);
            } else {
                let message = Message::parse(datagram).unwrap();
                back.extend(message.attribute(DATA).unwrap());
            }
        }
        assert_eq!(back, contents);
    }
}

#[test]
fn over_a_stream_messages_are_padded() {
    let mut world = World::new();
    let stream = Client {
        transport: Transport::Stream,
        ..client(5_000)
    };
    let (user, relayed) = User::allocated(&mut world, stream, "viewer");
    assert_eq!(user.bind(&mut world, 0x4000, media()[0]), 0);
    let said = world.media_says(relayed, media()[0], &[7; 25], 10);
    let [Said::Client(_, bytes, _)] = &said[..] else {
        panic!("{said:?}");
    };
    let mut deframer = framing::Deframer::default();
    deframer.push(bytes);
    let mut lens = Vec::new();
    while let Some(message) = deframer.message().unwrap() {
        let (_, data) = read_channel_data(message).unwrap();
        lens.push((data.len(), message.len()));
    }
    assert_eq!(lens, [(10, 16), (10, 16), (5, 12)]);
}

#[test]
fn strangers_data_goes_nowhere() {
    let mut world = World::new();
    let peer = media()[0];
    let (user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    assert_eq!(user.bind(&mut world, 0x4000, peer), 0);
    let stranger = client(5_001);
    assert!(world.say(&stranger, &indication(peer, b"x")).is_empty());
    assert!(world.say(&stranger, &channel_data(0x4000, b"x")).is_empty());
    let nobody = at(relayed.ip(), relayed.port() ^ 1);
    assert!(world.media_says(nobody, peer, b"x", 1).is_empty());
    assert!(world.media_says(relayed, media()[1], b"x", 1).is_empty());
}
