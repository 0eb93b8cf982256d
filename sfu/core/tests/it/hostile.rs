//! What comes from strangers.

use std::{net::SocketAddr, time::Duration};

use str0m::media::MediaKind;
use weir_rtp::stun;
use weir_sfu_core::{EndReason, OfferError, SfuEvent, Shard};

use crate::{
    ladder::Ladder,
    sim::Sim,
    world::{STREAM, Source, World, server, vp8},
};

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
        world.shards[shard].handle_datagram(now, from, server(), now, &bytes);
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

/// A viewer of a source of 2 Mbit/s.
fn watching() -> (Sim, usize) {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, &[("", 2_000_000, 720)]);
    source.gop = Some(Duration::from_secs(2));
    sim.begin(source);
    sim.run(1_000);
    let viewer = sim.join(vp8(), Duration::from_millis(20));
    sim.connect(viewer);
    sim.run(3_000);
    (sim, viewer)
}

fn still_served(sim: &mut Sim, viewer: usize) {
    let from = sim.now;
    sim.run(3_000);
    sim.holds(viewer);
    let seen = sim.seen(viewer, from);
    assert!(seen.delivered > 95.0, "{seen:?}");
}

#[test]
fn a_flood_of_nacks_is_answered_within_bounds() {
    let (mut sim, viewer) = watching();
    let before = sim.rx(viewer).retransmitted;
    for _ in 0..500 {
        sim.with(viewer, |rx, _, out| {
            let newest = rx.newest();
            rx.nack((0..800).map(|back| newest.wrapping_sub(800 - back)), out);
        });
        sim.run(10);
    }
    sim.run(100);
    let resent = (sim.rx(viewer).retransmitted - before) * 1_150 * 8;
    let estimate = sim.stats(viewer).estimate;
    println!("{} bit/s resent, estimate {estimate}", resent / 5);
    // Half of what is thought to fit, and a burst.
    assert!(
        resent < 5 * estimate.max(4_000_000) * 6 / 10 + 800_000,
        "{resent}"
    );
    still_served(&mut sim, viewer);
}

#[test]
fn feedback_on_numbers_never_sent_changes_nothing() {
    let (mut sim, viewer) = watching();
    for round in 0..200_u16 {
        sim.with(viewer, |rx, _, out| {
            let newest = rx.newest();
            rx.nack(
                (2_000..2_400).map(|ahead| newest.wrapping_add(ahead + round)),
                out,
            );
        });
        sim.run(10);
    }
    assert_eq!(sim.rx(viewer).retransmitted, 0);
    still_served(&mut sim, viewer);
}

#[test]
fn a_flood_of_keyframe_requests_is_merged() {
    let (mut sim, viewer) = watching();
    let before = sim.requests.len();
    for _ in 0..500 {
        sim.with(viewer, |rx, now, out| rx.pli(now, out));
        sim.run(10);
    }
    let asked = sim.requests.len() - before;
    assert!((3..=11).contains(&asked), "{asked} in 5 s");
    still_served(&mut sim, viewer);
}

#[test]
fn authentic_nonsense_breaks_nothing() {
    let (mut sim, viewer) = watching();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..6_000_u64 {
        // A header of some kind of report or feedback, then anything.
        let kind = [200, 201, 202, 203, 205, 205, 206, 206][(draw() % 8) as usize];
        let format = [1, 4, 15, 15, 3, 0][(draw() % 6) as usize];
        let words = draw() % 40 + 1;
        let mut plain = vec![0x80 | format, kind];
        plain.extend((words as u16).to_be_bytes());
        for _ in 0..words {
            plain.extend((draw() as u32).to_be_bytes());
        }
        if draw() % 4 == 0 {
            plain.truncate((draw() as usize % plain.len()).max(8));
        }
        sim.with(viewer, |rx, _, out| {
            // About the real streams, or of none.
            if plain.len() >= 12 && draw() % 2 == 0 {
                plain[8..12].copy_from_slice(&rx.streams.video.to_be_bytes());
            }
            rx.seal(plain, out);
        });
        if round % 20 == 0 {
            sim.run(10);
        }
    }
    let estimate = sim.stats(viewer).estimate;
    println!("estimate after nonsense: {estimate}");
    // What it has said of its path is its own loss; it is served again once it speaks sense.
    sim.run(20_000);
    still_served(&mut sim, viewer);
}

#[test]
fn what_no_key_has_sealed_is_dropped() {
    let (mut sim, viewer) = watching();
    let before = sim.shard.stats();
    let from = sim.viewers[viewer].addr;
    for round in 0..5_000_u32 {
        let mut bytes = vec![0x81, [201, 205, 206, 96][round as usize % 4], 0, 12];
        bytes.extend((0..60).map(|n| (round.wrapping_mul(2_654_435_761) >> (n % 24)) as u8));
        bytes.truncate(8 + round as usize % 56);
        sim.shard
            .handle_datagram(sim.now, from, server(), sim.now, &bytes);
    }
    sim.drain();
    let after = sim.shard.stats();
    assert_eq!(after.datagrams_dropped - before.datagrams_dropped, 5_000);
    assert_eq!(
        (after.nacks, after.viewer_keyframe_requests),
        (before.nacks, before.viewer_keyframe_requests)
    );
    still_served(&mut sim, viewer);
}

/// Where an answer might go to somebody else, whose address was forged.
#[test]
fn who_has_not_proven_itself_gets_no_answer_from_the_media_port() {
    let mut world = World::new(2);
    let publisher = world.publish(vp8());
    world.clients[publisher].frozen = true;
    world.run(100);
    let ours = ice_value(&world.clients[publisher].answer, "a=ice-ufrag:");
    let password = ice_value(&world.clients[publisher].answer, "a=ice-pwd:");
    let check = |username: Option<&str>, key: Option<&str>, transaction: u8| {
        let mut check = Vec::new();
        let mut writer = stun::Writer::new(&mut check, 0x0001, &[transaction; 12]);
        if let Some(username) = username {
            writer.attribute(0x0006, username.as_bytes());
        }
        writer.attribute(0x0025, &[]).attribute(0x0024, &[0; 4]);
        if let Some(key) = key {
            writer.integrity(key.as_bytes());
        }
        check
    };
    let theirs = world.clients[publisher].rtc.direct_api();
    let named = format!("{ours}:{}", theirs.local_ice_credentials().ufrag);
    let mut hello = vec![
        0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 1, 0, 0, 188,
    ];
    hello.resize(213, 0);
    let mut allocate = Vec::new();
    stun::Writer::new(&mut allocate, 0x0003, &[7; 12]).attribute(0x0019, &[17, 0, 0, 0]);
    let messages = [
        stun::binding_request(&[1; 12]).to_vec(),
        check(None, None, 2),
        check(Some(&named), None, 3),
        check(Some(&named), Some("guessed"), 4),
        check(Some(&named), Some(&ours), 5),
        check(Some("0000none:peer"), Some(&password), 6),
        check(Some("0001none:peer"), Some(&password), 7),
        check(Some(&ours), Some(&password), 8),
        allocate,
        hello,
        vec![0x80, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4],
        vec![0x80, 0xc8, 0, 1, 0, 0, 0, 1],
        vec![0x40, 0, 0, 4, 1, 2, 3, 4],
    ];
    let before = world.sends;
    for message in &messages {
        for (shard, port) in [(0, 5_554), (1, 5_555)] {
            let stranger = SocketAddr::from(([203, 0, 113, 7], port));
            let now = world.now;
            world.shards[shard].handle_datagram(now, stranger, server(), now, message);
            world.run(10);
        }
    }
    assert_eq!(world.sends, before, "an answer went to a stranger");
    // Who knows the session's password is answered, with no more than it takes to say so.
    let asks = check(Some(&named), Some(&password), 9);
    let asker = SocketAddr::from(([203, 0, 113, 7], 5_554));
    let now = world.now;
    let home = usize::from(Shard::home(STREAM, 2));
    let octets = world.sent_octets;
    world.shards[home].handle_datagram(now, asker, server(), now, &asks);
    world.run(10);
    assert_eq!(world.sends, before + 1);
    assert!(world.sent_octets - octets <= asks.len() as u64);
}

fn ice_value(sdp: &str, name: &str) -> String {
    let mut lines = sdp.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)).unwrap();
    value.trim().to_owned()
}
