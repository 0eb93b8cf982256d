//! A hierarchical timer wheel: insertion in constant time, however many timers there are.
//!
//! Time counts in ticks of 1 ms since the wheel's origin. Level 0 has one slot per tick of the
//! current block of 256, level 1 one per block, and so on: an entry's level is the highest base-256
//! digit in which its tick differs from the present one. So all entries of a level are due before
//! all of the next one, a level's occupied slots lie ahead of the present digit, and the earliest
//! slot is the lowest bit of the lowest level that has any. When time reaches a slot of a higher
//! level, its entries move down; an entry moves at most three times.
//!
//! Entries live in one slab and are chained by index: a slot costs four bytes, and nothing is
//! allocated once the slab has grown to the greatest number of timers there were at once.
//!
//! There is no cancelling: owners remember the instant that they armed and pass over others.

use std::time::{Duration, Instant};

/// log₂ of the slots per level.
const SLOT_BITS: u32 = 8;
const SLOTS: usize = 1 << SLOT_BITS;
/// Four levels reach 2³² ms, 49 days; what lies further ahead waits in one list for that moment.
const LEVELS: usize = 4;
const HORIZON_BITS: u32 = SLOT_BITS * LEVELS as u32;

/// No entry.
const NONE: u32 = u32::MAX;

/// A chain of entries, as a ring: the tail's `next` is the head. So it is first in, first out.
type Tail = u32;

#[derive(Debug)]
pub(crate) struct Wheel<T> {
    origin: Instant,
    /// Entries of all ticks up to and including this one are in `ready`.
    elapsed: u64,
    entries: Vec<Entry<T>>,
    free: u32,
    ready: Tail,
    slots: [[Tail; SLOTS]; LEVELS],
    occupied: [Bits; LEVELS],
    beyond: Tail,
}

#[derive(Debug, Clone, Copy)]
struct Entry<T> {
    at: Instant,
    next: u32,
    value: T,
}

impl<T: Copy> Wheel<T> {
    /// A wheel whose first tick is at `origin`; timers that are due earlier are due at once.
    pub(crate) fn new(origin: Instant) -> Self {
        Self {
            origin,
            elapsed: 0,
            entries: Vec::new(),
            free: NONE,
            ready: NONE,
            slots: [[NONE; SLOTS]; LEVELS],
            occupied: [Bits::default(); LEVELS],
            beyond: NONE,
        }
    }

    /// Sets a timer.
    ///
    /// # Panics
    /// With more than 2³² − 1 timers at once.
    pub(crate) fn insert(&mut self, at: Instant, value: T) {
        let entry = Entry {
            at,
            next: NONE,
            value,
        };
        let index = if self.free == NONE {
            let index = u32::try_from(self.entries.len()).expect("fewer than 2³² timers");
            self.entries.push(entry);
            index
        } else {
            let index = self.free;
            self.free = self.entries[index as usize].next;
            self.entries[index as usize] = entry;
            index
        };
        self.place(index);
    }

    /// Takes one timer that is due, with the instant it was set for. Never early; late by less than
    /// a tick, apart from the caller's own lateness.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, T)> {
        if self.ready == NONE {
            self.advance(now);
            if self.ready == NONE {
                return None;
            }
        }
        let tail = self.ready;
        let head = self.entries[tail as usize].next;
        let entry = self.entries[head as usize];
        if head == tail {
            self.ready = NONE;
        } else {
            self.entries[tail as usize].next = entry.next;
        }
        self.entries[head as usize].next = self.free;
        self.free = head;
        Some((entry.at, entry.value))
    }

    /// When to call `pop` next: the earliest timer's tick, or earlier when timers have to move down
    /// first (then `pop` gives none).
    pub(crate) fn next(&self) -> Option<Instant> {
        let tick = if self.ready == NONE {
            self.next_slot()?.0
        } else {
            self.elapsed
        };
        Some(self.origin + Duration::from_millis(tick))
    }

    /// Brings slots whose time has come to `ready`, until there is something or time is used up.
    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.origin);
        let target = millis(passed);
        while self.ready == NONE {
            match self.next_slot() {
                Some((tick, place)) if tick <= target => {
                    self.elapsed = tick;
                    let tail = match place {
                        Some((level, slot)) => {
                            self.occupied[level].clear(slot);
                            std::mem::replace(&mut self.slots[level][slot], NONE)
                        }
                        None => std::mem::replace(&mut self.beyond, NONE),
                    };
                    self.scatter(tail);
                }
                // Nothing lies between: the digits above any occupied slot stay what they are.
                Some(_) | None => {
                    self.elapsed = self.elapsed.max(target);
                    return;
                }
            }
        }
    }

    /// The first tick of the earliest occupied slot, and its place; none as the place is the list
    /// beyond the horizon.
    fn next_slot(&self) -> Option<(u64, Option<(usize, usize)>)> {
        for (level, bits) in self.occupied.iter().enumerate() {
            if let Some(slot) = bits.first() {
                let shift = SLOT_BITS * level as u32;
                let block = self.elapsed >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
                return Some((block | (slot as u64) << shift, Some((level, slot))));
            }
        }
        let turn = ((self.elapsed >> HORIZON_BITS) + 1) << HORIZON_BITS;
        (self.beyond != NONE).then_some((turn, None))
    }

    /// Places every entry of a chain anew.
    fn scatter(&mut self, tail: Tail) {
        let mut index = self.entries[tail as usize].next;
        loop {
            let next = self.entries[index as usize].next;
            self.place(index);
            if index == tail {
                return;
            }
            index = next;
        }
    }

    fn place(&mut self, index: u32) {
        let due = self.due(self.entries[index as usize].at);
        let chain = if due <= self.elapsed {
            &mut self.ready
        } else {
            let level = ((63 - (due ^ self.elapsed).leading_zeros()) / SLOT_BITS) as usize;
            if level < LEVELS {
                let slot = (due >> (SLOT_BITS * level as u32)) as usize % SLOTS;
                self.occupied[level].set(slot);
                &mut self.slots[level][slot]
            } else {
                &mut self.beyond
            }
        };
        let tail = std::mem::replace(chain, index);
        if tail == NONE {
            self.entries[index as usize].next = index;
        } else {
            self.entries[index as usize].next = self.entries[tail as usize].next;
            self.entries[tail as usize].next = index;
        }
    }

    /// The first tick that is not before `at`.
    fn due(&self, at: Instant) -> u64 {
        let passed = at.saturating_duration_since(self.origin);
        millis(passed) + u64::from(!passed.subsec_nanos().is_multiple_of(1_000_000))
    }
}

/// Whole milliseconds, without the 128-bit division of `as_millis`.
fn millis(passed: Duration) -> u64 {
    passed
        .as_secs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(passed.subsec_millis()))
        // Far beyond any timer, and far from overflow.
        .min(1 << 60)
}

/// Which slots of a level have entries.
#[derive(Debug, Clone, Copy, Default)]
struct Bits([u64; SLOTS / 64]);

impl Bits {
    fn set(&mut self, slot: usize) {
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    fn clear(&mut self, slot: usize) {
        self.0[slot / 64] &= !(1 << (slot % 64));
    }

    fn first(&self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        Some(word * 64 + self.0[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Splitmix64: numbers that look random, the same in each run.
    struct Rng(u64);

    impl Rng {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % limit
        }
    }

    #[test]
    fn fires_like_a_sorted_map_never_early_and_within_a_tick() {
        let origin = Instant::now();
        let mut rng = Rng(1);
        let mut wheel = Wheel::new(origin);
        let mut model: BTreeMap<u64, Instant> = BTreeMap::new();
        let mut now = origin;
        for id in 0..20_000_u64 {
            // Delays on every level, and now and then none or a negative one.
            let span = [300, 5_000, 300_000, 70_000_000, 20_000_000_000][rng.below(5) as usize];
            let at = (now + us(rng.below(span)))
                .checked_sub(us(100))
                .unwrap_or(now);
            wheel.insert(at, id);
            model.insert(id, at);
            if rng.below(4) == 0 {
                let earliest = *model.values().min().unwrap();
                let next = wheel.next().unwrap();
                assert!(
                    next < earliest + us(1_000) || next <= now,
                    "next is too late"
                );
                now += us(rng.below(200_000));
                while let Some((at, id)) = wheel.pop(now) {
                    assert!(at <= now, "early");
                    assert_eq!(model.remove(&id), Some(at));
                }
                for at in model.values() {
                    assert!(*at + us(1_000) > now, "overdue by a tick");
                }
            }
        }
        // A long gap of time, driven by `next` alone.
        let mut steps = 0;
        while let Some(next) = wheel.next() {
            now = now.max(next);
            steps += 1;
            while let Some((at, id)) = wheel.pop(now) {
                assert!(at <= now && at + us(1_000) > now);
                model.remove(&id);
            }
        }
        assert!(model.is_empty());
        assert!(steps < 60_000, "{steps} wake-ups");
    }

    #[test]
    fn entries_of_one_tick_leave_in_order_and_the_slab_is_used_again() {
        let origin = Instant::now();
        let mut wheel = Wheel::new(origin);
        let mut now = origin;
        for round in 0..1_000_u64 {
            let at = now + Duration::from_millis(1 + round * 7 % 1_000);
            for value in 0..10 {
                wheel.insert(at, value);
            }
            assert_eq!(wheel.pop(now), None);
            now = at + us(999);
            for value in 0..10 {
                assert_eq!(wheel.pop(now), Some((at, value)));
            }
            assert_eq!((wheel.pop(now), wheel.next()), (None, None));
        }
        assert_eq!(wheel.entries.len(), 10);
    }

    #[test]
    fn beyond_the_horizon_and_after_a_long_sleep() {
        let origin = Instant::now();
        let day = Duration::from_secs(86_400);
        let mut wheel = Wheel::new(origin);
        wheel.insert(origin + day * 120, 'z');
        wheel.insert(origin + day * 50, 'y');
        wheel.insert(origin + us(1), 'a');
        assert_eq!(wheel.next(), Some(origin + Duration::from_millis(1)));
        assert_eq!(wheel.pop(origin + us(999)), None);
        let late = origin + day * 49;
        assert_eq!(wheel.pop(late).map(|(_, v)| v), Some('a'));
        assert_eq!(wheel.pop(late), None);
        wheel.insert(late - day, 'b');
        assert_eq!(wheel.pop(late).map(|(_, v)| v), Some('b'));
        assert_eq!(wheel.pop(origin + day * 50 - us(1)), None);
        assert_eq!(wheel.pop(origin + day * 50), Some((origin + day * 50, 'y')));
        assert_eq!(wheel.pop(origin + day * 119), None);
        assert_eq!(
            wheel.pop(origin + day * 200),
            Some((origin + day * 120, 'z'))
        );
    }
}
