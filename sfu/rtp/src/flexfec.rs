//! Flexible forward error correction as browsers receive it: `flexfec-03`, that is
//! draft-ietf-payload-flexible-fec-scheme-03, for one stream of its own and one protected SSRC.
//!
//! A repair packet is the exclusive-or of the packets that its mask names, so it brings back one of
//! them that is lost. Only the encoder is here; viewers decode.

use crate::packet::{Elements, FIXED_HEADER, u16_at};

/// Most packets from the first to the last of a group. The format has room for 109; libwebrtc's
/// encoder stops at 48, and so do we.
pub const MAX_GROUP: u16 = 48;

/// Most repair packets of a group.
pub const MAX_ROWS: usize = 16;

/// Octets before the repaired payload, at most: what a repair packet is longer than the longest
/// packet of its group, whose fixed header it does without.
pub const MAX_HEADER: usize = BASE + MASK_AT_MOST;

/// Recovered fields, count of SSRCs, SSRC, first sequence number: section 4.2.2.1.
const BASE: usize = 18;

/// Masks have 15, 46 or 109 bits; 48 take the longest.
const MASK_AT_MOST: usize = 14;

/// Bits of the mask before and after the first and second k bit.
const FIRST_BITS: u32 = 15;
const SECOND_BITS: u32 = 31;
const THIRD_BITS: u32 = 63;

/// Makes the repair payloads of one group of packets after another.
///
/// The packets of a group are dealt out to `rows` repair packets in turn, so that as many losses
/// next to each other can be repaired as there are rows. Buffers are kept between groups.
///
/// What is protected are the packets before SRTP, with the whole header. Extensions that the
/// receiver takes for changed on the way are protected as zeros, since libwebrtc sets them to zero
/// before it decodes: transport-wide sequence number, absolute send time, transmission offset.
#[derive(Debug)]
pub struct Encoder {
    ssrc: u32,
    changing: Vec<u8>,
    rows: Vec<Row>,
    /// Sequence numbers of the group's first packet, and of the first behind its last.
    base: u16,
    end: u16,
    packets: u16,
}

/// One repair packet to be.
#[derive(Debug, Default)]
struct Row {
    /// Bit n stands for the packet `base + n`.
    mask: u64,
    /// Exclusive-or of the two octets before the sequence number, of lengths, of timestamps.
    head: [u8; 2],
    length: u16,
    timestamp: [u8; 4],
    /// Exclusive-or of all behind the fixed header.
    body: Vec<u8>,
}

/// Why a packet was not taken into the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// It does not follow the group's packets within [`MAX_GROUP`]: write the group, clear, and add
    /// it to the next one.
    #[error("the packet is not within {MAX_GROUP} after the group's first")]
    OutOfGroup,
    /// The header is shorter than an RTP header, or the packet longer than its length can say.
    #[error("not an RTP packet that can be protected")]
    NotRtp,
}

impl Encoder {
    /// For packets of this SSRC. `rows` is how many repair packets a group gets: 1 to [`MAX_ROWS`],
    /// what is beyond is clamped. `changing` are the identifiers of the header extensions that are
    /// protected as zeros.
    pub fn new(ssrc: u32, rows: usize, changing: &[u8]) -> Self {
        let mut encoder = Self {
            ssrc,
            changing: changing.to_vec(),
            rows: Vec::new(),
            base: 0,
            end: 0,
            packets: 0,
        };
        encoder.set_rows(rows);
        encoder
    }

    /// Begins a new group, which will have this many repair packets.
    pub fn set_rows(&mut self, rows: usize) {
        self.rows.resize_with(rows.clamp(1, MAX_ROWS), Row::default);
        self.clear();
    }

    /// Begins a new group.
    pub fn clear(&mut self) {
        self.packets = 0;
        for row in &mut self.rows {
            row.clear();
        }
    }

    /// Packets in the group.
    pub fn packets(&self) -> usize {
        usize::from(self.packets)
    }

    /// How many repair packets the group gives: rows that protect a packet.
    pub fn repairs(&self) -> usize {
        self.rows.len().min(self.packets())
    }

    /// Takes a packet into the group: its whole RTP header and its payload, before SRTP. Packets
    /// come in the order of sending; numbers may be missing.
    ///
    /// # Errors
    /// [`AddError`]; the group is as before.
    pub fn add(&mut self, header: &[u8], payload: &[u8]) -> Result<(), AddError> {
        let Some((fixed, rest)) = header.split_at_checked(FIXED_HEADER) else {
            return Err(AddError::NotRtp);
        };
        let length = u16::try_from(rest.len() + payload.len()).map_err(|_| AddError::NotRtp)?;
        let seq = u16_at(fixed, 2);
        if self.packets == 0 {
            (self.base, self.end) = (seq, seq);
        }
        let offset = seq.wrapping_sub(self.base);
        if offset < self.end.wrapping_sub(self.base) || offset >= MAX_GROUP {
            return Err(AddError::OutOfGroup);
        }
        let turn = self.packets() % self.rows.len();
        let Some(row) = self.rows.get_mut(turn) else {
            return Err(AddError::NotRtp);
        };
        row.mask |= 1 << offset;
        row.length ^= length;
        xor(&mut row.head, &fixed[..2]);
        xor(&mut row.timestamp, &fixed[4..8]);
        if row.body.len() < usize::from(length) {
            row.body.resize(usize::from(length), 0);
        }
        let (body, behind) = row.body.split_at_mut(rest.len());
        xor(body, rest);
        xor(behind, payload);
        // Taken out again, which leaves zeros.
        for (id, place) in Elements::of_header(header) {
            let octets = header.get(place.clone()).unwrap_or_default();
            if self.changing.contains(&id)
                && let Some(body) = body.get_mut(place.start - FIXED_HEADER..)
            {
                xor(body, octets);
            }
        }
        self.packets += 1;
        self.end = seq.wrapping_add(1);
        Ok(())
    }

    /// Appends the payload of one of the group's [`repairs`](Self::repairs), counted from 0, and
    /// says whether there is such a one. The caller has written an RTP header of the repair stream
    /// before it; its timestamp is of no importance to receivers.
    pub fn write(&self, repair: usize, out: &mut Vec<u8>) -> bool {
        let Some(row) = self.rows.get(repair).filter(|row| row.mask != 0) else {
            return false;
        };
        // Two highest bits: R, retransmission, and F, fixed masks. Neither is set.
        out.extend_from_slice(&[row.head[0] & 0x3f, row.head[1]]);
        out.extend_from_slice(&row.length.to_be_bytes());
        out.extend_from_slice(&row.timestamp);
        // One protected SSRC, and three reserved octets.
        out.extend_from_slice(&[1, 0, 0, 0]);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&self.base.to_be_bytes());
        write_mask(out, row.mask);
        out.extend_from_slice(&row.body);
        true
    }
}

impl Row {
    fn clear(&mut self) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        *self = Self {
            body,
            ..Self::default()
        };
    }
}

/// Appends a mask as short as it can be: each part begins with a k bit that says whether it is the
/// last one, and has its packets from the top on.
fn write_mask(out: &mut Vec<u8>, mask: u64) {
    // The packet at the base stands on top.
    let bits = u128::from(mask).reverse_bits();
    let part = |before: u32, count: u32| bits << before >> (128 - count);
    let ends = |before: u32| before >= 64 || mask >> before == 0;

    let k = ends(FIRST_BITS);
    let first = u16::from(k) << 15 | part(0, FIRST_BITS) as u16;
    out.extend_from_slice(&first.to_be_bytes());
    if k {
        return;
    }
    let k = ends(FIRST_BITS + SECOND_BITS);
    let second = u32::from(k) << 31 | part(FIRST_BITS, SECOND_BITS) as u32;
    out.extend_from_slice(&second.to_be_bytes());
    if k {
        return;
    }
    let third = 1 << 63 | part(FIRST_BITS + SECOND_BITS, THIRD_BITS) as u64;
    out.extend_from_slice(&third.to_be_bytes());
}

/// `into ^= octets`, as far as both reach.
fn xor(into: &mut [u8], octets: &[u8]) {
    for (into, octet) in into.iter_mut().zip(octets) {
        *into ^= octet;
    }
}

#[cfg(test)]
mod tests;
