//! A global allocator that counts: what the media plane's threads allocate, and what lives.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

/// Thread names of the media plane begin with this.
const SHARD: &[u8] = b"sfu-";

/// A thread gets its name soon after its first allocations; after so many it is not asked again.
const ASKED: u32 = 64;

/// Allocations on the media plane's threads.
static SHARD_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Bytes ever allocated and ever freed, by all threads.
static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether this is a thread of the media plane, and how often that was asked.
    static KIND: Cell<(bool, u32)> = const { Cell::new((false, 0)) };
}

/// The system's allocator with counters. What it counts is the process's that installs it.
#[derive(Debug, Clone, Copy)]
pub struct Counting;

/// Allocations since the start that threads of the media plane made.
pub(crate) fn shard_allocations() -> u64 {
    SHARD_ALLOCATIONS.load(Ordering::Relaxed)
}

/// Bytes on the heap now, as they were asked for.
pub(crate) fn live_bytes() -> u64 {
    // Freed first: it never runs ahead of what was allocated before.
    let freed = FREED.load(Ordering::Relaxed);
    ALLOCATED.load(Ordering::Relaxed).saturating_sub(freed)
}

fn count(bytes: usize) {
    ALLOCATED.fetch_add(bytes as u64, Ordering::Relaxed);
    // A thread that is ending has no local storage any more; it is none of ours.
    let shard = KIND.try_with(|kind| {
        let (mut shard, mut asked) = kind.get();
        if asked < ASKED {
            asked += 1;
            shard = is_shard();
            kind.set((shard, asked));
        }
        shard
    });
    if shard == Ok(true) {
        SHARD_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks the kernel: the standard library's way may allocate.
fn is_shard() -> bool {
    let mut name = [0_u8; 16];
    // SAFETY: the kernel writes at most 16 bytes (PR_GET_NAME).
    let result = unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    result == 0 && name.starts_with(SHARD)
}

// SAFETY: everything is passed on to the system's allocator; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of the trait.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        FREED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        FREED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
