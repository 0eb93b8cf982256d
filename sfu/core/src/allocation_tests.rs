//! Estimator, chooser and path in one loop. `cargo test -p weir-sfu-core allocation -- --nocapture`
//! prints the tables.

use super::*;
use crate::bwe::sim::{AUDIO_RATE, Path, Sim, path};

const LAYERS: [u64; 3] = [150_000, 600_000, 2_500_000];
const MBIT: u64 = 1_000_000;

/// Switches down, and the most of them within 10 s.
fn flaps(sim: &Sim, from: f64) -> (usize, usize) {
    let rank = |choice: Choice| match choice {
        Choice::Layer(rank) => i32::from(rank.0),
        Choice::Pause => -1,
    };
    let downs: Vec<u64> = sim
        .switches
        .windows(2)
        .filter(|pair| rank(pair[1].1) < rank(pair[0].1))
        .map(|pair| pair[1].0)
        .filter(|at| *at as f64 * 1e-6 > from)
        .collect();
    let within = |at: &u64| {
        downs
            .iter()
            .filter(|d| *at <= **d && **d < at + 10_000_000)
            .count()
    };
    (downs.len(), downs.iter().map(within).max().unwrap_or(0))
}

fn show(sim: &Sim) -> String {
    sim.switches
        .iter()
        .map(|(at, choice)| match choice {
            Choice::Layer(rank) => format!("{:.1}s:{} ", *at as f64 * 1e-6, rank.0),
            Choice::Pause => format!("{:.1}s:pause ", *at as f64 * 1e-6),
        })
        .collect()
}

#[test]
fn a_step_down_and_back() {
    eprintln!();
    for seed in 1..=5 {
        for delay_ms in [10, 25, 75, 150] {
            for low in [MBIT, 400_000] {
                let path = Path {
                    delay_ms,
                    ..path(5 * MBIT)
                };
                let mut sim = Sim::layered(path, &LAYERS, 1_500_000, seed).with_backlog(1);
                let mut top = None;
                sim.run(10_000, |sim| {
                    if top.is_none() && sim.choice() == Some(Choice::Layer(Rank(2))) {
                        top = Some(sim.seconds());
                    }
                });
                sim.path.rate = low;
                let mut fitting = None;
                sim.run(20_000, |sim| {
                    let fits = match sim.choice() {
                        Some(Choice::Layer(rank)) => LAYERS[usize::from(rank.0)] + AUDIO_RATE < low,
                        _ => true,
                    };
                    if !fits {
                        fitting = None;
                    } else if fitting.is_none() {
                        fitting = Some(sim.seconds() - 10.0);
                    }
                });
                sim.path.rate = 5 * MBIT;
                let mut back = None;
                sim.run(20_000, |sim| {
                    if back.is_none() && sim.choice() == Some(Choice::Layer(Rank(2))) {
                        back = Some(sim.seconds() - 30.0);
                    }
                });
                eprintln!(
                    "delay {delay_ms:>3} low {low:>7}: top {top:.2?} fitting {fitting:.2?} back {back:.2?}: {}",
                    show(&sim)
                );
            }
        }
    }
}

#[test]
fn steady_links_do_not_flap() {
    eprintln!();
    for (name, base) in [
        ("plain", path(0)),
        (
            "loss 5 %",
            Path {
                loss: 0.05,
                ..path(0)
            },
        ),
        (
            "burst loss 5 %",
            Path {
                loss: 0.05,
                burst: 5.0,
                ..path(0)
            },
        ),
        (
            "jitter 30",
            Path {
                jitter_ms: 30,
                ..path(0)
            },
        ),
        (
            "loss, jitter",
            Path {
                jitter_ms: 30,
                loss: 0.05,
                ..path(0)
            },
        ),
        (
            "rtt 300",
            Path {
                delay_ms: 150,
                ..path(0)
            },
        ),
        (
            "small queue",
            Path {
                queue_ms: 60,
                ..path(0)
            },
        ),
        (
            "large queue",
            Path {
                queue_ms: 1000,
                ..path(0)
            },
        ),
    ] {
        for layer in LAYERS {
            for percent in [90, 95, 100, 105, 110, 120, 150] {
                let mut worst = 0;
                let mut total = 0;
                let mut shown = String::new();
                let mut time = [0_u32; 4];
                for seed in 1..=5 {
                    let rate = layer * percent / 100;
                    let mut sim = Sim::layered(Path { rate, ..base }, &LAYERS, 1_500_000, seed)
                        .with_backlog(1);
                    sim.run(60_000, |sim| match sim.choice() {
                        Some(Choice::Layer(r)) => time[usize::from(r.0)] += 1,
                        Some(Choice::Pause) => time[3] += 1,
                        None => {}
                    });
                    let (n, most) = flaps(&sim, 3.0);
                    total += n;
                    if most >= worst {
                        worst = most;
                        shown = show(&sim);
                    }
                }
                let t = time.map(|t| t / 3_000);
                eprintln!(
                    "{name:<14} {layer:>7} x {percent:>3} %: downs in 5 min {total:>2}, most in 10 s {worst} time% {t:?} {shown}"
                );
            }
        }
    }
}
