//! One track as one viewer negotiated it, and its packets as bytes.

use str0m::media::Mid;
use weir_media::Kind;
use weir_rtp::srtp::Sealer;

use super::fec::Fec;
use crate::{
    answer::{EgressExtensions, EgressFec, EgressMedia},
    flexfec::Flexfec,
    ingest::red_primary,
    munge::{Munged, Munger},
    outbox::{Outbox, Path},
    packet::MediaPacket,
};

/// RFC 3550 section 5.1: the fixed header.
const HEADER: usize = 12;

/// RFC 4588 section 4: the original sequence number before the payload.
const OSN: usize = 2;

/// Most padding that a packet gets so that it rides in the same send as its frame. Encoders divide a
/// frame into packets that differ by an octet.
const MAX_PAD: usize = 3;

/// RFC 3550 section 5.1: the padding's length is its last octet.
const MOST_PADDING: u8 = 255;

/// The stream of one track to one viewer.
#[derive(Debug)]
pub(crate) struct Stream {
    mid: Mid,
    cname: String,
    pub(crate) ssrc: u32,
    pub(crate) rtx_ssrc: Option<u32>,
    /// Payload type now, and its retransmission's.
    pub(crate) pt: Option<u8>,
    pub(crate) rtx_pt: Option<u8>,
    /// Payload type of redundant audio.
    pub(crate) red_pt: Option<u8>,
    pub(crate) munger: Munger,
    /// Next number of the retransmission stream.
    rtx_seq: u64,
    /// Header extension block, complete but for the transport-wide number.
    extension: Extension,
    /// Where in it that number stands.
    twcc_at: Option<usize>,
    /// Repairs, where the viewer negotiated them.
    pub(super) fec: Option<Box<Fec>>,
    /// Sent, for reports: packets and octets of payload (RFC 3550 section 6.4.1).
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// What is needed to make datagrams.
pub(crate) struct Wire<'a> {
    pub(crate) sealer: &'a mut Sealer,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) path: Path,
}

impl Stream {
    pub(crate) fn new(kind: Kind, media: &EgressMedia) -> Self {
        let ssrc = media.ssrc;
        Self {
            mid: media.mid,
            cname: media.cname.clone(),
            ssrc,
            rtx_ssrc: media.rtx_ssrc,
            pt: None,
            rtx_pt: None,
            red_pt: None,
            // The SSRC is random, and so is the first timestamp then (RFC 3550 section 5.1).
            munger: Munger::new(kind, ssrc.wrapping_mul(0x9e37_79b9)),
            rtx_seq: 1,
            extension: Extension::default(),
            twcc_at: None,
            fec: None,
            packets: 0,
            octets: 0,
        }
    }

    /// Lays the header extensions out. `playout_delay` in units of 10 ms, least and most.
    pub(crate) fn set_extensions(
        &mut self,
        ids: &EgressExtensions,
        playout_delay: Option<(u16, u16)>,
    ) {
        let mut elements = Vec::new();
        let mid = self.mid.to_string();
        self.twcc_at = None;
        let mut element = |id: Option<u8>, value: &[u8]| -> Option<usize> {
            // One-byte form: ids 1 to 14, 1 to 16 octets.
            let id = id.filter(|id| (1..=14).contains(id) && (1..=16).contains(&value.len()))?;
            elements.push(id << 4 | (value.len() - 1) as u8);
            elements.extend_from_slice(value);
            Some(elements.len() - value.len())
        };
        let twcc = element(ids.transport_cc, &[0, 0]);
        element(ids.mid, mid.as_bytes());
        if let Some((least, most)) = playout_delay {
            let both = u32::from(least & 0xfff) << 12 | u32::from(most & 0xfff);
            element(ids.playout_delay, &both.to_be_bytes()[1..]);
        }
        elements.resize(elements.len().next_multiple_of(4), 0);
        self.extension = Extension::new(&elements);
        self.twcc_at = twcc.map(|at| at + 4);
    }

    /// The packets may be repaired, if the answer says so.
    pub(super) fn set_repairs(&mut self, media: &EgressMedia, mode: Flexfec) {
        let twcc = media.extensions.transport_cc;
        let fec = |EgressFec { pt, ssrc }| Box::new(Fec::new(mode, pt, ssrc, self.ssrc, twcc));
        self.fec = media.flexfec.map(fec);
    }

    /// Names the session's end in reports, the same for sound and picture.
    pub(crate) fn cname(&self) -> &str {
        &self.cname
    }

    /// Whether packets carry a transport-wide number.
    pub(crate) fn has_twcc(&self) -> bool {
        self.twcc_at.is_some()
    }

    /// Size of the datagram that a payload makes.
    pub(crate) fn size(&self, sealer: &Sealer, payload: usize) -> usize {
        HEADER + self.extension.get().len() + payload + sealer.profile().tag_len()
    }

    /// Writes a packet. `twcc` gives the transport-wide number for a datagram of this size. False
    /// when it could not be sealed.
    pub(crate) fn write(
        &mut self,
        wire: &mut Wire<'_>,
        packet: &MediaPacket,
        munged: &Munged,
        marker: bool,
        mut twcc: impl FnMut(usize) -> u16,
    ) -> bool {
        let pt = if packet.red { self.red_pt } else { self.pt };
        let (payload, pt): (&[u8], u8) = match pt {
            Some(pt) => (&packet.payload, pt),
            // Who did not negotiate redundant audio gets what is inside.
            None => match (self.pt, red_primary(&packet.payload)) {
                (Some(pt), Some(primary)) if packet.red => (primary, pt),
                _ => return false,
            },
        };
        // The store had it already when the viewer began. It must not even take a transport-wide
        // number: one that never leaves counts as lost.
        if !wire.sealer.is_free(self.ssrc, munged.seq) {
            return false;
        }
        let len = self.size(wire.sealer, payload.len());
        // The last of a frame may be shorter; of the others each difference costs a send.
        let padded = if marker {
            len
        } else {
            wire.outbox
                .wanted_size(wire.path, len, MAX_PAD)
                .unwrap_or(len)
        };
        let pad = padded - len;
        let twcc = self.twcc_at.map(|at| (at, twcc(padded)));
        let sealer = &mut *wire.sealer;
        let (ssrc, extension, fec) = (self.ssrc, self.extension, &mut self.fec);
        let mut written = false;
        wire.outbox.append(wire.path, padded, |out| {
            let start = out.len();
            let first = 0x80 | if pad > 0 { 0x20 } else { 0 };
            let header = Header {
                first,
                marker,
                pt,
                seq: munged.seq as u16,
                timestamp: munged.timestamp,
                ssrc,
            };
            let header_len = header.write(out, extension.get(), twcc);
            out.extend_from_slice(payload);
            munged.ids.write(&mut out[start + header_len..]);
            for left in (0..pad).rev() {
                out.push(if left == 0 { pad as u8 } else { 0 });
            }
            if let Some(fec) = fec {
                let (header, payload) = out[start..].split_at(header_len);
                fec.protect(header, payload);
            }
            written = sealer.seal_rtp(out, start, header_len, munged.seq).is_ok();
            written
        });
        if written {
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload.len() as u32);
        }
        written
    }

    /// Writes the repairs that are due after a packet with this marker: how many packets, and octets
    /// of datagrams.
    pub(super) fn repair(
        &mut self,
        wire: &mut Wire<'_>,
        marker: bool,
        mut twcc: impl FnMut(usize) -> u16,
    ) -> (u64, usize) {
        let (Some(fec), Some(timestamp)) = (&mut self.fec, self.munger.timestamp()) else {
            return (0, 0);
        };
        let due = fec.due(marker);
        if due == 0 {
            return (0, 0);
        }
        let (mut packets, mut octets) = (0, 0);
        let mut payload = std::mem::take(&mut fec.scratch);
        for repair in 0..due {
            payload.clear();
            if !fec.write(repair, &mut payload) {
                continue;
            }
            let tag = wire.sealer.profile().tag_len();
            let len = HEADER + self.extension.get().len() + payload.len() + tag;
            let twcc = self.twcc_at.map(|at| (at, twcc(len)));
            let seq = fec.seq;
            fec.seq += 1;
            let sealer = &mut *wire.sealer;
            let extension = &self.extension;
            wire.outbox.append(wire.path, len, |out| {
                let start = out.len();
                let header = Header {
                    first: 0x80,
                    marker: false,
                    pt: fec.pt,
                    seq: seq as u16,
                    timestamp,
                    ssrc: fec.ssrc,
                };
                let header_len = header.write(out, extension.get(), twcc);
                out.extend_from_slice(&payload);
                let written = sealer.seal_rtp(out, start, header_len, seq).is_ok();
                packets += u64::from(written);
                written
            });
            octets += len;
        }
        fec.scratch = payload;
        fec.clear();
        (packets, octets)
    }

    /// Writes a packet once more, as its own stream has it (RFC 4588). Gives the datagram's size; none
    /// when the viewer negotiated no retransmission: the same number may not be sealed twice.
    pub(crate) fn resend(
        &mut self,
        wire: &mut Wire<'_>,
        packet: &MediaPacket,
        munged: &Munged,
        marker: bool,
        twcc: impl FnOnce(usize) -> u16,
    ) -> Option<usize> {
        let len = packet.payload.len() + OSN;
        let fields = (0x80, marker, munged.timestamp);
        self.write_rtx(wire, len, fields, twcc, |out| {
            let start = out.len();
            out.extend_from_slice(&(munged.seq as u16).to_be_bytes());
            out.extend_from_slice(&packet.payload);
            munged.ids.write(&mut out[start + OSN..]);
        })
    }

    /// Writes a packet of nothing but padding into the retransmission stream. Gives the datagram's
    /// size; none when the viewer negotiated no retransmission.
    pub(crate) fn pad(
        &mut self,
        wire: &mut Wire<'_>,
        twcc: impl FnOnce(usize) -> u16,
    ) -> Option<usize> {
        let len = usize::from(MOST_PADDING);
        let fields = (0xa0, false, self.munger.timestamp()?);
        self.write_rtx(wire, len, fields, twcc, |out| {
            out.resize(out.len() + len - 1, 0);
            out.push(MOST_PADDING);
        })
    }

    /// Writes a packet of the retransmission stream: first octet, marker and timestamp of its header,
    /// and a payload of `len` octets.
    fn write_rtx(
        &mut self,
        wire: &mut Wire<'_>,
        len: usize,
        (first, marker, timestamp): (u8, bool, u32),
        twcc: impl FnOnce(usize) -> u16,
        payload: impl FnOnce(&mut Vec<u8>),
    ) -> Option<usize> {
        let (pt, ssrc) = (self.rtx_pt?, self.rtx_ssrc?);
        let len = self.size(wire.sealer, len);
        let twcc = self.twcc_at.map(|at| (at, twcc(len)));
        let seq = self.rtx_seq;
        self.rtx_seq += 1;
        let sealer = &mut *wire.sealer;
        let extension = self.extension;
        let mut written = false;
        wire.outbox.append(wire.path, len, |out| {
            let start = out.len();
            let header = Header {
                first,
                marker,
                pt,
                seq: seq as u16,
                timestamp,
                ssrc,
            };
            let header_len = header.write(out, extension.get(), twcc);
            payload(out);
            written = sealer.seal_rtp(out, start, header_len, seq).is_ok();
            written
        });
        written.then_some(len)
    }
}

/// The extension block of a header, in place: a viewer's packets are written from few cache lines.
#[derive(Debug, Clone, Copy, Default)]
struct Extension {
    octets: [u8; EXTENSION],
    len: u8,
}

/// Room for the block's own header, the transport-wide number (3), the playout delay (4) and a mid of
/// 16 octets (17).
const EXTENSION: usize = 28;

impl Extension {
    fn new(elements: &[u8]) -> Self {
        let mut block = Self::default();
        let len = elements.len() + 4;
        if elements.is_empty() || len > EXTENSION {
            return block;
        }
        // RFC 8285 section 4.2: one-byte headers; length in words.
        block.octets[..4].copy_from_slice(&[0xbe, 0xde, 0, (elements.len() / 4) as u8]);
        block.octets[4..len].copy_from_slice(elements);
        block.len = len as u8;
        block
    }

    fn get(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }
}

struct Header {
    first: u8,
    marker: bool,
    pt: u8,
    seq: u16,
    timestamp: u32,
    ssrc: u32,
}

impl Header {
    fn write(&self, out: &mut Vec<u8>, extension: &[u8], twcc: Option<(usize, u16)>) -> usize {
        let mut header = [0; HEADER];
        header[0] = self.first | if extension.is_empty() { 0 } else { 0x10 };
        header[1] = self.pt & 0x7f | if self.marker { 0x80 } else { 0 };
        header[2..4].copy_from_slice(&self.seq.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&header);
        let at = out.len();
        out.extend_from_slice(extension);
        if let Some((offset, seq)) = twcc
            && let Some(place) = out.get_mut(at + offset..at + offset + 2)
        {
            place.copy_from_slice(&seq.to_be_bytes());
        }
        HEADER + extension.len()
    }
}
