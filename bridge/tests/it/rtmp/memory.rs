//! How much memory a thread holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// What this thread allocated and has not freed, and the most of it since the last look.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // A thread that is ending has no counter any more.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = now + bytes;
        held.set((now, most.max(now)));
    });
}

// SAFETY: all is passed on to the system's allocator as it comes; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Watches the thread that made it.
pub struct Memory(isize);

impl Memory {
    pub fn watch() -> Self {
        let now = HELD.with(|held| {
            let (now, _) = held.get();
            held.set((now, now));
            now
        });
        Self(now)
    }

    /// The most bytes that were held at once since then.
    pub fn peak(&self) -> usize {
        let (_, most) = HELD.with(Cell::get);
        (most - self.0).unsigned_abs()
    }
}
