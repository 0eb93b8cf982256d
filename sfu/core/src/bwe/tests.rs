//! The estimator over simulated paths. `cargo test -p weir-sfu-core bwe -- --nocapture` prints the
//! tables.

// The tables are for people.
#![allow(clippy::print_stderr)]

use std::time::{Duration, Instant};

use super::{
    Estimator, Usage,
    sim::{AUDIO_RATE, Path, Rng, Sim, Video, path},
};

const MBIT: u64 = 1_000_000;

/// The estimate over a stretch of time, bit/s.
#[derive(Debug, Clone, Copy)]
struct Seen {
    least: u64,
    most: u64,
    mean: f64,
}

fn observe(sim: &mut Sim, millis: u64) -> Seen {
    let mut seen = Seen {
        least: u64::MAX,
        most: 0,
        mean: 0.0,
    };
    sim.run(millis, |sim| {
        let estimate = sim.estimator.estimate();
        seen.least = seen.least.min(estimate);
        seen.most = seen.most.max(estimate);
        seen.mean += estimate as f64 / millis as f64;
    });
    seen
}

fn row(name: &str, sim: &Sim, seen: Seen) {
    eprintln!(
        "{name:<36} kbit/s: least {:>6} mean {:>6} most {:>6}; overuse {:>2}, probes {:>2}, dropped {:>4}, queue up to {:>3} ms",
        seen.least / 1_000,
        seen.mean as u64 / 1_000,
        seen.most / 1_000,
        sim.overs,
        sim.probes,
        sim.dropped,
        sim.worst_queue / 1_000
    );
}

/// When the estimate first is as wanted, in seconds from now.
fn when(sim: &mut Sim, millis: u64, is: impl Fn(u64) -> bool) -> Option<f64> {
    let from = sim.seconds();
    let mut found = None;
    sim.run(millis, |sim| {
        if found.is_none() && is(sim.estimator.estimate()) {
            found = Some(sim.seconds() - from);
        }
    });
    found
}

#[test]
fn what_is_sent_fits_and_a_probe_finds_what_more_fits() {
    eprintln!();
    for seed in 1..=3 {
        for (rate, video, next) in [
            (MBIT, 500_000, 800_000),
            (2 * MBIT, 600_000, 1_700_000),
            (2 * MBIT, 1_400_000, 1_700_000),
            (5 * MBIT, 600_000, 3 * MBIT),
            (5 * MBIT, 2_500_000, 4 * MBIT),
            (20 * MBIT, 2_500_000, 10 * MBIT),
            (20 * MBIT, 8 * MBIT, 15 * MBIT),
        ] {
            let mut sim = Sim::new(path(rate), Video::Fixed(video), 600_000, seed);
            sim.wanted = Some(next);
            sim.run(5_000, |_| ());
            let seen = observe(&mut sim, 30_000);
            row(&format!("link {rate}, video {video}"), &sim, seen);
            assert!(seen.least >= video + AUDIO_RATE, "{seen:?}");
            assert!(seen.most >= next, "{seen:?}");
            assert_eq!(sim.overs, 0, "keyframes are no overuse");
        }
    }
}

#[test]
fn a_probe_does_not_find_what_does_not_fit() {
    eprintln!();
    for seed in 1..=5 {
        for delay_ms in [10, 150] {
            let path = Path {
                delay_ms,
                ..path(MBIT)
            };
            let mut sim = Sim::new(path, Video::Fixed(600_000), 700_000, seed);
            sim.wanted = Some(3 * MBIT);
            let seen = observe(&mut sim, 60_000);
            row(&format!("1 Mbit/s, delay {delay_ms}, 3 wanted"), &sim, seen);
            assert!(seen.most < 1_200_000, "{seen:?}");
            assert!(sim.probes < 18, "they become rare: {}", sim.probes);
            assert!(
                sim.worst_queue < 250_000,
                "with a keyframe's 100 ms: {}",
                sim.worst_queue
            );
        }
    }
}

#[test]
fn a_step_down_and_up() {
    eprintln!();
    for seed in 1..=3 {
        for (queue_ms, delay_ms) in [(300, 10), (300, 25), (300, 75), (60, 25), (1_000, 25)] {
            let path = Path {
                queue_ms,
                delay_ms,
                ..path(5 * MBIT)
            };
            let mut sim = Sim::new(path, Video::Fixed(2_500_000), 3 * MBIT, seed);
            sim.wanted = Some(3_600_000);
            sim.run(10_000, |_| ());
            sim.path.rate = MBIT;
            let fell = when(&mut sim, 3_000, |estimate| estimate < 1_100_000);
            sim.video = Video::Fixed(600_000);
            let low = observe(&mut sim, 20_000);
            sim.path.rate = 5 * MBIT;
            let rose = when(&mut sim, 10_000, |estimate| estimate >= 3_500_000);
            row(
                &format!("5 → 1 → 5, delay {delay_ms}, queue {queue_ms}"),
                &sim,
                low,
            );
            eprintln!("   below 1.1 after {fell:.2?} s, above 3.5 after {rose:.2?} s");
            assert!(fell.is_some_and(|after| after <= 1.2), "{fell:?}");
            assert!(low.least > 650_000 && low.most < 1_200_000, "{low:?}");
            assert!(rose.is_some_and(|after| after <= 8.0), "{rose:?}");
        }
    }
}

#[test]
fn losses() {
    eprintln!();
    for seed in 1..=5 {
        for (loss, burst) in [(0.01, 1.0), (0.05, 1.0), (0.05, 5.0), (0.07, 1.0)] {
            let path = Path {
                loss,
                burst,
                ..path(5 * MBIT)
            };
            let mut sim = Sim::new(path, Video::Fixed(2_500_000), 3 * MBIT, seed);
            sim.run(5_000, |_| ());
            let seen = observe(&mut sim, 60_000);
            row(&format!("loss {loss}, bursts of {burst}"), &sim, seen);
            assert!(
                seen.least > 2_000_000 && seen.mean > 2_600_000.0,
                "{seen:?}"
            );
        }
        let path = Path {
            loss: 0.2,
            ..path(5 * MBIT)
        };
        let mut sim = Sim::new(path, Video::Fixed(2_500_000), 3 * MBIT, seed);
        sim.run(5_000, |_| ());
        let seen = observe(&mut sim, 20_000);
        row("loss 0.2", &sim, seen);
        assert!(seen.most < 2_100_000, "too much: {seen:?}");
        assert!(
            seen.least > 1_200_000,
            "but no less than arrives, or so: {seen:?}"
        );
        // A lower rate loses as much: so it is not the rate.
        sim.video = Video::Fixed(600_000);
        sim.wanted = Some(3 * MBIT);
        let found = when(&mut sim, 20_000, |estimate| estimate >= 3 * MBIT);
        eprintln!("   loss found to be the path's own, above 3 Mbit/s after {found:.1?} s");
        assert!(found.is_some());
    }
}

#[test]
fn long_jittery_and_reordering_paths() {
    eprintln!();
    for seed in 1..=3 {
        for (delay_ms, jitter_ms, reorders, feedback_ms) in [
            (150, 0, false, 100),
            (25, 10, false, 50),
            (25, 30, false, 100),
            (25, 30, true, 100),
            (150, 30, true, 250),
        ] {
            let path = Path {
                delay_ms,
                jitter_ms,
                reorders,
                feedback_ms,
                feedback_loss: 0.1,
                ..path(5 * MBIT)
            };
            let mut sim = Sim::new(path, Video::Fixed(2_500_000), 3 * MBIT, seed);
            sim.run(5_000, |_| ());
            let seen = observe(&mut sim, 60_000);
            let order = if reorders { ", reordering" } else { "" };
            row(
                &format!("delay {delay_ms}, jitter {jitter_ms}{order}"),
                &sim,
                seen,
            );
            assert!(seen.least > 2_100_000, "{seen:?}");
            sim.path.rate = MBIT;
            let fell = when(&mut sim, 3_000, |estimate| estimate < 1_150_000);
            eprintln!("   a step to 1 Mbit/s: below 1.15 after {fell:.2?} s");
            assert!(fell.is_some_and(|after| after <= 2.0), "{fell:?}");
        }
    }
}

#[test]
fn the_backlog_at_the_start_is_the_first_measurement() {
    eprintln!();
    for seed in 1..=3 {
        for (rate, guess) in [(MBIT, 4 * MBIT), (400_000, 4 * MBIT), (5 * MBIT, MBIT)] {
            let mut sim =
                Sim::new(path(rate), Video::Fixed(1_500_000), guess, seed).with_backlog(2);
            let right = |estimate: u64| {
                if guess > rate {
                    estimate < rate * 11 / 10
                } else {
                    estimate > 2_500_000
                }
            };
            let after = when(&mut sim, 3_000, right);
            eprintln!("link {rate}, guess {guess}: right after {after:.2?} s");
            assert!(after.is_some_and(|after| after <= 1.0), "{after:?}");
        }
    }
}

#[test]
fn few_packets_and_no_audio_are_enough() {
    // 5 pictures a second, as a slow screen share: the queue still shows.
    let start = Instant::now();
    let mut estimator = Estimator::new(start, 2 * MBIT);
    let mut free_at = 0_u64;
    let mut over = false;
    for picture in 0..100_u64 {
        let now = picture * 200_000;
        let rate = if picture < 50 { 2 * MBIT } else { 400_000 };
        let at = |micros| start + Duration::from_micros(micros);
        let mut packets = Vec::new();
        for _ in 0..12 {
            let seq = estimator.sent(at(now), 1_000, None);
            free_at = free_at.max(now) + 8_000 * MBIT / rate;
            packets.push((seq, Some((free_at / 250) as i64)));
        }
        estimator.feedback(at(free_at.max(now) + 20_000), 0, packets.into_iter());
        over |= picture >= 50 && estimator.usage() == Usage::Over;
        assert!(picture >= 50 || estimator.estimate() >= 2 * MBIT);
    }
    assert!(over);
    assert!(estimator.estimate() < 440_000, "{}", estimator.estimate());
}

#[test]
fn silence_lowers_and_feedback_restores() {
    let mut sim = Sim::new(path(5 * MBIT), Video::Fixed(600_000), 3 * MBIT, 1);
    sim.run(3_000, |_| ());
    let before = sim.estimator.estimate();
    sim.answers = false;
    sim.run(4_500, |_| ());
    let silent = sim.estimator.estimate();
    assert!(silent < before / 2, "{before} → {silent}");
    sim.answers = true;
    sim.run(1_500, |_| ());
    let after = sim.estimator.estimate();
    assert!(after >= 600_000 + AUDIO_RATE, "{after}");
}

#[test]
fn without_transport_wide_feedback_reports_of_loss_count() {
    let mut sim = Sim::new(path(5 * MBIT), Video::Fixed(1_000_000), 1_000_000, 1);
    sim.answers = false;
    for _ in 0..10 {
        sim.run(1_000, |_| ());
        sim.estimator.loss(sim.instant(), 2);
    }
    let grown = sim.estimator.estimate();
    assert!(grown > 1_200_000, "{grown}");
    for _ in 0..10 {
        sim.run(1_000, |_| ());
        sim.estimator.loss(sim.instant(), 64);
    }
    let fallen = sim.estimator.estimate();
    assert!(fallen < 1_000_000, "{fallen}");
}

#[test]
fn nonsense_does_no_harm_but_to_the_estimate() {
    let start = Instant::now();
    let mut estimator = Estimator::new(start, MBIT);
    let mut rng = Rng(7);
    let mut below = |limit: u64| (rng.unit() * limit as f64) as u64;
    let mut now = start;
    for _ in 0..20_000 {
        now += Duration::from_micros(below(20_000));
        estimator.sent(now, below(70_000) as usize, None);
        let count = below(40);
        let packets: Vec<(u16, Option<i64>)> = (0..count)
            .map(|_| {
                let arrival = match below(4) {
                    0 => None,
                    1 => Some(below(1 << 40) as i64 - (1 << 39)),
                    2 => Some(i64::MIN + below(3) as i64),
                    _ => Some(i64::MAX - below(3) as i64),
                };
                (below(1 << 16) as u16, arrival)
            })
            .collect();
        estimator.feedback(now, below(1 << 32) as i32, packets.into_iter());
        let _ = estimator.poll_probe(now, Some(10 * MBIT));
        let estimate = estimator.estimate();
        assert!((super::LEAST..=super::MOST).contains(&estimate));
    }
}

#[test]
fn one_viewer_is_small() {
    let ring = size_of::<super::history::Sent>() * super::CAPACITY;
    let all = size_of::<Estimator>() + ring;
    eprintln!("an estimator takes {all} bytes");
    assert!(all <= 12 * 1_024);
}

/// `cargo test -p weir-sfu-core --release --lib cost -- --ignored --nocapture`
#[test]
#[ignore = "prints a cost; says something only in a release build"]
fn cost_per_packet_and_feedback() {
    let start = Instant::now();
    let mut now = start;
    // Many viewers, so that their memory is as cold as in a server.
    let mut viewers: Vec<Estimator> = (0..500).map(|_| Estimator::new(now, 3 * MBIT)).collect();
    let (mut packets, mut sending) = (0_u32, Duration::ZERO);
    let (mut feedbacks, mut taking) = (0_u32, Duration::ZERO);
    // Three frames and five audio packets: eight groups.
    let mut offsets: Vec<u64> = (0..25).map(|n| n % 3 * 33).collect();
    offsets.extend((0..5).map(|n| 10 + n * 20));
    offsets.sort_unstable();
    for round in 0..200_i64 {
        let mut last = 0;
        let began = Instant::now();
        for viewer in &mut viewers {
            for offset in &offsets {
                last = viewer.sent(now + Duration::from_millis(*offset), 1_200, None);
                packets += 1;
            }
        }
        sending += began.elapsed();
        now += Duration::from_millis(100);
        let first = last.wrapping_sub(29);
        let report: Vec<(u16, Option<i64>)> = (0..30_u16)
            .zip(&offsets)
            .map(|(n, offset)| {
                let arrival = round * 400 + *offset as i64 * 4 + i64::from(n % 8);
                (first.wrapping_add(n), (n != 17).then_some(arrival))
            })
            .collect();
        let began = Instant::now();
        for viewer in &mut viewers {
            viewer.feedback(now, 0, report.iter().copied());
            let _ = viewer.poll_probe(now, None);
            feedbacks += 1;
        }
        taking += began.elapsed();
    }
    eprintln!(
        "{} ns per packet sent, {} ns per feedback of 30",
        (sending / packets).as_nanos(),
        (taking / feedbacks).as_nanos()
    );
}
