//! The receiver's side: gathers arrivals and writes the feedback.

use std::collections::BTreeMap;

use super::{LARGE_DELTA, NOT_RECEIVED, REFERENCE_TICKS, SMALL_DELTA, TICK_MICROS};
use crate::rtcp::{begin_twcc, end_packet};

/// Packets before the highest that are remembered, so that one that comes late is reported among
/// its neighbours. What is older is forgotten.
const REMEMBERED: u64 = 1024;

/// Statuses in one feedback packet: with two octets of delta each it stays below 1,200 octets. Only
/// losses before the first that arrived may be more; they take a chunk of two octets.
const MAX_STATUSES: usize = 500;

/// The most that a run-length chunk says: 13 bits.
const MAX_RUN: usize = 0x1fff;

/// Symbols of a status vector with one bit and with two.
const ONE_BIT: usize = 14;
const TWO_BITS: usize = 7;

/// Records arrivals and reports them.
///
/// Each packet is reported once at least; one that arrives after its neighbours were reported makes
/// the next feedback begin with it.
#[derive(Debug, Default)]
pub struct FeedbackBuilder {
    /// Arrival in ticks by extended sequence number, of the last [`REMEMBERED`].
    arrivals: BTreeMap<u64, i64>,
    /// The first sequence number that the next feedback speaks of.
    next: Option<u64>,
    fb_count: u8,
    symbols: Vec<u8>,
    deltas: Vec<u8>,
}

impl FeedbackBuilder {
    /// Nothing recorded.
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet with this transport-wide sequence number, extended by
    /// [`extend_seq`](crate::packet::extend_seq), arrived at this time in µs of any clock that does
    /// not go back. A repetition is ignored.
    pub fn record(&mut self, seq: u64, arrival_micros: i64) {
        let highest = self
            .arrivals
            .last_key_value()
            .map_or(seq, |(last, _)| *last);
        let oldest = highest.max(seq).saturating_sub(REMEMBERED);
        if seq < oldest || self.arrivals.contains_key(&seq) {
            return;
        }
        self.arrivals
            .insert(seq, arrival_micros.div_euclid(TICK_MICROS));
        if oldest > 0 {
            while let Some(first) = self.arrivals.first_entry()
                && *first.key() < oldest
            {
                first.remove();
            }
        }
        let next = self.next.unwrap_or(seq);
        self.next = Some(next.min(seq).max(oldest));
    }

    /// Whether something was recorded that was not yet reported.
    pub fn is_pending(&self) -> bool {
        match (self.next, self.arrivals.last_key_value()) {
            (Some(next), Some((last, _))) => next <= *last,
            _ => false,
        }
    }

    /// Appends feedback on everything not yet reported, in as many packets as that takes, and says
    /// how many.
    pub fn write(&mut self, out: &mut Vec<u8>, sender: u32, media: u32) -> usize {
        let mut written = 0;
        while self.is_pending() {
            self.write_one(out, sender, media);
            written += 1;
        }
        written
    }

    /// Appends one packet from `next` on, which must be pending.
    fn write_one(&mut self, out: &mut Vec<u8>, sender: u32, media: u32) {
        let Some(base) = self.next else { return };
        let Some(first) = self.arrivals.range(base..).next().map(|(_, time)| *time) else {
            return;
        };
        let reference = first.div_euclid(REFERENCE_TICKS);
        self.symbols.clear();
        self.deltas.clear();
        let mut time = reference * REFERENCE_TICKS;
        let mut next = base;
        for (&seq, &arrival) in self.arrivals.range(base..) {
            // At most REMEMBERED.
            let missing = (seq - next) as usize;
            let room = MAX_STATUSES.saturating_sub(self.symbols.len());
            // Beyond 8 s either way a delta cannot say it: the next packet has a new reference.
            let Ok(delta) = i16::try_from(arrival - time) else {
                break;
            };
            if missing >= room && !self.symbols.is_empty() {
                break;
            }
            self.symbols
                .extend(std::iter::repeat_n(NOT_RECEIVED, missing));
            match u8::try_from(delta) {
                Ok(delta) => {
                    self.symbols.push(SMALL_DELTA);
                    self.deltas.push(delta);
                }
                Err(_) => {
                    self.symbols.push(LARGE_DELTA);
                    self.deltas.extend_from_slice(&delta.to_be_bytes());
                }
            }
            time = arrival;
            next = seq + 1;
        }
        self.next = Some(next);
        let start = begin_twcc(out);
        out.extend_from_slice(&sender.to_be_bytes());
        out.extend_from_slice(&media.to_be_bytes());
        out.extend_from_slice(&(base as u16).to_be_bytes());
        out.extend_from_slice(&(self.symbols.len() as u16).to_be_bytes());
        let time = (reference as u32) << 8 | u32::from(self.fb_count);
        out.extend_from_slice(&time.to_be_bytes());
        self.fb_count = self.fb_count.wrapping_add(1);
        write_chunks(out, &self.symbols);
        out.extend_from_slice(&self.deltas);
        end_packet(out, start);
    }
}

/// Appends the chunk that takes most, again and again.
fn write_chunks(out: &mut Vec<u8>, symbols: &[u8]) {
    let mut rest = symbols;
    while let Some(&first) = rest.first() {
        let run = rest
            .iter()
            .take(MAX_RUN)
            .take_while(|symbol| **symbol == first)
            .count();
        let narrow = rest
            .iter()
            .take(ONE_BIT)
            .take_while(|symbol| **symbol != LARGE_DELTA)
            .count();
        let vector = rest.len().min(if narrow == rest.len().min(ONE_BIT) {
            ONE_BIT
        } else {
            TWO_BITS
        });
        let (chunk, taken) = if run >= vector {
            (u16::from(first) << 13 | run as u16, run)
        } else if vector > TWO_BITS {
            (0b10 << 14 | packed(rest, ONE_BIT, 1), vector)
        } else {
            (0b11 << 14 | packed(rest, TWO_BITS, 2), vector.min(TWO_BITS))
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        rest = rest.get(taken..).unwrap_or_default();
    }
}

/// The first symbols, each of this width, the first at the top of 14 bits.
fn packed(symbols: &[u8], count: usize, width: usize) -> u16 {
    (0..count).fold(0, |bits, at| {
        bits << width | u16::from(symbols.get(at).copied().unwrap_or(NOT_RECEIVED))
    })
}
