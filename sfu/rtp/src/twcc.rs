//! Transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1: which
//! packets of all streams together arrived, and when.

mod builder;

pub use builder::FeedbackBuilder;

use crate::{
    Malformed,
    packet::{u16_at, u32_at},
    rtcp::split_feedback,
};

/// One tick of an arrival.
pub const TICK_MICROS: i64 = 250;

/// Ticks of one unit of the reference time, which is 64 ms.
pub const REFERENCE_TICKS: i64 = 256;

/// Octets between the sources and the first chunk.
const FIELDS: usize = 8;

/// Packet status symbols, section 3.1.1.
const NOT_RECEIVED: u8 = 0;
const SMALL_DELTA: u8 = 1;
const LARGE_DELTA: u8 = 2;

/// A received feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback<'a> {
    /// Who reports.
    pub sender: u32,
    /// One of the sources reported on; says nothing.
    pub media: u32,
    /// Transport-wide sequence number of the first packet reported on.
    pub base_seq: u16,
    /// Packets reported on, received or not.
    pub count: u16,
    /// Number of this feedback, to find lost ones.
    pub fb_count: u8,
    /// Time that the arrivals count from, in units of 64 ms of the receiver's clock; 24 bits with a
    /// sign, going round after 12 days.
    pub reference_time: i32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> Feedback<'a> {
    /// Reads what follows the RTCP header.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let (sender, media, rest) = split_feedback(body)?;
        let Some((fields, rest)) = rest.split_at_checked(FIELDS) else {
            return Err(malformed("cut short"));
        };
        let time = u32_at(fields, 4);
        let count = u16_at(fields, 2);
        let (chunks, deltas) = split_chunks(rest, count)?;
        Ok(Self {
            sender,
            media,
            base_seq: u16_at(fields, 0),
            count,
            fb_count: time as u8,
            reference_time: (time as i32) >> 8,
            chunks,
            deltas,
        })
    }

    /// The packets reported on, from `base_seq` on, each with its arrival in ticks of 250 µs after
    /// the reference time, or `None` if it did not arrive. Arrivals may go back.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            symbols: Symbols::new(self.chunks, self.count),
            deltas: self.deltas,
            seq: self.base_seq,
            time: 0,
        }
    }
}

/// Splits chunks from deltas, and checks that there is a delta for each packet that has one.
fn split_chunks(octets: &[u8], count: u16) -> Result<(&[u8], &[u8]), Malformed> {
    let mut symbols = Symbols::new(octets, count);
    let mut needed = 0;
    let mut found = 0;
    for symbol in &mut symbols {
        found += 1;
        needed += match symbol {
            NOT_RECEIVED => 0,
            SMALL_DELTA => 1,
            LARGE_DELTA => 2,
            _ => return Err(malformed("reserved packet status")),
        };
    }
    if found < count {
        return Err(malformed("fewer packet statuses than announced"));
    }
    let deltas = symbols.rest;
    let chunks = octets.len() - deltas.len();
    match (octets.get(..chunks), deltas.get(..needed)) {
        (Some(chunks), Some(deltas)) => Ok((chunks, deltas)),
        _ => Err(malformed("fewer deltas than packets received")),
    }
}

/// Status symbols of the chunks.
#[derive(Debug, Clone)]
struct Symbols<'a> {
    rest: &'a [u8],
    /// Symbols that are still announced.
    left: u16,
    chunk: Chunk,
}

#[derive(Debug, Clone, Copy)]
enum Chunk {
    Run {
        symbol: u8,
        left: u16,
    },
    /// The next symbol stands at the top of `bits`.
    Vector {
        bits: u16,
        width: u8,
        left: u8,
    },
}

impl<'a> Symbols<'a> {
    fn new(chunks: &'a [u8], count: u16) -> Self {
        Self {
            rest: chunks,
            left: count,
            chunk: Chunk::Run { symbol: 0, left: 0 },
        }
    }
}

impl Chunk {
    /// Sections 3.1.3 and 3.1.4.
    fn read(chunk: u16) -> Self {
        match chunk >> 14 {
            0 | 1 => Self::Run {
                symbol: (chunk >> 13 & 0b11) as u8,
                left: chunk & 0x1fff,
            },
            2 => Self::Vector {
                bits: chunk << 2,
                width: 1,
                left: 14,
            },
            _ => Self::Vector {
                bits: chunk << 2,
                width: 2,
                left: 7,
            },
        }
    }

    fn next(&mut self) -> Option<u8> {
        match self {
            Self::Run { left: 0, .. } | Self::Vector { left: 0, .. } => None,
            Self::Run { symbol, left } => {
                *left -= 1;
                Some(*symbol)
            }
            Self::Vector { bits, width, left } => {
                *left -= 1;
                let symbol = *bits >> (16 - u16::from(*width));
                *bits <<= *width;
                Some(symbol as u8)
            }
        }
    }
}

impl Iterator for Symbols<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(symbol) = self.chunk.next() {
                self.left -= 1;
                return Some(symbol);
            }
            let (chunk, rest) = self.rest.split_at_checked(2)?;
            self.rest = rest;
            self.chunk = Chunk::read(u16_at(chunk, 0));
        }
    }
}

/// The packets of a [`Feedback`].
#[derive(Debug, Clone)]
pub struct Arrivals<'a> {
    symbols: Symbols<'a>,
    deltas: &'a [u8],
    seq: u16,
    time: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        let symbol = self.symbols.next()?;
        let seq = self.seq;
        self.seq = seq.wrapping_add(1);
        let delta = match symbol {
            SMALL_DELTA => {
                let (delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                i64::from(*delta)
            }
            LARGE_DELTA => {
                let (delta, rest) = self.deltas.split_at_checked(2)?;
                self.deltas = rest;
                i64::from(u16_at(delta, 0) as i16)
            }
            _ => return Some((seq, None)),
        };
        self.time += delta;
        Some((seq, Some(self.time)))
    }
}

fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("transport-wide feedback", reason)
}

#[cfg(test)]
mod tests;
