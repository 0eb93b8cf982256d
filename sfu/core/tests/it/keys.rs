//! No key and index pair is ever used twice, whatever happens to a viewer, and nothing that does not
//! open under the viewer's key ever reaches it.

use std::time::Duration;

use weir_sfu_core::LayerChoice;

use crate::{ladder::Ladder, path::Loss, sim::Sim, world::vp8};

const LADDER: [(&str, u64, u16); 3] = [
    ("f", 2_500_000, 720),
    ("h", 600_000, 360),
    ("q", 150_000, 180),
];

#[test]
fn no_index_is_sealed_twice_in_a_life_full_of_change() {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, &LADDER);
    source.gop = Some(Duration::from_secs(3));
    sim.begin(source);
    sim.run(5_000);
    let viewers: Vec<usize> = (0..4)
        .map(|_| {
            sim.run(337);
            sim.join(vp8(), Duration::from_millis(25))
        })
        .collect();
    for viewer in &viewers {
        sim.connect(*viewer);
    }
    for round in 0..24_usize {
        for viewer in &viewers {
            let v = &mut sim.viewers[*viewer];
            v.down.loss = [Loss::Random(0.1), Loss::Bursts(0.2, 6.0), Loss::None][round % 3];
            v.down.rate =
                [None, Some(1_000_000), Some(4_000_000), Some(300_000)][(round + viewer) % 4];
            v.down.reordered = 0.05;
            let choice = match (round + viewer) % 7 {
                0 => LayerChoice::Layer("q".into()),
                1 => LayerChoice::Paused,
                2 => LayerChoice::Layer("f".into()),
                3 => LayerChoice::MaxHeight(400),
                4 => LayerChoice::AudioOnly,
                _ => LayerChoice::Auto,
            };
            sim.choose(*viewer, choice);
            if round % 5 == 2 {
                sim.with(*viewer, |rx, now, out| rx.pli(now, out));
            }
            if round % 6 == 3 {
                sim.restart_ice(*viewer);
            }
        }
        if round % 8 == 7 {
            let (now, epoch) = (sim.now, 100 * (round as u64 + 1));
            let mut source = Ladder::new(now, epoch, &LADDER[..1 + round % 3]);
            source.gop = Some(Duration::from_secs(2));
            sim.begin(source);
        }
        sim.run(700 + 61 * round as u64);
    }
    for viewer in viewers {
        sim.viewers[viewer].down.loss = Loss::None;
        sim.viewers[viewer].down.rate = None;
        sim.run(500);
        let session = sim.viewers[viewer].session;
        assert!(sim.shard.handle_end(sim.now, session));
        sim.drain();
        sim.run(1_000);
        let rx = sim.rx(viewer);
        println!(
            "viewer {viewer}: {} packets, {} indices, {} retransmitted, {} shown",
            rx.packets,
            rx.indices.len(),
            rx.retransmitted,
            rx.shown.len()
        );
        assert_eq!((rx.repeated, rx.not_authentic), (0, 0));
        assert!(rx.goodbyes > 0 && rx.retransmitted > 20 && rx.packets > 1_000);
        assert!(
            rx.wrong.is_empty(),
            "{:#?}",
            &rx.wrong[..rx.wrong.len().min(5)]
        );
    }
}

#[test]
fn numbers_go_on_past_the_rollover() {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, &[("", 20_000_000, 1_080)]);
    source.gop = Some(Duration::from_secs(2));
    sim.begin(source);
    sim.run(1_000);
    let viewer = sim.join(vp8(), Duration::from_millis(20));
    sim.connect(viewer);
    sim.run(2_000);
    let from = sim.now;
    sim.viewers[viewer].down.loss = Loss::Random(0.01);
    sim.run(33_000);
    sim.holds(viewer);
    let rx = sim.rx(viewer);
    let video = rx.streams.video;
    let highest = rx
        .indices
        .iter()
        .filter(|(ssrc, _)| *ssrc == video)
        .map(|(_, i)| *i)
        .max();
    assert!(highest.unwrap() > 66_000, "{highest:?}");
    let seen = sim.seen(viewer, from);
    assert!(seen.delivered > 99.0, "{seen:?}");
}
