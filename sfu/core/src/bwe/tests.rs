//! The estimator over simulated paths. `cargo test -p weir-sfu-core bwe -- --nocapture` prints the
//! tables.

use super::sim::{AUDIO_RATE, Path, Sim, Video, path};

/// The estimate over a stretch of time.
#[derive(Debug, Clone, Copy)]
struct Seen {
    least: u64,
    most: u64,
    mean: f64,
    last: u64,
}

fn observe(sim: &mut Sim, millis: u64) -> Seen {
    let mut seen = Seen {
        least: u64::MAX,
        most: 0,
        mean: 0.0,
        last: 0,
    };
    sim.run(millis, |sim| {
        let estimate = sim.estimator.estimate();
        seen.least = seen.least.min(estimate);
        seen.most = seen.most.max(estimate);
        seen.mean += estimate as f64 / millis as f64;
        seen.last = estimate;
    });
    seen
}

fn row(name: &str, sim: &Sim, seen: Seen) {
    let k = |rate: u64| rate / 1_000;
    eprintln!(
        "{name:<44} least {:>6} mean {:>6} most {:>6} last {:>6} kbit/s, over {:>3}, probes {:>3}, lost {:>5}, queue {:>3} ms",
        k(seen.least),
        k(seen.mean as u64),
        k(seen.most),
        k(seen.last),
        sim.overs,
        sim.probes,
        sim.dropped,
        sim.worst_queue / 1_000
    );
}

const MBIT: u64 = 1_000_000;

#[test]
fn steady_links_with_the_application_below() {
    eprintln!();
    for seed in 1..=3 {
        for (rate, video) in [
            (MBIT, 600_000),
            (2 * MBIT, 600_000),
            (2 * MBIT, 1_400_000),
            (5 * MBIT, 600_000),
            (5 * MBIT, 2_500_000),
            (20 * MBIT, 2_500_000),
            (20 * MBIT, 8 * MBIT),
        ] {
            let mut sim = Sim::new(path(rate), Video::Fixed(video), 1_500_000, seed);
            sim.run(5_000, |_| ());
            let seen = observe(&mut sim, 30_000);
            row(&format!("steady {rate}, video {video}"), &sim, seen);
            // assert
            let _ = AUDIO_RATE;
        }
    }
}

#[test]
fn a_step_down_and_up() {
    eprintln!();
    for seed in 1..=5 {
        for delay_ms in [10, 25, 75] {
            let path = Path {
                delay_ms,
                ..path(5 * MBIT)
            };
            let mut sim = Sim::new(path, Video::Fixed(2_500_000), 3 * MBIT, seed);
            sim.wanted = Some(3 * MBIT);
            sim.run(10_000, |_| ());
            sim.path.rate = MBIT;
            let mut fell = None;
            sim.run(3_000, |sim| {
                if fell.is_none() && sim.estimator.estimate() < 1_100_000 {
                    fell = Some(sim.seconds() - 10.0);
                }
            });
            sim.video = Video::Fixed(600_000);
            let low = observe(&mut sim, 20_000);
            row(
                &format!("5 -> 1, delay {delay_ms}: below 1.1 after {fell:.2?} s"),
                &sim,
                low,
            );
            sim.path.rate = 5 * MBIT;
            let from = sim.seconds();
            let mut rose = None;
            sim.run(10_000, |sim| {
                if rose.is_none() && sim.estimator.estimate() >= 3_000_000 {
                    rose = Some(sim.seconds() - from);
                }
            });
            eprintln!(
                "   back above 3.0 Mbit/s after {rose:.2?} s, last {}",
                sim.estimator.estimate()
            );
        }
    }
}

#[test]
fn random_and_burst_loss() {
    eprintln!();
    for seed in 1..=3 {
        for (loss, burst) in [
            (0.01, 1.0),
            (0.05, 1.0),
            (0.05, 5.0),
            (0.1, 1.0),
            (0.2, 1.0),
        ] {
            let path = Path {
                loss,
                burst,
                ..path(5 * MBIT)
            };
            let mut sim = Sim::new(path, Video::Fixed(2_500_000), 3 * MBIT, seed);
            sim.run(5_000, |_| ());
            let seen = observe(&mut sim, 30_000);
            row(&format!("loss {loss} in bursts of {burst}"), &sim, seen);
        }
    }
}

#[test]
fn long_and_jittery_paths() {
    eprintln!();
    for seed in 1..=3 {
        for (delay_ms, jitter_ms, reorders) in [
            (150, 0, false),
            (25, 10, false),
            (25, 30, false),
            (25, 30, true),
            (150, 30, true),
        ] {
            let path = Path {
                delay_ms,
                jitter_ms,
                reorders,
                ..path(5 * MBIT)
            };
            let mut sim = Sim::new(path, Video::Fixed(2_500_000), 3 * MBIT, seed);
            sim.run(5_000, |_| ());
            let seen = observe(&mut sim, 60_000);
            row(
                &format!("delay {delay_ms} jitter {jitter_ms} {reorders}"),
                &sim,
                seen,
            );
        }
    }
}
