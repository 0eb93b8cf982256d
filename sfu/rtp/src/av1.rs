//! AV1 in RTP (RTP Payload Format For AV1, version 1.0).

use crate::bit_reader::BitReader;

/// Most OBU elements that are looked at; what matters for a start stands first.
const MAX_ELEMENTS: usize = 8;

// OBU types: AV1 section 6.2.2.
const SEQUENCE_HEADER: u8 = 1;

/// What a payload says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Av1 {
    /// First packet of a coded video sequence: the N bit, or for senders that leave it out a
    /// sequence header in front.
    pub starts_sequence: bool,
    /// The first element goes on from the packet before (Z).
    pub continues: bool,
    /// The last element goes on in the next packet (Y).
    pub unfinished: bool,
    /// Temporal layer by the first OBU extension.
    pub temporal: Option<u8>,
    /// Spatial layer by the first OBU extension.
    pub spatial: Option<u8>,
    /// Greatest width and height in pixels, where a sequence header is inside.
    pub size: Option<(u16, u16)>,
}

/// Reads a payload. None when it is empty or has nothing after the aggregation header.
pub fn parse(payload: &[u8]) -> Option<Av1> {
    // Section 4.4: Z Y W W N.
    let (&aggregation, mut rest) = payload.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let mut av1 = Av1 {
        starts_sequence: aggregation & 0x08 != 0,
        continues: aggregation & 0x80 != 0,
        unfinished: aggregation & 0x40 != 0,
        ..Av1::default()
    };
    let count = usize::from((aggregation >> 4) & 0x03);
    for index in 0..MAX_ELEMENTS {
        if rest.is_empty() {
            break;
        }
        // With W set the last element has no length.
        let element = if count > 0 && index + 1 == count {
            std::mem::take(&mut rest)
        } else {
            let Some((len, after)) = leb128(rest) else {
                break;
            };
            let Some((element, next)) = after.split_at_checked(len) else {
                break;
            };
            rest = next;
            element
        };
        if index > 0 || !av1.continues {
            av1.element(element);
        }
    }
    Some(av1)
}

impl Av1 {
    /// One OBU element: AV1 section 5.3.
    fn element(&mut self, obu: &[u8]) -> Option<()> {
        let (&head, mut rest) = obu.split_first()?;
        if head & 0x04 != 0 {
            let (&extension, after) = rest.split_first()?;
            rest = after;
            self.temporal = self.temporal.or(Some(extension >> 5));
            self.spatial = self.spatial.or(Some((extension >> 3) & 0x03));
        }
        if (head >> 3) & 0x0f == SEQUENCE_HEADER {
            self.starts_sequence = true;
            if head & 0x02 != 0 {
                rest = leb128(rest)?.1;
            }
            self.size = self.size.or_else(|| sequence_size(rest));
        }
        Some(())
    }
}

/// AV1 section 4.10.5; longer than what a packet can hold is malformed.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

/// `sequence_header_obu()` up to the size: AV1 section 5.5.1.
fn sequence_size(bytes: &[u8]) -> Option<(u16, u16)> {
    let mut bits = BitReader::new(bytes);
    // seq_profile, still_picture
    bits.skip(4)?;
    if bits.bit()? {
        // reduced_still_picture_header: seq_level_idx
        bits.skip(5)?;
    } else {
        let mut delay_bits = None;
        if bits.bit()? {
            // timing_info: two numbers, then the interval
            bits.skip(64)?;
            if bits.bit()? {
                bits.exp_golomb()?;
            }
            if bits.bit()? {
                // decoder_model_info
                delay_bits = Some(bits.bits(5)? + 1);
                bits.skip(32 + 5 + 5)?;
            }
        }
        let display_delay = bits.bit()?;
        for _ in 0..=bits.bits(5)? {
            bits.skip(12)?;
            if bits.bits(5)? > 7 {
                bits.skip(1)?;
            }
            if let Some(len) = delay_bits
                && bits.bit()?
            {
                bits.skip(2 * len + 1)?;
            }
            if display_delay && bits.bit()? {
                bits.skip(4)?;
            }
        }
    }
    let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
    let (width, height) = (bits.bits(width_bits)?, bits.bits(height_bits)?);
    Some((
        u16::try_from(width + 1).ok()?,
        u16::try_from(height + 1).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sequence header OBU of libaom for 640x360, with its size field.
    const SEQUENCE: [u8; 13] = [
        0x0a, 0x0b, 0x00, 0x00, 0x00, 0x24, 0xc4, 0xff, 0xdf, 0x3f, 0xfe, 0x03, 0x08,
    ];

    #[test]
    fn the_size_stands_in_the_sequence_header() {
        // Built by hand: profile 0, no timing, one operating point, 10 and 9 bits of size.
        let mut bits = vec![0_u8; 16];
        let mut at = 0;
        let mut put = |value: u32, count: u32| {
            for bit in (0..count).rev() {
                bits[at / 8] |= ((value >> bit & 1) as u8) << (7 - at % 8);
                at += 1;
            }
        };
        for (value, count) in [
            (0, 3),
            (0, 2),
            (0, 1),
            (0, 1),
            (0, 5),
            (0, 12),
            (8, 5),
            (0, 1),
        ] {
            put(value, count);
        }
        for (value, count) in [(9, 4), (8, 4), (639, 10), (359, 9)] {
            put(value, count);
        }
        let mut payload = vec![0x18, 0x08];
        payload.extend(&bits);
        let av1 = parse(&payload).unwrap();
        assert!(av1.starts_sequence);
        assert_eq!(av1.size, Some((640, 360)));
        // The same with a size field and as the first of two elements.
        let mut obu = vec![0x0a, bits.len() as u8];
        obu.extend(&bits);
        let mut payload = vec![0x20, obu.len() as u8];
        payload.extend(&obu);
        payload.extend([0x32, 1, 2, 3]);
        assert_eq!(parse(&payload).unwrap().size, Some((640, 360)));
    }

    #[test]
    fn by_flag_or_sequence_header() {
        assert!(parse(&[0x18, 0x0a]).unwrap().starts_sequence);
        let mut whole = vec![0x10];
        whole.extend(SEQUENCE);
        assert!(parse(&whole).unwrap().starts_sequence);
        assert!(
            parse(&[0x20, 0x03, 0x0a, 0x01, 0x02])
                .unwrap()
                .starts_sequence
        );
        assert!(!parse(&[0x10, 0x32, 0x01]).unwrap().starts_sequence);
        let continued = parse(&[0x90, 0x0a]).unwrap();
        assert!(continued.continues && !continued.starts_sequence);
    }

    #[test]
    fn layers_stand_in_the_extension() {
        let av1 = parse(&[0x10, 0x36, 0x48, 1, 0]).unwrap();
        assert_eq!((av1.temporal, av1.spatial), (Some(2), Some(1)));
    }
}
