//! Feedback: lost packets, keyframe requests, the receiver's estimate.

use super::{Ssrcs, malformed, split_feedback, u16_at, u32_at};
use crate::Malformed;

/// Packets reported lost: RFC 4585 section 6.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    /// Who misses them.
    pub sender: u32,
    /// Of which source.
    pub media: u32,
    entries: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let (sender, media, entries) = split_feedback(body)?;
        Ok(Self {
            sender,
            media,
            entries,
        })
    }

    /// The sequence numbers, in the order in which they stand there.
    pub fn lost(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.entries.chunks_exact(4).flat_map(|entry| {
            let first = u16_at(entry, 0);
            let following = u16_at(entry, 2);
            std::iter::once(first).chain(
                (0..16)
                    .filter(move |bit| following >> bit & 1 == 1)
                    .map(move |bit| first.wrapping_add(bit + 1)),
            )
        })
    }
}

/// The decoder lost its picture: RFC 4585 section 6.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender: u32,
    /// Of which source a keyframe is wanted.
    pub media: u32,
}

impl Pli {
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let (sender, media, _) = split_feedback(body)?;
        Ok(Self { sender, media })
    }
}

/// A keyframe is demanded: RFC 5104 section 4.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: u32,
    entries: &'a [u8],
}

/// One source of a [`Fir`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirEntry {
    /// Of which source a keyframe is wanted.
    pub ssrc: u32,
    /// Number of the command; the same number again is a repetition.
    pub seq: u8,
}

impl<'a> Fir<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let (sender, _, entries) = split_feedback(body)?;
        Ok(Self { sender, entries })
    }

    /// What is demanded.
    pub fn entries(&self) -> impl Iterator<Item = FirEntry> + use<'a> {
        self.entries.chunks_exact(8).map(|entry| FirEntry {
            ssrc: u32_at(entry, 0),
            seq: entry.get(4).copied().unwrap_or(0),
        })
    }
}

/// The receiver's estimate: draft-alvestrand-rmcat-remb-03 section 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender: u32,
    /// Bits a second, of all the sources together.
    pub bitrate: u64,
    /// The sources.
    pub ssrcs: Ssrcs<'a>,
}

impl<'a> Remb<'a> {
    pub(super) fn is(body: &[u8]) -> bool {
        body.get(8..12) == Some(b"REMB")
    }

    pub(super) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let Some((fields, rest)) = body.split_at_checked(16) else {
            return Err(malformed("REMB cut short"));
        };
        let packed = u32_at(fields, 12);
        let sources = 4 * (packed >> 24) as usize;
        let mantissa = u64::from(packed & 0x3_ffff);
        let exponent = packed >> 18 & 0x3f;
        let bitrate = match mantissa.leading_zeros() {
            room if mantissa == 0 || room >= exponent => mantissa.wrapping_shl(exponent),
            _ => u64::MAX,
        };
        Ok(Self {
            sender: u32_at(fields, 0),
            bitrate,
            ssrcs: Ssrcs(
                rest.get(..sources)
                    .ok_or(malformed("REMB with fewer sources than it says"))?,
            ),
        })
    }
}
