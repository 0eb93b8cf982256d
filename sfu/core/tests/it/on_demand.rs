//! A ladder whose lower rungs are made only while viewers need them.

use std::time::Duration;

use weir_media::RtpLayer;
use weir_sfu_core::LayerChoice;

use crate::{
    ladder::Ladder,
    sim::{Sim, shares},
    world::vp8,
};

const LADDER: [(&str, u64, u16); 3] = [
    ("720p", 2_500_000, 720),
    ("480p", 1_000_000, 480),
    ("360p", 500_000, 360),
];

const MBIT: u64 = 1_000_000;

/// What an encoder takes to start.
const WAKES_IN: Duration = Duration::from_millis(600);

/// On air with the best rung alone.
fn on_air() -> Sim {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, &LADDER);
    source.info.announced = LADDER
        .map(|(name, bitrate, height)| RtpLayer {
            name: name.to_owned(),
            width: u32::from(height) * 16 / 9,
            height: height.into(),
            bitrate: bitrate as u32,
        })
        .into();
    for layer in &mut source.layers[1..] {
        layer.on = false;
    }
    source.gop = Some(Duration::from_secs(2));
    source.wakes_in = Some(WAKES_IN);
    sim.begin(source);
    sim.run(2_500);
    sim
}

fn join(sim: &mut Sim, rate: Option<u64>) -> usize {
    let viewer = sim.join(vp8(), Duration::from_millis(20));
    sim.viewers[viewer].down.rate = rate;
    sim.connect(viewer);
    viewer
}

fn layer(sim: &mut Sim, viewer: usize) -> Option<String> {
    sim.stats(viewer).layer
}

#[test]
fn nobody_needs_more_than_there_is() {
    let mut sim = on_air();
    assert_eq!(sim.needed, 0);
    let viewer = join(&mut sim, Some(8 * MBIT));
    sim.watch(10_000);
    assert_eq!(sim.needed, 0b001);
    assert_eq!(shares(&sim.viewers[viewer].on[20..]), "720p 100%");
    sim.choose(viewer, LayerChoice::Paused);
    sim.run(300);
    assert_eq!(sim.needed, 0);
    sim.holds(viewer);
}

#[test]
fn who_joins_by_a_narrow_path_gets_a_rung_that_fits() {
    for (rate, fits) in [(1_500_000, "480p"), (800_000, "360p")] {
        let mut sim = on_air();
        let viewer = join(&mut sim, Some(rate));
        let joined = sim.now;
        let mut took = 0;
        while layer(&mut sim, viewer).as_deref() != Some(fits) {
            sim.run(20);
            took += 20;
            assert!(
                took < 6_000,
                "{fits} is never reached: {:?}",
                sim.stats(viewer)
            );
        }
        sim.watch(10_000);
        let settled = sim.seen(viewer, joined + Duration::from_millis(took + 3_000));
        println!(
            "{rate}: on {fits} after {took} ms ({}), then {settled:?}",
            shares(&sim.viewers[viewer].on)
        );
        assert!(settled.freezes == 0, "{settled:?}");
        sim.holds(viewer);
    }
}

#[test]
fn a_path_that_narrows_wakes_a_rung_and_one_that_widens_lets_it_go() {
    let mut sim = on_air();
    let viewer = join(&mut sim, Some(6 * MBIT));
    sim.watch(5_000);
    assert_eq!(sim.needed, 0b001);
    sim.viewers[viewer].down.rate = Some(1_500_000);
    let from = sim.now;
    sim.watch(10_000);
    let seen = sim.seen(viewer, from);
    println!(
        "6 -> 1.5: {} {seen:?}",
        shares(&sim.viewers[viewer].on[50..])
    );
    assert_ne!(layer(&mut sim, viewer).as_deref(), Some("720p"));
    assert!(seen.longest < Duration::from_millis(2_000), "{seen:?}");
    sim.viewers[viewer].down.rate = Some(6 * MBIT);
    sim.watch(15_000);
    assert_eq!(layer(&mut sim, viewer).as_deref(), Some("720p"));
    assert_eq!(sim.needed, 0b001);
    sim.holds(viewer);
}

#[test]
fn a_rung_that_is_chosen_by_name_comes_without_a_gap() {
    let mut sim = on_air();
    let viewer = join(&mut sim, Some(8 * MBIT));
    sim.run(3_000);
    let from = sim.now;
    sim.choose(viewer, LayerChoice::Layer("360p".into()));
    sim.run(1);
    assert_eq!(sim.needed, 0b101, "at once");
    sim.run(500);
    assert_eq!(
        layer(&mut sim, viewer).as_deref(),
        Some("720p"),
        "till then"
    );
    sim.run(250);
    assert_eq!(layer(&mut sim, viewer).as_deref(), Some("360p"));
    // Whoever joins now begins with what is there.
    let second = join(&mut sim, Some(8 * MBIT));
    sim.run(3_000);
    assert_eq!(layer(&mut sim, second).as_deref(), Some("720p"));
    assert_eq!(sim.needed, 0b101);
    let seen = sim.seen(viewer, from);
    assert!(seen.freezes == 0 && seen.delivered > 98.0, "{seen:?}");
    sim.holds(viewer);
    sim.holds(second);
}

#[test]
fn nobody_begins_with_what_a_sleeping_rung_left_behind() {
    let mut sim = on_air();
    let first = join(&mut sim, Some(8 * MBIT));
    sim.choose(first, LayerChoice::Layer("360p".into()));
    sim.run(3_000);
    sim.choose(first, LayerChoice::Auto);
    sim.run(2_000);
    let source = sim.source.as_mut().unwrap();
    source.layers[2].on = false;
    sim.run(3_000);
    // Its path is too narrow for the backlog of the best.
    let second = join(&mut sim, Some(800_000));
    let stats = sim.stats(second);
    assert_ne!(stats.layer.as_deref(), Some("360p"), "that stands still");
    sim.run(6_000);
    assert_eq!(layer(&mut sim, second).as_deref(), Some("360p"));
    let seen = sim.seen(second, sim.now - Duration::from_secs(2));
    assert!(seen.freezes == 0, "{seen:?}");
    sim.holds(second);
}
