//! The chooser alone, then with the estimator and a simulated path in one loop.
//! `cargo test -p weir-sfu-core allocation -- --nocapture` prints the tables.

// The tables are for people.
#![allow(clippy::print_stderr)]

use super::*;
use crate::bwe::sim::{AUDIO_RATE, Path, Sim, Video, path};

const RATES: [u64; 3] = [150_000, 600_000, 2_500_000];
const MBIT: u64 = 1_000_000;
const TOP: Option<Choice> = Some(Choice::Layer(Rank(2)));

fn layers() -> Vec<Layer> {
    let layer = |(rank, bitrate)| Layer { rank, bitrate };
    (0..).map(Rank).zip(RATES).map(layer).collect()
}

/// A chooser under a scripted estimate.
struct Script {
    now: Instant,
    chooser: LayerChooser,
    layers: Vec<Layer>,
    wish: Wish,
}

impl Script {
    fn new(estimate: u64) -> Self {
        let layers = layers();
        Self {
            now: Instant::now(),
            chooser: LayerChooser::new(start_layer(estimate, &layers, AUDIO_RATE)),
            layers,
            wish: Wish::Auto,
        }
    }

    /// The estimate stays for so long; gives the last choice.
    fn hold(&mut self, millis: u64, estimate: u64) -> Choice {
        let mut choice = Choice::Pause;
        for _ in 0..millis.div_ceil(100).max(1) {
            self.now += Duration::from_millis(100);
            let situation = Situation {
                estimate,
                over: false,
                layers: &self.layers,
                audio: AUDIO_RATE,
                wish: self.wish,
            };
            choice = self.chooser.choose(self.now, &situation);
        }
        choice
    }
}

#[test]
fn starts_with_what_fits() {
    let start = |estimate| start_layer(estimate, &layers(), AUDIO_RATE);
    assert_eq!(start(10_000), Some(Rank(0)));
    assert_eq!(start(700_000), Some(Rank(0)), "without a margin");
    assert_eq!(start(800_000), Some(Rank(1)));
    assert_eq!(start(4 * MBIT), Some(Rank(2)));
    assert_eq!(start_layer(4 * MBIT, &[], 0), None);
}

#[test]
fn the_viewers_wish_counts_at_once_and_probes_only_where_there_is_more() {
    let mut script = Script::new(4 * MBIT);
    assert_eq!(script.hold(100, 4 * MBIT), Choice::Layer(Rank(2)));
    assert_eq!(script.chooser.wanted(), None, "nothing above");
    script.wish = Wish::AtMost(Rank(1));
    assert_eq!(script.hold(100, 4 * MBIT), Choice::Layer(Rank(1)));
    assert_eq!(script.chooser.wanted(), None, "nothing above is allowed");
    script.wish = Wish::Paused;
    assert_eq!(script.hold(100, 4 * MBIT), Choice::Pause);
    assert_eq!(script.chooser.wanted(), None);
    script.wish = Wish::Auto;
    assert_eq!(script.hold(100, 4 * MBIT), Choice::Layer(Rank(2)));
    // A layer that stops leaves the next one, and comes back.
    let top = script.layers.pop().unwrap();
    assert_eq!(script.hold(100, 4 * MBIT), Choice::Layer(Rank(1)));
    script.layers.push(top);
    assert_eq!(script.hold(500, 4 * MBIT), Choice::Layer(Rank(2)));
    script.layers.clear();
    assert_eq!(script.hold(100, 4 * MBIT), Choice::Pause);
}

#[test]
fn down_at_once_or_with_patience_and_pause_as_the_last() {
    let mut script = Script::new(4 * MBIT);
    assert_eq!(script.hold(700, 2_450_000), Choice::Layer(Rank(2)), "a dip");
    assert_eq!(script.hold(200, 2_450_000), Choice::Layer(Rank(1)));
    let mut script = Script::new(4 * MBIT);
    assert_eq!(script.hold(100, 300_000), Choice::Layer(Rank(0)));
    assert_eq!(script.hold(5_000, 180_000), Choice::Layer(Rank(0)));
    assert_eq!(script.hold(1_900, 140_000), Choice::Layer(Rank(0)));
    assert_eq!(script.hold(300, 140_000), Choice::Pause);
    assert_eq!(
        script.chooser.wanted(),
        None,
        "not before it may come back: probes cost"
    );
    script.hold(7_000, 140_000);
    let need = RATES[0] + AUDIO_RATE;
    assert!(script.chooser.wanted().is_some_and(|wanted| wanted >= need));
    assert_eq!(script.hold(1_000, 300_000), Choice::Layer(Rank(0)));
}

#[test]
fn a_failed_switch_up_makes_patient() {
    let mut script = Script::new(MBIT);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let mut waited = 0;
        while script.hold(100, 3_200_000) != Choice::Layer(Rank(2)) {
            waited += 100;
        }
        waits.push(waited / 1_000);
        // It turns out not to fit.
        assert_eq!(script.hold(1_000, 1_500_000), Choice::Layer(Rank(1)));
    }
    assert_eq!(waits, [0, 11, 23, 47, 95, 119]);
    // One that holds is proven, and the next failure is the first again.
    while script.hold(100, 3_200_000) != Choice::Layer(Rank(2)) {}
    assert_eq!(script.hold(13_000, 3_200_000), Choice::Layer(Rank(2)));
    assert_eq!(script.hold(100, 1_500_000), Choice::Layer(Rank(1)));
    assert_eq!(script.hold(13_000, 3_200_000), Choice::Layer(Rank(2)));
}

/// Switches down later than 3 s: how many, and the most of them within 10 s.
fn flaps(sim: &Sim) -> (usize, usize) {
    let rank = |choice: Choice| match choice {
        Choice::Layer(rank) => i32::from(rank.0),
        Choice::Pause => -1,
    };
    let downs: Vec<u64> = sim
        .switches
        .windows(2)
        .filter(|pair| rank(pair[1].1) < rank(pair[0].1))
        .map(|pair| pair[1].0)
        .filter(|at| *at > 3_000_000)
        .collect();
    let within = |from: &u64| {
        let end = from + 10_000_000;
        downs.iter().filter(|at| (*from..end).contains(*at)).count()
    };
    (downs.len(), downs.iter().map(within).max().unwrap_or(0))
}

fn show(sim: &Sim) -> String {
    let show = |(at, choice): &(u64, Choice)| match choice {
        Choice::Layer(rank) => format!("{:.1} s → {}  ", *at as f64 * 1e-6, rank.0),
        Choice::Pause => format!("{:.1} s → pause  ", *at as f64 * 1e-6),
    };
    sim.switches.iter().map(show).collect()
}

#[test]
fn a_step_down_and_back() {
    eprintln!();
    for seed in 1..=3 {
        for (low, base) in [
            (MBIT, path(0)),
            (400_000, path(0)),
            (
                MBIT,
                Path {
                    delay_ms: 75,
                    ..path(0)
                },
            ),
            (
                400_000,
                Path {
                    delay_ms: 150,
                    ..path(0)
                },
            ),
            (
                MBIT,
                Path {
                    loss: 0.05,
                    jitter_ms: 10,
                    ..path(0)
                },
            ),
            (
                MBIT,
                Path {
                    queue_ms: 1_000,
                    ..path(0)
                },
            ),
            (
                MBIT,
                Path {
                    queue_ms: 60,
                    ..path(0)
                },
            ),
        ] {
            let path = Path {
                rate: 5 * MBIT,
                ..base
            };
            let mut sim = Sim::layered(path, &RATES, 1_500_000, seed).with_backlog(1);
            let mut top = None;
            sim.run(10_000, |sim| {
                if top.is_none() && sim.choice() == TOP {
                    top = Some(sim.seconds());
                }
            });
            sim.path.rate = low;
            let mut fits_since = None;
            sim.run(20_000, |sim| {
                let fits = match sim.choice() {
                    Some(Choice::Layer(rank)) => RATES[usize::from(rank.0)] + AUDIO_RATE < low,
                    Some(Choice::Pause) | None => false,
                };
                fits_since = match (fits, fits_since) {
                    (true, None) => Some(sim.seconds() - 10.0),
                    (true, since) => since,
                    (false, _) => None,
                };
            });
            sim.path.rate = 5 * MBIT;
            let mut back = None;
            sim.run(20_000, |sim| {
                if back.is_none() && sim.choice() == TOP {
                    back = Some(sim.seconds() - 30.0);
                }
            });
            let Path {
                delay_ms,
                loss,
                queue_ms,
                ..
            } = path;
            eprintln!(
                "5 Mbit/s → {low} → 5, delay {delay_ms}, loss {loss}, queue {queue_ms}: top after {top:.1?}, fitting after {fits_since:.1?}, top again after {back:.1?} s",
            );
            assert!(top.is_some_and(|after| after <= 4.0), "{}", show(&sim));
            assert!(
                fits_since.is_some_and(|after| after <= 2.0),
                "{}",
                show(&sim)
            );
            assert!(back.is_some_and(|after| after <= 10.0), "{}", show(&sim));
        }
    }
}

#[test]
fn a_short_dip() {
    eprintln!();
    for seed in 1..=5 {
        for (millis, rate) in [(500, MBIT), (1_000, MBIT), (3_000, 400_000), (2_000, 1_000)] {
            let mut sim = Sim::layered(path(5 * MBIT), &RATES, 4 * MBIT, seed);
            sim.run(10_000, |_| ());
            sim.path.rate = rate;
            sim.run(millis, |_| ());
            sim.path.rate = 5 * MBIT;
            // What waits in the queue was to leave at the old rate; now it does not.
            sim.clear_queue();
            let recovered = sim.seconds();
            let mut back = None;
            sim.run(20_000, |sim| {
                if sim.choice() != TOP {
                    back = None;
                } else if back.is_none() {
                    back = Some(sim.seconds() - recovered);
                }
            });
            eprintln!("{rate} bit/s for {millis} ms: top again after {back:.1?} s");
            assert!(back.is_some_and(|after| after <= 10.0), "{}", show(&sim));
        }
    }
}

#[test]
fn steady_links_do_not_flap() {
    eprintln!();
    let plain = path(0);
    for (name, base) in [
        ("plain", plain),
        (
            "loss 5 %",
            Path {
                loss: 0.05,
                ..plain
            },
        ),
        (
            "loss 5 %, bursts of 5",
            Path {
                loss: 0.05,
                burst: 5.0,
                ..plain
            },
        ),
        ("loss 20 %", Path { loss: 0.2, ..plain }),
        (
            "jitter 30 ms",
            Path {
                jitter_ms: 30,
                ..plain
            },
        ),
        (
            "jitter, reordering, loss",
            Path {
                jitter_ms: 30,
                reorders: true,
                loss: 0.05,
                ..plain
            },
        ),
        (
            "round trip 300 ms",
            Path {
                delay_ms: 150,
                ..plain
            },
        ),
        (
            "queue of 60 ms",
            Path {
                queue_ms: 60,
                ..plain
            },
        ),
        (
            "queue of 1 s",
            Path {
                queue_ms: 1_000,
                ..plain
            },
        ),
        (
            "batches of 20 ms",
            Path {
                batch_ms: 20,
                ..plain
            },
        ),
        (
            "rate wanders by 25 %",
            Path {
                wander: 0.25,
                ..plain
            },
        ),
        (
            "token bucket of 32 KB",
            Path {
                bucket: 32_000,
                ..plain
            },
        ),
    ] {
        for layer in RATES {
            for percent in [90, 100, 110] {
                let rate = layer * percent / 100;
                let (mut most, mut all, mut shown) = (0, 0, String::new());
                let mut share = [0_u32; 4];
                for (seed, guess) in [(1, 1_500_000), (2, 4 * MBIT), (3, 300_000)] {
                    let path = Path { rate, ..base };
                    let mut sim = Sim::layered(path, &RATES, guess, seed).with_backlog(1);
                    sim.run(60_000, |sim| match sim.choice() {
                        Some(Choice::Layer(rank)) => share[usize::from(rank.0)] += 1,
                        Some(Choice::Pause) => share[3] += 1,
                        None => {}
                    });
                    let (downs, near) = flaps(&sim);
                    all += downs;
                    if near >= most {
                        most = near;
                        shown = show(&sim);
                    }
                }
                let [low, mid, top, pause] = share.map(|millis| millis / 1_800);
                eprintln!(
                    "{name:<24} {rate:>7}: {all} down in 3 min, {most} in 10 s; low {low:>3} mid {mid:>3} top {top:>3} pause {pause:>3} %  {shown}",
                );
                assert!(most <= 1, "{name} {rate}: {shown}");
            }
        }
    }
}

#[test]
fn a_pause_of_the_viewer_costs_no_quality_after() {
    let mut sim = Sim::layered(path(5 * MBIT), &RATES, 1_500_000, 1).with_backlog(1);
    sim.run(10_000, |_| ());
    assert_eq!(sim.choice(), TOP);
    set_wish(&mut sim, Wish::Paused);
    sim.run(30_000, |_| ());
    assert_eq!(sim.choice(), Some(Choice::Pause));
    set_wish(&mut sim, Wish::Auto);
    sim.run(2_000, |_| ());
    assert_eq!(sim.choice(), TOP, "{}", show(&sim));
    sim.run(20_000, |_| ());
    assert_eq!(flaps(&sim).0, 1, "only the pause: {}", show(&sim));
}

fn set_wish(sim: &mut Sim, to: Wish) {
    if let Video::Layers { wish, .. } = &mut sim.video {
        *wish = to;
    }
}
