//! From the join to the live edge.

use std::time::Duration;

use crate::{ladder::Ladder, sim::Sim, world::vp8};

fn on_air(gop: u64, ran: u64, bitrate: u64) -> Sim {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, &[("", bitrate, 720)]);
    source.gop = Some(Duration::from_secs(gop));
    source.answers = None;
    sim.begin(source);
    // A viewer from the beginning makes the home send its packets here.
    sim.run(ran);
    sim
}

struct Start {
    first: Duration,
    /// Until a picture was shown within 100 ms of the time that the path needs.
    live: Option<Duration>,
    /// The longest time between two timestamps, and their greatest lag behind what a player that began
    /// with the first picture would show, in ms.
    behind_by_timestamp: i64,
}

fn start(sim: &Sim, viewer: usize) -> Start {
    let v = &sim.viewers[viewer];
    let connected = v.connected.unwrap();
    let shown = &sim.rx(viewer).shown;
    let first = shown[0];
    let captured = |us: u64| sim.start + Duration::from_micros(us);
    let live = shown.iter().find(|s| {
        s.at.saturating_duration_since(captured(s.told.captured))
            < v.down.delay + Duration::from_millis(100)
    });
    // A player shows the first picture when it comes, and the others by their timestamps.
    let behind = shown.iter().map(|s| {
        let due = i64::from(s.timestamp.wrapping_sub(first.timestamp) as i32) / 90;
        let came = (s.at - first.at).as_millis() as i64;
        came - due
    });
    Start {
        first: first.at - connected,
        live: live.map(|s| s.at - connected),
        behind_by_timestamp: behind.max().unwrap(),
    }
}

#[test]
fn a_join_at_any_moment_shows_a_picture_at_once_and_is_live_soon() {
    for gop in [2, 10] {
        let mut worst = (Duration::ZERO, Duration::ZERO, 0);
        for moment in 0..10_u64 {
            let ran = 10_000 + gop * 1_000 + moment * gop * 100 + 13;
            let mut sim = on_air(gop, ran, 2_500_000);
            let viewer = sim.join(vp8(), Duration::from_millis(10));
            sim.connect(viewer);
            sim.run(4_000);
            sim.holds(viewer);
            let s = start(&sim, viewer);
            let live = s.live.unwrap_or(Duration::from_secs(99));
            println!(
                "gop {gop:>2} s, joined {:>5} ms into it: first picture {:>3} ms, live after {:>4} ms, timestamps ahead of arrival by {} ms at most; asked {}",
                ran % (gop * 1_000),
                s.first.as_millis(),
                live.as_millis(),
                s.behind_by_timestamp,
                sim.requests.len()
            );
            worst = (
                worst.0.max(s.first),
                worst.1.max(live),
                worst.2.max(s.behind_by_timestamp),
            );
            // Nothing of the group is left out.
            let shown = &sim.rx(viewer).shown;
            assert!(
                shown
                    .windows(2)
                    .all(|p| p[1].told.frame == p[0].told.frame + 1 || p[1].told.keyframe)
            );
            line_is_true(&sim, viewer);
        }
        println!("gop {gop}: worst {worst:?}");
        assert!(worst.0 <= Duration::from_millis(60), "{worst:?}");
        assert!(worst.1 <= Duration::from_millis(2_000), "{worst:?}");
        assert!(worst.2 <= 150, "{worst:?}");
    }
}

/// Every sender report says the same of what is captured live, for sound and picture.
fn line_is_true(sim: &Sim, viewer: usize) {
    let rx = sim.rx(viewer);
    let video = rx.reports.iter().filter(|r| r.ssrc == rx.streams.video);
    let live = rx.shown.last().unwrap();
    let mut count = 0;
    for report in video {
        let off = off(
            report.ntp,
            report.rtp,
            live.timestamp,
            live.told.captured,
            90_000.0,
        );
        assert!(off.abs() < 40.0, "picture is {off} ms off");
        count += 1;
    }
    assert!(count >= 2, "{count}");
    let (_, timestamp, _, captured) = *rx.sounds.last().unwrap();
    for report in rx.reports.iter().filter(|r| r.ssrc == rx.streams.audio) {
        let off = off(report.ntp, report.rtp, timestamp, captured, 48_000.0);
        assert!(off.abs() < 25.0, "sound is {off} ms off");
    }
}

/// Milliseconds between the capture that a report tells of a timestamp, and the true one.
fn off(ntp: u64, rtp: u32, timestamp: u32, captured: u64, rate: f64) -> f64 {
    // `Sim`'s wall clock at the beginning.
    let begun = 1_700_000_000.0 + 2_208_988_800.0;
    let said = ntp as f64 / 4_294_967_296.0 - begun;
    let ticks = f64::from(timestamp.wrapping_sub(rtp) as i32);
    (said + ticks / rate - captured as f64 / 1e6) * 1_000.0
}

#[test]
fn a_group_longer_than_the_store_waits_for_a_keyframe() {
    let mut sim = on_air(60, 20_000, 1_000_000);
    sim.source.as_mut().unwrap().answers = Some(Duration::from_millis(100));
    let viewer = sim.join(vp8(), Duration::from_millis(10));
    sim.connect(viewer);
    sim.run(1_000);
    let s = start(&sim, viewer);
    assert!(s.first < Duration::from_millis(250), "{:?}", s.first);
    assert_eq!(sim.requests.len(), 1, "{:?}", sim.requests);
    sim.run(3_000);
    sim.holds(viewer);
}

#[test]
fn twenty_who_join_at_once_ask_once() {
    let mut sim = on_air(10, 17_000, 2_500_000);
    sim.source.as_mut().unwrap().answers = Some(Duration::from_millis(100));
    let viewers: Vec<usize> = (0..20)
        .map(|_| sim.join(vp8(), Duration::from_millis(10)))
        .collect();
    for viewer in &viewers {
        sim.connect(*viewer);
    }
    sim.run(3_000);
    for viewer in viewers {
        sim.holds(viewer);
        let s = start(&sim, viewer);
        assert!(s.first <= Duration::from_millis(60), "{:?}", s.first);
        assert!(
            s.live.is_some_and(|live| live < Duration::from_secs(2)),
            "{:?}",
            s.live
        );
    }
    assert!(sim.requests.len() <= 2, "{:?}", sim.requests);
}

#[test]
fn a_join_on_a_narrow_or_lossy_path_still_starts() {
    for (rate, loss) in [(Some(1_000_000), 0.0), (Some(3_000_000), 0.0), (None, 0.05)] {
        let mut sim = Sim::new();
        let mut source = Ladder::new(sim.now, 10, &[("f", 2_500_000, 720), ("q", 300_000, 180)]);
        source.gop = Some(Duration::from_secs(4));
        source.answers = None;
        sim.begin(source);
        sim.run(11_500);
        let viewer = sim.join(vp8(), Duration::from_millis(20));
        sim.viewers[viewer].down.rate = rate;
        sim.viewers[viewer].down.loss = crate::path::Loss::Random(loss);
        sim.connect(viewer);
        let from = sim.now;
        sim.watch(15_000);
        sim.holds(viewer);
        let s = start(&sim, viewer);
        let later = sim.seen(viewer, from + Duration::from_secs(6));
        println!(
            "rate {rate:?} loss {loss}: first {} ms, live after {:?}, {}, longest freeze from 6 s on {} ms",
            s.first.as_millis(),
            s.live,
            crate::sim::shares(&sim.viewers[viewer].on),
            later.longest.as_millis()
        );
        assert!(s.first < Duration::from_millis(1_500), "{:?}", s.first);
        assert!(later.longest < Duration::from_millis(1_000), "{later:?}");
    }
}
