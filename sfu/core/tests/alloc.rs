//! The packet path allocates nothing: counted over seconds of media to viewers that report, lose and
//! get packets again. A binary of its own, since the allocator is the whole process's.

// The simulation's parts are the other binary's too; not all of them are used here.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

#[path = "it/keyed.rs"]
mod keyed;
#[path = "it/ladder.rs"]
mod ladder;
#[path = "it/path.rs"]
mod path;
#[path = "it/receiver.rs"]
mod receiver;
#[path = "it/sim.rs"]
mod sim;
#[path = "it/world.rs"]
mod world;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::Duration,
};

use self::{ladder::Ladder, path::Loss, sim::Sim, world::vp8};

thread_local! {
    static COUNTING: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counted;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn count() {
    if COUNTING.try_with(Cell::get).unwrap_or(false) {
        COUNT.set(COUNT.get() + 1);
    }
}

#[test]
fn a_forwarded_packet_allocates_nothing() {
    let mut sim = Sim::new();
    let mut source = Ladder::new(sim.now, 10, &[("f", 2_500_000, 720), ("q", 150_000, 180)]);
    source.gop = Some(Duration::from_secs(2));
    sim.begin(source);
    sim.run(2_500);
    let viewers: Vec<usize> = (0..20)
        .map(|_| sim.join(vp8(), Duration::from_millis(20)))
        .collect();
    for viewer in &viewers {
        sim.connect(*viewer);
        sim.viewers[*viewer].down.loss = Loss::Random(0.02);
    }
    // Buffers grow to what they need.
    sim.run(8_000);
    let sent = |sim: &Sim| viewers.iter().map(|v| sim.rx(*v).packets).sum::<u64>();
    let before = (sent(&sim), sim.shard.stats().retransmissions);
    sim.around = |on| COUNTING.set(on);
    sim.run(6_000);
    sim.around = |_| {};
    let packets = sent(&sim) - before.0;
    let resent = sim.shard.stats().retransmissions - before.1;
    let allocations = COUNT.get();
    println!(
        "{allocations} allocations for {packets} packets to 20 viewers, {resent} of them resent"
    );
    assert!(packets > 30_000 && resent > 500, "{packets} {resent}");
    // None for a packet; a few buffers grow still.
    assert!(allocations * 1_000 < packets, "{allocations}");
    for viewer in viewers {
        sim.holds(viewer);
    }
}
