//! What comes from strangers.

use std::net::SocketAddr;

use str0m::media::MediaKind;
use weir_sfu_core::{EndReason, OfferError, SfuEvent};

use crate::world::{STREAM, Source, World, server, vp8};

#[test]
fn handshakes_that_never_finish_are_dropped() {
    let mut world = World::new(1);
    let publisher = world.publish(vp8());
    world.clients[publisher].frozen = true;
    world.run(29_000);
    assert!(world.ended(world.clients[publisher].session).is_none());
    world.run(1_500);
    let ended = world.ended(world.clients[publisher].session);
    assert_eq!(
        ended.map(|(_, reason)| reason),
        Some(EndReason::NeverConnected)
    );
}

#[test]
fn half_open_sessions_have_a_limit() {
    let mut world = World::new(1);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    Source::new(&world, publisher).play(&mut world, 100);
    let mut refused = None;
    let offer = offer(&world);
    let source = world.live.clone().unwrap();
    for _ in 0..1_001 {
        let id = world.session_id();
        let now = world.now;
        if let Err(error) = world.home().handle_view(now, STREAM, id, &source, &offer) {
            refused = Some(error);
        }
    }
    assert!(
        matches!(refused, Some(OfferError::Unavailable(_))),
        "{refused:?}"
    );
}

fn offer(world: &World) -> String {
    use str0m::media::Direction;
    let mut rtc = vp8().build(world.now);
    let mut api = rtc.sdp_api();
    api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let (offer, _) = api.apply().unwrap();
    offer.to_sdp_string()
}

#[test]
fn mutated_datagrams_and_noise_break_nothing() {
    let mut world = World::new(2);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 300);
    let viewer = world.view(1, vp8()).unwrap();
    source.play(&mut world, 1_000);
    let (from_publisher, from_viewer) = (world.clients[publisher].addr, world.clients[viewer].addr);
    let stranger = SocketAddr::from(([203, 0, 113, 7], 5_555));
    let seeds: [&[u8]; 4] = [
        b"\x00\x01\x00\x10\x21\x12\xa4\x42abcdefghijkl\x00\x06\x00\x090000ab:cd\x00\x00\x00",
        b"\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\x01\x00\x00\x04",
        b"\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01payloadpayload",
        b"\x80\xc8\x00\x06\x00\x00\x00\x01................",
    ];
    for round in 0..20_000_u64 {
        let seed = seeds[(round % 4) as usize];
        let mut bytes = seed.to_vec();
        for _ in 0..=(world.random() % 4) {
            let random = world.random();
            let at = (random >> 8) as usize % bytes.len();
            match random % 3 {
                0 => bytes[at] = (random >> 40) as u8,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.extend_from_slice(&random.to_be_bytes()),
            }
        }
        let from = [stranger, from_publisher, from_viewer][(world.random() % 3) as usize];
        let shard = (world.random() % 2) as usize;
        let now = world.now;
        world.shards[shard].handle_datagram(now, from, server(), &bytes);
        if round % 500 == 0 {
            source.play(&mut world, 20);
        }
    }
    source.play(&mut world, 300);
    let before = world.clients[viewer].received.len();
    source.play(&mut world, 1_000);
    assert!(
        world.clients[viewer].received.len() > before + 100,
        "media still flows"
    );
    let ends = world.events.iter().filter(|(_, event)| {
        matches!(
            event,
            SfuEvent::PublisherEnded { .. } | SfuEvent::ViewerEnded { .. }
        )
    });
    assert_eq!(ends.count(), 0);
}

#[test]
fn mutated_offers_get_an_answer_or_an_error() {
    let mut world = World::new(1);
    let good = offer(&world).replace("a=recvonly", "a=sendonly");
    let mut accepted = 0;
    for _ in 0..3_000 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=(world.random() % 6) {
            let random = world.random();
            let at = (random >> 8) as usize % bytes.len();
            match random % 4 {
                0 => bytes[at] = (random >> 40) as u8,
                1 => bytes.truncate(at.max(1)),
                2 => {
                    let end = (at + (random >> 48) as usize % 200).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                _ => {
                    let end = (at + (random >> 48) as usize % 60).min(bytes.len());
                    bytes.drain(at..end);
                    if bytes.is_empty() {
                        bytes.push(b'v');
                    }
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (id, now) = (world.session_id(), world.now);
        if world.home().handle_publish(now, STREAM, id, &text).is_ok() {
            accepted += 1;
        }
        world.run(1);
    }
    assert!(accepted > 10, "{accepted}");
}
