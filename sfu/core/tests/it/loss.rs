//! Viewers behind paths that lose, delay and reorder.

use std::time::Duration;

use crate::{
    ladder::Ladder,
    path::Loss,
    sim::{Seen, Sim, shares},
    world::vp8,
};

#[derive(Debug, Clone, Copy)]
struct Case {
    loss: Loss,
    round_trip: u64,
    jitter: u64,
    reordered: f64,
}

struct Outcome {
    seen: Seen,
    retransmitted: u64,
    plis: u64,
    layers: String,
}

/// The full matrix takes minutes; otherwise it is a part of it.
fn everything() -> bool {
    std::env::var_os("WEIR_SIM_ALL").is_some()
}

fn play(case: Case, layers: &[(&'static str, u64, u16)], seconds: u64) -> Outcome {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, layers);
    source.gop = Some(Duration::from_secs(2));
    sim.begin(source);
    sim.run(1_000);
    let viewer = sim.join(vp8(), Duration::from_millis(case.round_trip / 2));
    sim.connect(viewer);
    sim.run(2_000);
    let v = &mut sim.viewers[viewer];
    for path in [&mut v.down, &mut v.up] {
        path.loss = case.loss;
        path.jitter = Duration::from_millis(case.jitter);
        path.reordered = case.reordered;
    }
    let from = sim.now;
    let before = (sim.rx(viewer).retransmitted, sim.rx(viewer).plis);
    sim.watch(seconds * 1_000);
    sim.holds(viewer);
    let rx = sim.rx(viewer);
    assert!(rx.twcc_sent > seconds * 5);
    Outcome {
        seen: sim.seen(viewer, from),
        retransmitted: rx.retransmitted - before.0,
        plis: rx.plis - before.1,
        layers: shares(&sim.viewers[viewer].on),
    }
}

fn head() {
    println!(
        "{:<22} {:>5} {:>6} {:>5} | {:>9} {:>6} {:>7} {:>8} {:>6} {:>4}  layers",
        "loss",
        "rtt",
        "jitter",
        "reord",
        "delivered",
        "late",
        "freezes",
        "longest",
        "resent",
        "pli"
    );
}

fn row(case: Case, outcome: &Outcome) {
    let Outcome {
        seen,
        retransmitted,
        plis,
        layers,
    } = outcome;
    println!(
        "{:<22} {:>5} {:>6} {:>5} | {:>8.2}% {:>5.2}% {:>7} {:>6}ms {:>6} {:>4}  {layers}",
        format!("{:?}", case.loss),
        case.round_trip,
        case.jitter,
        case.reordered,
        seen.delivered,
        seen.late,
        seen.freezes,
        seen.longest.as_millis(),
        retransmitted,
        plis
    );
}

const SINGLE: [(&str, u64, u16); 1] = [("", 2_500_000, 720)];

#[test]
fn five_percent_at_fifty_milliseconds_freezes_nothing() {
    head();
    // In bursts an answer is lost with its repetition; the receiver asks each 100 ms.
    for (loss, longest) in [(Loss::Random(0.05), 500), (Loss::Bursts(0.05, 4.0), 800)] {
        let case = Case {
            loss,
            round_trip: 50,
            jitter: 0,
            reordered: 0.0,
        };
        let outcome = play(case, &SINGLE, 60);
        row(case, &outcome);
        let seen = outcome.seen;
        assert!(seen.longest < Duration::from_millis(longest), "{seen:?}");
        assert!(seen.delivered > 99.0, "{seen:?}");
    }
}

#[test]
fn the_matrix() {
    head();
    let (shares, trips, seconds): (&[f64], &[u64], u64) = if everything() {
        (&[0.01, 0.05, 0.1, 0.2], &[20, 100, 300], 30)
    } else {
        (&[0.01, 0.1, 0.2], &[20, 100, 300], 10)
    };
    for share in shares {
        for round_trip in trips {
            for loss in [Loss::Random(*share), Loss::Bursts(*share, 4.0)] {
                for jitter in if everything() { &[0, 20][..] } else { &[20] } {
                    let case = Case {
                        loss,
                        round_trip: *round_trip,
                        jitter: *jitter,
                        reordered: if *jitter > 0 { 0.01 } else { 0.0 },
                    };
                    let outcome = play(case, &SINGLE, seconds);
                    row(case, &outcome);
                    // Regression limits, wide where one repair more or less moves ten seconds:
                    // delivered in percent, longest time without a new picture.
                    let (least, longest) = match (*share, *round_trip) {
                        (..0.02, ..300) => (95.0, 500),
                        (..0.02, _) => (85.0, 800),
                        (..0.15, ..300) => (80.0, 1_500),
                        (..0.15, _) => (40.0, 2_500),
                        (_, ..300) => (60.0, 2_500),
                        (_, _) => (15.0, 5_000),
                    };
                    let seen = outcome.seen;
                    assert!(seen.delivered >= least, "{case:?} {seen:?}");
                    let longest = Duration::from_millis(longest);
                    assert!(seen.longest <= longest, "{case:?} {seen:?}");
                    assert!(!outcome.layers.contains("none"), "{}", outcome.layers);
                }
            }
        }
    }
}
