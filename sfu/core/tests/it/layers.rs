//! The choice of a layer, and what a viewer sees of a switch.

use std::time::Duration;

use weir_sfu_core::LayerChoice;

use crate::{
    ladder::Ladder,
    sim::{Sim, shares},
    world::vp8,
};

/// As OBS orders them: the first is the largest.
const LADDER: [(&str, u64, u16); 3] = [
    ("f", 2_500_000, 720),
    ("h", 600_000, 360),
    ("q", 150_000, 180),
];

const MBIT: u64 = 1_000_000;

/// A viewer of the ladder on this link, connected; `pli`: the source answers requests.
fn on_air(rate: Option<u64>, pli: bool) -> (Sim, usize) {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, &LADDER);
    source.gop = (!pli).then_some(Duration::from_secs(2));
    source.answers = pli.then_some(Duration::from_millis(100));
    sim.begin(source);
    sim.run(2_500);
    let viewer = sim.join(vp8(), Duration::from_millis(20));
    sim.viewers[viewer].down.rate = rate;
    sim.connect(viewer);
    (sim, viewer)
}

fn layer(sim: &mut Sim, viewer: usize) -> Option<String> {
    sim.stats(viewer).layer
}

/// How often the layer changed.
fn switches(on: &[Option<String>]) -> usize {
    on.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Time until the viewer gets one of these layers, at most `limit` ms.
fn until(sim: &mut Sim, viewer: usize, names: &[&str], limit: u64) -> u64 {
    let from = sim.now;
    for _ in 0..limit / 20 {
        let now = layer(sim, viewer);
        if now.is_some_and(|name| names.contains(&name.as_str())) {
            break;
        }
        sim.run(20);
    }
    (sim.now - from).as_millis() as u64
}

#[test]
fn on_a_wide_path_the_viewer_has_the_best_layer_and_keeps_it() {
    let (mut sim, viewer) = on_air(Some(8 * MBIT), true);
    sim.run(2_000);
    let from = sim.now;
    sim.watch(20_000);
    sim.holds(viewer);
    assert_eq!(shares(&sim.viewers[viewer].on), "f 100%");
    let seen = sim.seen(viewer, from);
    assert!(seen.freezes == 0 && seen.delivered > 99.5, "{seen:?}");
    assert!(sim.rx(viewer).sounds.len() > 1_050);
}

#[test]
fn a_step_down_and_up_is_followed() {
    for pli in [true, false] {
        for narrow in [MBIT, 400_000] {
            let (mut sim, viewer) = on_air(Some(5 * MBIT), pli);
            sim.watch(6_000);
            assert_eq!(layer(&mut sim, viewer).as_deref(), Some("f"));
            sim.viewers[viewer].down.rate = Some(narrow);
            let fitting: &[&str] = if narrow == MBIT { &["h", "q"] } else { &["q"] };
            let from = sim.now;
            let down = until(&mut sim, viewer, fitting, 5_000);
            sim.watch(15_000);
            let narrowed = sim.seen(viewer, from);
            let on_narrow = shares(&sim.viewers[viewer].on[60..]);
            sim.viewers[viewer].down.rate = Some(5 * MBIT);
            let up = until(&mut sim, viewer, &["f"], 15_000);
            let settled = sim.viewers[viewer].on.len();
            sim.watch(15_000);
            let stays = switches(&sim.viewers[viewer].on[settled..]);
            println!(
                "pli {pli:<5} 5 -> {narrow:>7}: on a fitting layer after {down} ms ({on_narrow}), longest freeze {} ms; back on top after {up} ms, then {stays} switches",
                narrowed.longest.as_millis()
            );
            sim.holds(viewer);
            // Who ignores requests has a keyframe each 2 s.
            let limit = if pli { 2_000 } else { 3_600 };
            assert!(down <= limit, "{down} ms");
            assert!(up <= if pli { 10_000 } else { 12_000 }, "{up} ms");
            assert!(stays == 0, "{stays}");
        }
    }
}

#[test]
fn a_steady_link_shows_no_flapping() {
    for (name, rate, _) in LADDER {
        for percent in [90, 100, 110, 130] {
            let link = rate * percent / 100 + 150_000;
            let (mut sim, viewer) = on_air(Some(link), true);
            sim.run(10_000);
            sim.watch(60_000);
            sim.holds(viewer);
            let on = &sim.viewers[viewer].on;
            let changes = switches(on);
            // Within any 10 s: one down and up again at most.
            let worst = on.windows(100).map(switches).max().unwrap();
            println!(
                "link {link:>8} ({percent}% of {name}): {changes} switches, {worst} within 10 s, {}",
                shares(on)
            );
            assert!(worst <= 2, "{link}: {worst}");
            assert!(changes <= 6, "{link}: {changes}");
        }
    }
}

#[test]
fn by_hand() {
    let (mut sim, viewer) = on_air(None, true);
    sim.run(3_000);
    let expect = |sim: &mut Sim, choice: LayerChoice, name: Option<&str>| {
        sim.choose(viewer, choice.clone());
        let (video, sound) = (sim.rx(viewer).shown.len(), sim.rx(viewer).sounds.len());
        sim.run(700);
        assert_eq!(layer(sim, viewer).as_deref(), name, "{choice:?}");
        sim.run(1_300);
        assert_eq!(layer(sim, viewer).as_deref(), name, "{choice:?}");
        let rx = sim.rx(viewer);
        assert!(rx.sounds.len() >= sound + 98, "{choice:?}");
        let pictures = rx.shown.len() - video;
        if name.is_some() {
            // After a pause longer than the store a keyframe is waited for.
            assert!(pictures >= 50, "{choice:?} {pictures}");
        } else {
            assert!(pictures <= 2, "{choice:?} {pictures}");
        }
    };
    expect(&mut sim, LayerChoice::Layer("q".into()), Some("q"));
    expect(&mut sim, LayerChoice::Layer("h".into()), Some("h"));
    expect(&mut sim, LayerChoice::MaxHeight(200), Some("q"));
    expect(&mut sim, LayerChoice::MaxHeight(400), Some("h"));
    expect(&mut sim, LayerChoice::MaxHeight(100), Some("q"));
    expect(&mut sim, LayerChoice::AudioOnly, None);
    expect(&mut sim, LayerChoice::Layer("f".into()), Some("f"));
    expect(&mut sim, LayerChoice::Paused, None);
    sim.run(20_000);
    expect(&mut sim, LayerChoice::Auto, Some("f"));
    expect(&mut sim, LayerChoice::Layer("nosuch".into()), Some("f"));
    sim.holds(viewer);
    let rx = sim.rx(viewer);
    for pair in rx.sounds.windows(2) {
        assert_eq!(pair[1].2, pair[0].2 + 1);
        assert_eq!(pair[1].1.wrapping_sub(pair[0].1), 960);
    }
}

/// Timestamps go on with the time of capture over switches, within a frame.
fn on_one_line(sim: &Sim, viewer: usize, from: usize) {
    let shown = &sim.rx(viewer).shown[from..];
    for pair in shown.windows(2) {
        let ticks = i64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32);
        let captured = (pair[1].told.captured as i64 - pair[0].told.captured as i64) * 9 / 100;
        let off = ticks - captured;
        assert!(
            off.abs() <= 3_000,
            "{off} from {:?} to {:?}",
            pair[0].told,
            pair[1].told
        );
    }
}

#[test]
fn timestamps_stay_on_the_line_of_capture_over_many_switches() {
    let (mut sim, viewer) = on_air(None, true);
    sim.run(3_000);
    let from = sim.rx(viewer).shown.len();
    let origin = sim.rx(viewer).shown[from - 1];
    for round in 0..30 {
        let name = ["q", "f", "h"][round % 3];
        sim.choose(viewer, LayerChoice::Layer(name.into()));
        sim.run(900 + 37 * round as u64);
    }
    sim.holds(viewer);
    on_one_line(&sim, viewer, from);
    let last = *sim.rx(viewer).shown.last().unwrap();
    let ticks = i64::from(last.timestamp.wrapping_sub(origin.timestamp));
    let captured = (last.told.captured - origin.told.captured) as i64 * 9 / 100;
    assert!(
        (ticks - captured).abs() <= 3_000,
        "drifted by {}",
        ticks - captured
    );
    let layers = sim.rx(viewer).shown.windows(2);
    let switched = layers
        .filter(|p| p[0].told.layer != p[1].told.layer)
        .count();
    assert!(switched >= 29, "{switched}");
}

#[test]
fn a_layer_that_dies_is_left() {
    let (mut sim, viewer) = on_air(None, true);
    sim.run(3_000);
    assert_eq!(layer(&mut sim, viewer).as_deref(), Some("f"));
    sim.source.as_mut().unwrap().layers[0].on = false;
    let from = sim.now;
    let took = until(&mut sim, viewer, &["h"], 5_000);
    sim.run(1_000);
    let seen = sim.seen(viewer, from);
    println!("the layer died: on another after {took} ms, {seen:?}");
    assert!(took <= 1_000, "{took}");
    // It comes back.
    let source = sim.source.as_mut().unwrap();
    source.layers[0].on = true;
    source.layers[0].keyframes = 0;
    let took = until(&mut sim, viewer, &["f"], 12_000);
    assert!(took <= 10_000, "{took}");
    sim.holds(viewer);
}

#[test]
fn another_source_goes_on_in_the_same_session() {
    let (mut sim, viewer) = on_air(None, true);
    sim.watch(4_000);
    let before = *sim.rx(viewer).shown.last().unwrap();
    // The first falls silent for 3 s, then one with other layers comes.
    sim.source = None;
    sim.run(3_000);
    let now = sim.now;
    let other = Ladder::new(now, 100, &[("0", 1_200_000, 540), ("1", 300_000, 270)]);
    sim.begin(other);
    let began = sim.rx(viewer).shown.len();
    sim.run(1_000);
    let first = sim.rx(viewer).shown[began];
    let after = first.at - now;
    println!(
        "another source: its first picture after {} ms",
        after.as_millis()
    );
    assert!(after < Duration::from_millis(300), "{after:?}");
    let from = sim.viewers[viewer].on.len();
    sim.watch(10_000);
    let on = &sim.viewers[viewer].on[from..];
    println!("then {}", shares(on));
    assert_eq!(on.last().unwrap().as_deref(), Some("0"));
    assert!(switches(on) <= 1, "{on:?}");
    let ticks = f64::from(first.timestamp.wrapping_sub(before.timestamp)) / 90_000.0;
    assert!((2.9..3.3).contains(&ticks), "{ticks}");
    sim.holds(viewer);
    assert!(
        sim.rx(viewer)
            .sounds
            .windows(2)
            .all(|p| p[1].2 == p[0].2 + 1)
    );
}

#[test]
fn those_who_watch_when_a_source_begins_see_no_needless_switch() {
    let (mut sim, viewer) = on_air(Some(6 * MBIT), true);
    sim.run(3_000);
    sim.source = None;
    sim.run(1_000);
    let now = sim.now;
    sim.begin(Ladder::new(now, 100, &LADDER));
    let mut on = Vec::new();
    for _ in 0..250 {
        sim.run(20);
        on.push(layer(&mut sim, viewer));
    }
    on.dedup();
    println!("a source begins: {on:?}");
    assert!(on.len() <= 2, "{on:?}");
    assert_eq!(on.last().unwrap().as_deref(), Some("f"));
    sim.holds(viewer);
}
