//! What is lost between publisher and SFU, and what of it comes back.

#![allow(clippy::print_stdout)] // A table is what the test is for.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use str0m::{
    RtcConfig,
    format::{Codec, FormatParams},
    media::{Frequency, MediaKind},
};
use weir_media::Kind;
use weir_sfu_core::{Shard, ShardMessage};

use crate::world::{Packet, STREAM, Source, World, vp8};

/// Octets of a packet's payload.
const PAYLOAD: usize = 1_150;

/// How long the network loses.
const LOSSY_MILLIS: u64 = 10_000;

#[derive(Debug, Clone, Copy)]
struct Case {
    bitrate: u64,
    /// Of media and of feedback.
    loss: f64,
    round_trip: u64,
    /// As browsers do; else what is asked for comes again on the same SSRC, as from OBS.
    rtx: bool,
}

#[derive(Debug, Default)]
struct Outcome {
    frames: usize,
    incomplete: usize,
    /// How much later than without a loss a frame was complete.
    worst_repair: Duration,
    over_200_ms: usize,
    resent: usize,
    keyframe_requests: usize,
}

/// A publisher without RTX.
fn plain() -> RtcConfig {
    let mut config = RtcConfig::new().clear_codecs().enable_opus(true, false);
    let params = FormatParams::default();
    let config_of = config.codec_config();
    config_of.add_config(
        96.into(),
        None,
        Codec::Vp8,
        Frequency::NINETY_KHZ,
        None,
        params,
    );
    config
}

/// Packets of a picture.
fn parts(bitrate: u64) -> u64 {
    bitrate / 30 / 8 / PAYLOAD as u64 + 1
}

fn play(case: Case) -> Outcome {
    let mut world = World::new(2);
    world.delay = Duration::from_millis(case.round_trip / 2);
    let publisher = world.publish(if case.rtx { vp8() } else { plain() });
    world.connect(publisher);
    let now = world.now;
    let shard = 1 - Shard::home(STREAM, 2);
    let subscribe = ShardMessage::Subscribe {
        stream: STREAM,
        shard,
    };
    world.home().handle_message(now, subscribe);
    if case.rtx {
        let client = &mut world.clients[publisher];
        let mid = client.video.unwrap();
        let mut api = client.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        // Browsers keep seconds, and limit resends by their bandwidth estimate alone.
        stream.set_rtx_cache(4_096, Duration::from_secs(3), None);
    }
    let parts = parts(case.bitrate);
    let begun = world.now;
    let mut sent: HashMap<u16, (u64, u64, u64)> = HashMap::new();
    let mut at: Vec<Instant> = Vec::new();
    let mut resent = 0;
    let mut at_start = 0;
    let mut seq = 60_000_u64;
    let write = |world: &mut World, seq: u64, frame: u64, part: u64| {
        let mut payload = vec![if part == 0 { 0x10 } else { 0 }, u8::from(frame != 0)];
        payload.extend(frame.to_be_bytes());
        payload.extend(part.to_be_bytes());
        payload.resize(PAYLOAD, 7);
        let packet = Packet {
            seq,
            time: (frame * 3_000) as u32,
            wallclock: begun + Duration::from_micros(frame * 33_333),
            marker: part + 1 == parts,
            payload: &payload,
        };
        world.clients[publisher].write(MediaKind::Video, packet);
    };
    for millis in 0..LOSSY_MILLIS + 3_000 {
        // The first second shows round-trip times, and the last two that what is left comes.
        if millis == 1_000 {
            at_start = world.clients[publisher].keyframe_requests;
        }
        let lossy = (1_000..LOSSY_MILLIS + 1_000).contains(&millis);
        world.loss = if lossy { case.loss } else { 0.0 };
        world.feedback_loss = world.loss;
        world.run(1);
        while at.len() as u64 * 33_333 <= millis * 1_000 {
            let frame = at.len() as u64;
            at.push(world.now);
            for part in 0..parts {
                write(&mut world, seq, frame, part);
                sent.insert(seq as u16, (seq, frame, part));
                seq += 1;
            }
        }
        for nack in std::mem::take(&mut world.clients[publisher].nacks) {
            resent += 1;
            if !case.rtx {
                let (seq, frame, part) = sent[&nack];
                write(&mut world, seq, frame, part);
            }
        }
    }
    let mut arrived: BTreeMap<(u64, u64), Instant> = BTreeMap::new();
    for (at, packet) in &world.forwarded {
        if packet.kind == Kind::Video {
            let number = |from: usize| packet.payload[from..from + 8].try_into().unwrap();
            let place = (
                u64::from_be_bytes(number(2)),
                u64::from_be_bytes(number(10)),
            );
            let before = arrived.insert(place, *at);
            assert!(before.is_none(), "{place:?} came twice");
        }
    }
    let mut outcome = Outcome {
        resent,
        keyframe_requests: world.clients[publisher].keyframe_requests - at_start,
        ..Outcome::default()
    };
    // From the first that arrived, to those that had the time to be repaired.
    let first = arrived.keys().next().unwrap().0 + 1;
    let usual = world.delay + Duration::from_millis(1);
    for frame in first..at.len() as u64 - 45 {
        outcome.frames += 1;
        let parts = (0..parts).map(|part| arrived.get(&(frame, part)));
        match parts.collect::<Option<Vec<_>>>() {
            None => outcome.incomplete += 1,
            Some(parts) => {
                let whole = **parts.iter().max().unwrap() - at[frame as usize];
                let late = whole.saturating_sub(usual);
                outcome.worst_repair = outcome.worst_repair.max(late);
                outcome.over_200_ms += usize::from(late > Duration::from_millis(200));
            }
        }
    }
    outcome
}

#[test]
fn what_is_lost_upstream_comes_back() {
    println!("Mbit/s  RTX   RTT  loss   frames  incomplete  > 200 ms  worst ms  asked");
    for bitrate in [2_500_000, 8_000_000] {
        for rtx in [true, false] {
            for round_trip in [20, 50, 100] {
                for loss in [0.01, 0.05, 0.1] {
                    let case = Case {
                        bitrate,
                        loss,
                        round_trip,
                        rtx,
                    };
                    let outcome = play(case);
                    println!(
                        "{:6.1}  {:3}  {round_trip:4}  {:3.0} %  {:7}  {:10}  {:8}  {:8}  {:5}",
                        bitrate as f64 / 1e6,
                        if rtx { "yes" } else { "no" },
                        loss * 100.0,
                        outcome.frames,
                        outcome.incomplete,
                        outcome.over_200_ms,
                        outcome.worst_repair.as_millis(),
                        outcome.resent,
                    );
                    assert_eq!(outcome.incomplete, 0, "{case:?}");
                    assert_eq!(outcome.keyframe_requests, 0, "{case:?}: all came back");
                    // Each loss is asked for once and again only when that was in vain.
                    let packets = LOSSY_MILLIS * 3 / 100 * parts(bitrate);
                    let lost = packets as f64 * loss / (1.0 - loss);
                    let asked = outcome.resent as f64;
                    assert!(asked < lost * 1.3 + 10.0, "{case:?}: {asked} of {lost}");
                    let worst = Duration::from_millis(250 + 5 * round_trip);
                    assert!(outcome.worst_repair < worst, "{case:?}");
                }
            }
        }
    }
}

#[test]
fn what_never_comes_back_asks_for_a_keyframe() {
    for watched in [true, false] {
        let mut world = World::new(1);
        let publisher = world.publish(plain());
        world.connect(publisher);
        let mut source = Source::new(&world, publisher);
        source.play(&mut world, 300);
        if watched {
            world.view(0, vp8()).unwrap();
        }
        source.play(&mut world, 3_000);
        let before = world.clients[publisher].keyframe_requests;
        // The network loses these for good: the publisher has no resends.
        source.seq += 1;
        source.play(&mut world, 200);
        source.seq += 2;
        source.play(&mut world, 600);
        let asked = |world: &World| world.clients[publisher].keyframe_requests - before;
        assert_eq!(asked(&world), 0, "it may come yet");
        let nacks = world.clients[publisher].nacks.len();
        assert!((15..=30).contains(&nacks), "{nacks}");
        source.play(&mut world, 2_000);
        // The answer to the first is newer than the second loss.
        assert_eq!(asked(&world), usize::from(watched));
        assert!(world.clients[publisher].nacks.len() <= 30);
    }
}
