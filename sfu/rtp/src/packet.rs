//! RTP packets (RFC 3550 section 5.1), their header extensions (RFC 8285), and which protocol a
//! datagram belongs to.

use std::ops::Range;

use crate::Malformed;

/// Octets of the fixed header.
pub const FIXED_HEADER: usize = 12;

/// "defined by profile" of one-byte header extensions, RFC 8285 section 4.2.
const ONE_BYTE: u16 = 0xbede;

/// The same of two-byte ones, RFC 8285 section 4.3: the four low bits are the application's.
const TWO_BYTE: u16 = 0x1000;

/// The largest identifier of the one-byte form; 15 is reserved.
const MAX_ONE_BYTE_ID: u8 = 14;

/// The most octets of an element in the one-byte form.
const MAX_ONE_BYTE_LEN: usize = 16;

/// Which protocol of those that share a WebRTC port a datagram belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// STUN (RFC 8489).
    Stun,
    /// DTLS (RFC 6347, RFC 9147).
    Dtls,
    /// RTP or SRTP.
    Rtp,
    /// RTCP or SRTCP.
    Rtcp,
    /// Anything else: TURN channels, ZRTP, noise.
    Other,
}

/// Tells the protocol of a datagram by its first octets, RFC 7983 section 7 and RFC 5761 section 4.
pub fn classify(datagram: &[u8]) -> Protocol {
    match datagram.first() {
        Some(0..=3) => Protocol::Stun,
        Some(20..=63) => Protocol::Dtls,
        Some(128..=191) if is_rtcp(datagram) => Protocol::Rtcp,
        Some(128..=191) => Protocol::Rtp,
        _ => Protocol::Other,
    }
}

/// Whether a datagram of the RTP and RTCP range is RTCP, RFC 5761 section 4: payload types 64 to 95
/// are kept free for it.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, second, ..] if first >> 6 == 2 && (192..=223).contains(second))
}

/// A received RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, below 128.
    pub payload_type: u8,
    /// Sequence number.
    pub seq: u16,
    /// Timestamp in units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Octets before the payload: fixed header, contributing sources and extension.
    pub header_len: usize,
    /// Payload without padding. Empty in packets that only probe.
    pub payload: &'a [u8],
    elements: Elements<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a packet that is not encrypted.
    ///
    /// # Errors
    /// [`Malformed`] if the packet is cut short or not RTP version 2.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Malformed> {
        let header_len = header_len(packet)?;
        let [first, second, rest @ ..] = packet else {
            return Err(short());
        };
        let mut payload = packet.get(header_len..).unwrap_or_default();
        if first & 0x20 != 0 {
            let padding = usize::from(payload.last().copied().unwrap_or(0));
            let end = payload.len().checked_sub(padding);
            payload = match end.and_then(|end| payload.get(..end)) {
                Some(rest) if padding > 0 => rest,
                _ => {
                    return Err(malformed(
                        "padding of no or of more than the payload's length",
                    ));
                }
            };
        }
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            seq: u16_at(rest, 0),
            timestamp: u32_at(rest, 2),
            ssrc: u32_at(rest, 6),
            header_len,
            payload,
            elements: Elements::of_header(packet.get(..header_len).unwrap_or_default()),
        })
    }

    /// The element of a header extension by its negotiated identifier, one-byte or two-byte form.
    /// An element may be empty in the two-byte form.
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions()
            .find_map(|(found, element)| (found == id).then_some(element))
    }

    /// All elements of the header extension with their identifiers.
    pub fn extensions(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let elements = self.elements;
        let octets = elements.octets;
        elements.map(move |(id, place)| (id, octets.get(place).unwrap_or_default()))
    }

    /// The fields that [`write_header`] takes.
    pub fn fields(&self) -> HeaderFields {
        HeaderFields {
            marker: self.marker,
            payload_type: self.payload_type,
            seq: self.seq,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        }
    }
}

/// Where the elements of a header extension stand, each with its identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elements<'a> {
    /// The header up to the payload.
    octets: &'a [u8],
    at: usize,
    two_byte: bool,
}

impl<'a> Elements<'a> {
    /// None at all if there is no extension, or one of a form that nobody here knows.
    pub(crate) fn of_header(header: &'a [u8]) -> Self {
        let first = header.first().copied().unwrap_or(0);
        let extension = FIXED_HEADER + 4 * usize::from(first & 0x0f);
        let profile = u16_at(header, extension);
        let two_byte = profile & 0xfff0 == TWO_BYTE;
        let known = first & 0x10 != 0 && (two_byte || profile == ONE_BYTE);
        Self {
            octets: header,
            at: if known { extension + 4 } else { header.len() },
            two_byte,
        }
    }
}

impl Iterator for Elements<'_> {
    type Item = (u8, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = *self.octets.get(self.at)?;
            self.at += 1;
            if first == 0 {
                continue;
            }
            let (id, len) = if self.two_byte {
                let len = *self.octets.get(self.at)?;
                self.at += 1;
                (first, usize::from(len))
            } else {
                (first >> 4, usize::from(first & 0x0f) + 1)
            };
            let end = self.at + len;
            // RFC 8285 section 4.2: identifier 15, and 0 with a length, end the extension.
            let ends = !self.two_byte && (id == 0 || id > MAX_ONE_BYTE_ID);
            if ends || end > self.octets.len() {
                self.at = self.octets.len();
                return None;
            }
            let place = self.at..end;
            self.at = end;
            return Some((id, place));
        }
    }
}

/// Octets before the payload, of a packet whose payload may be encrypted.
///
/// # Errors
/// [`Malformed`] if the packet is cut short or not RTP version 2.
pub fn header_len(packet: &[u8]) -> Result<usize, Malformed> {
    let Some(&first) = packet.first() else {
        return Err(short());
    };
    if first >> 6 != 2 {
        return Err(malformed("not version 2"));
    }
    let mut len = FIXED_HEADER + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        if packet.len() < len + 4 {
            return Err(short());
        }
        len += 4 + 4 * usize::from(u16_at(packet, len + 2));
    }
    if packet.len() < len {
        return Err(short());
    }
    Ok(len)
}

/// Header fields of a packet to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderFields {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, below 128.
    pub payload_type: u8,
    /// Sequence number.
    pub seq: u16,
    /// Timestamp in units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// Appends a header and returns its length in octets, a multiple of four.
///
/// Extension elements go out in the one-byte form; in the two-byte form if one of them does not fit
/// it (identifier above 14, no or more than 16 octets). What fits neither (identifier 0, more than
/// 255 octets) is left out. Without elements there is no extension.
pub fn write_header(out: &mut Vec<u8>, fields: &HeaderFields, extensions: &[(u8, &[u8])]) -> usize {
    let start = out.len();
    let extended = !extensions.is_empty();
    let mut fixed = [0; FIXED_HEADER];
    fixed[0] = 0x80 | u8::from(extended) << 4;
    fixed[1] = u8::from(fields.marker) << 7 | fields.payload_type & 0x7f;
    fixed[2..4].copy_from_slice(&fields.seq.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    fixed[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());
    out.extend_from_slice(&fixed);
    if extended {
        write_extensions(out, extensions);
    }
    out.len() - start
}

fn write_extensions(out: &mut Vec<u8>, extensions: &[(u8, &[u8])]) {
    let one_byte = extensions.iter().all(|(id, element)| {
        *id <= MAX_ONE_BYTE_ID && (1..=MAX_ONE_BYTE_LEN).contains(&element.len())
    });
    let profile = if one_byte { ONE_BYTE } else { TWO_BYTE };
    out.extend_from_slice(&profile.to_be_bytes());
    out.extend_from_slice(&[0; 2]);
    let start = out.len();
    for &(id, element) in extensions {
        let Ok(len) = u8::try_from(element.len()) else {
            continue;
        };
        if id == 0 {
            continue;
        }
        if one_byte {
            out.push(id << 4 | (len - 1));
        } else {
            out.extend_from_slice(&[id, len]);
        }
        out.extend_from_slice(element);
    }
    let words = (out.len() - start).div_ceil(4);
    out.resize(start + 4 * words, 0);
    let words = u16::try_from(words).unwrap_or(u16::MAX);
    if let Some(length) = out.get_mut(start - 2..start) {
        length.copy_from_slice(&words.to_be_bytes());
    }
}

/// The sequence number nearest to the last one, counted on beyond 16 bits.
///
/// The first (`last` is `None`) counts from its own value, in cycle 0. A number that would lie
/// before cycle 0 is counted into it.
pub fn extend_seq(last: Option<u64>, seq: u16) -> u64 {
    let Some(last) = last else {
        return u64::from(seq);
    };
    let step = i64::from(seq.wrapping_sub(last as u16) as i16);
    last.checked_add_signed(step).unwrap_or(u64::from(seq))
}

pub(crate) fn u16_at(octets: &[u8], at: usize) -> u16 {
    match octets.get(at..) {
        Some([a, b, ..]) => u16::from_be_bytes([*a, *b]),
        _ => 0,
    }
}

pub(crate) fn u32_at(octets: &[u8], at: usize) -> u32 {
    match octets.get(at..) {
        Some([a, b, c, d, ..]) => u32::from_be_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("RTP", reason)
}

fn short() -> Malformed {
    malformed("cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: HeaderFields = HeaderFields {
        marker: true,
        payload_type: 96,
        seq: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0xdead_beef,
    };

    #[test]
    fn a_written_header_reads_back_with_its_extensions() {
        let long = [7; 40];
        let cases: [&[(u8, &[u8])]; 4] = [
            &[],
            &[(3, &[1, 2])],
            &[(14, &[9; 16]), (1, b"0"), (2, &[1, 2, 3])],
            &[(3, &[1, 2]), (15, &[]), (200, &long)],
        ];
        for extensions in cases {
            let mut out = vec![0xaa];
            let len = write_header(&mut out, &FIELDS, extensions);
            assert_eq!(len % 4, 0);
            assert_eq!(out.len(), 1 + len);
            out.extend_from_slice(b"payload");
            let packet = Packet::parse(&out[1..]).unwrap();
            assert_eq!(packet.fields(), FIELDS);
            assert_eq!(packet.header_len, len);
            assert_eq!(packet.payload, b"payload");
            assert_eq!(packet.extensions().collect::<Vec<_>>(), extensions);
            assert_eq!(packet.extension(99), None);
        }
    }

    #[test]
    fn contributing_sources_extension_padding_and_gaps_are_stepped_over() {
        let packet = [
            0xb1, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, // one CSRC, extension, padding
            0, 0, 0, 4, // CSRC
            0xbe, 0xde, 0, 2, 0x10, 0xff, 0, 0x21, 1, 2, 0xf0, 0x31, // 15 ends the elements
            8, 9, 0, 2, // payload, padding of two
        ];
        let read = Packet::parse(&packet).unwrap();
        assert_eq!(read.header_len, 28);
        assert_eq!(read.payload, [8, 9]);
        assert_eq!(read.extension(1), Some(&[0xff][..]));
        assert_eq!(read.extension(2), Some(&[1, 2][..]));
        assert_eq!(read.extension(3), None);
        for cut in 0..28 {
            assert!(Packet::parse(&packet[..cut]).is_err(), "{cut}");
        }
        let mut padded = packet;
        for wrong in [0, 5, 255] {
            padded[31] = wrong;
            assert!(Packet::parse(&padded).is_err(), "{wrong}");
        }
        padded[31] = 4;
        assert_eq!(Packet::parse(&padded).unwrap().payload, []);
    }

    #[test]
    fn datagrams_are_told_apart_by_their_first_octets() {
        for (datagram, protocol) in [
            (&[0, 1][..], Protocol::Stun),
            (&[22, 254], Protocol::Dtls),
            (&[0x80, 96], Protocol::Rtp),
            (&[0x80, 0x80 | 96], Protocol::Rtp),
            (&[0x80, 191], Protocol::Rtp),
            (&[0x80, 192], Protocol::Rtcp),
            (&[0x81, 200], Protocol::Rtcp),
            (&[0x8f, 223], Protocol::Rtcp),
            (&[0x80, 224], Protocol::Rtp),
            (&[16], Protocol::Other),
            (&[64], Protocol::Other),
            (&[192, 200], Protocol::Other),
            (&[], Protocol::Other),
        ] {
            assert_eq!(classify(datagram), protocol, "{datagram:?}");
        }
    }

    #[test]
    fn sequence_numbers_count_on_over_the_wrap_and_back() {
        assert_eq!(extend_seq(None, 65_535), 65_535);
        assert_eq!(extend_seq(Some(65_535), 0), 65_536);
        assert_eq!(extend_seq(Some(65_536), 65_535), 65_535);
        assert_eq!(extend_seq(Some(131_072), 40_000), 131_072 - 65_536 + 40_000);
        assert_eq!(extend_seq(Some(5), 65_530), 65_530);
        assert_eq!(extend_seq(Some(u64::MAX), 0), 0);
    }
}
