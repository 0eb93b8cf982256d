//! What RFC 3550 itself defines: reports, source descriptions, goodbye.

use super::{malformed, u32_at};
use crate::Malformed;

/// Octets of a report block, RFC 3550 section 6.4.1.
pub(super) const BLOCK: usize = 24;

/// Octets of a sender report before its blocks and after the header.
const SENDER: usize = 24;

/// The SDES item that names an endpoint, RFC 3550 section 6.5.1.
pub(super) const CNAME: u8 = 1;

/// What a sender says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// The sender.
    pub ssrc: u32,
    /// Wall clock as an NTP timestamp: seconds since 1900 in 32.32 bits.
    pub ntp: u64,
    /// The same instant on the media's clock.
    pub rtp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Octets of payload sent so far.
    pub octets: u32,
}

/// What a receiver says of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost so far; duplicates can make it negative. 24 bits: what is beyond is clamped.
    pub cumulative_lost: i32,
    /// Highest sequence number, in the low 16 bits, and cycles.
    pub highest_seq: u32,
    /// Interarrival jitter in units of the media's clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP timestamp; 0: none came.
    pub lsr: u32,
    /// Delay since that report in 1/65,536 s.
    pub dlsr: u32,
}

/// A sender report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// The sender.
    pub ssrc: u32,
    /// Wall clock as an NTP timestamp: seconds since 1900 in 32.32 bits.
    pub ntp: u64,
    /// The same instant on the media's clock.
    pub rtp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Octets of payload sent so far.
    pub octets: u32,
    /// What the sender says of the sources that it receives.
    pub blocks: Blocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let Some(blocks) = body.get(SENDER..) else {
            return Err(malformed("sender report cut short"));
        };
        Ok(Self {
            ssrc: u32_at(body, 0),
            ntp: u64::from(u32_at(body, 4)) << 32 | u64::from(u32_at(body, 8)),
            rtp: u32_at(body, 12),
            packets: u32_at(body, 16),
            octets: u32_at(body, 20),
            blocks: Blocks::read(count, blocks)?,
        })
    }
}

/// A receiver report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// The receiver.
    pub ssrc: u32,
    /// What it says of the sources that it receives.
    pub blocks: Blocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let Some(blocks) = body.get(4..) else {
            return Err(malformed("receiver report cut short"));
        };
        Ok(Self {
            ssrc: u32_at(body, 0),
            blocks: Blocks::read(count, blocks)?,
        })
    }
}

/// Report blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    fn read(count: u8, octets: &'a [u8]) -> Result<Self, Malformed> {
        octets
            .get(..BLOCK * usize::from(count))
            .map(Self)
            .ok_or(malformed("report with fewer blocks than it says"))
    }
}

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.0.split_at_checked(BLOCK)?;
        self.0 = rest;
        let lost = u32_at(block, 4);
        Some(ReportBlock {
            ssrc: u32_at(block, 0),
            fraction_lost: (lost >> 24) as u8,
            // Of 24 bits; the shift back carries the sign.
            cumulative_lost: ((lost << 8) as i32) >> 8,
            highest_seq: u32_at(block, 8),
            jitter: u32_at(block, 12),
            lsr: u32_at(block, 16),
            dlsr: u32_at(block, 20),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let blocks = self.0.len() / BLOCK;
        (blocks, Some(blocks))
    }
}

impl ExactSizeIterator for Blocks<'_> {}

/// Descriptions of sources: yields each source with its CNAME. A chunk without CNAME, or with one
/// that is not UTF-8, is passed over; one that is cut short ends the iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sdes<'a> {
    chunks: u8,
    rest: &'a [u8],
}

impl<'a> Sdes<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Self {
        Self {
            chunks: count,
            rest: body,
        }
    }

    /// The CNAME of the next chunk, if it has one, and its length in octets.
    fn chunk(chunk: &'a [u8]) -> Option<(Option<&'a str>, usize)> {
        let mut cname = None;
        let mut at = 4;
        loop {
            let kind = *chunk.get(at)?;
            at += 1;
            if kind == 0 {
                // The items end at the next 32 bits, after at least one zero.
                return Some((cname, at.next_multiple_of(4).min(chunk.len())));
            }
            let len = usize::from(*chunk.get(at)?);
            let value = chunk.get(at + 1..at + 1 + len)?;
            at += 1 + len;
            if kind == CNAME {
                cname = std::str::from_utf8(value).ok();
            }
        }
    }
}

impl<'a> Iterator for Sdes<'a> {
    type Item = (u32, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while self.chunks > 0 {
            self.chunks -= 1;
            let Some((cname, len)) = Self::chunk(self.rest) else {
                self.chunks = 0;
                return None;
            };
            let ssrc = u32_at(self.rest, 0);
            self.rest = self.rest.get(len..).unwrap_or_default();
            if let Some(cname) = cname {
                return Some((ssrc, cname));
            }
        }
        None
    }
}

/// Sources that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bye<'a> {
    /// Which.
    pub ssrcs: Ssrcs<'a>,
}

impl<'a> Bye<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        body.get(..4 * usize::from(count))
            .map(|ssrcs| Self {
                ssrcs: Ssrcs(ssrcs),
            })
            .ok_or(malformed("goodbye with fewer sources than it says"))
    }
}

/// A list of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ssrcs<'a>(pub(super) &'a [u8]);

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (ssrc, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        Some(u32_at(ssrc, 0))
    }
}
