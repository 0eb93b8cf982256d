//! VP8 in RTP (RFC 7741).

use crate::picture_ids::{Octet, PictureId, PictureIds};

/// The payload descriptor, and what the frame's own header says where a packet begins one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vp8 {
    /// Octets of the descriptor; the VP8 payload follows.
    pub descriptor_len: usize,
    /// Picture id, TL0PICIDX and KEYIDX.
    pub picture_ids: PictureIds,
    /// Temporal layer, where the descriptor has one (T).
    pub temporal: Option<u8>,
    /// The frame depends on the base temporal layer only (Y).
    pub layer_sync: bool,
    /// No other frame depends on it (N).
    pub non_reference: bool,
    /// First packet of a frame (S, and partition 0).
    pub starts_frame: bool,
    /// First packet of a keyframe (the frame tag's P bit, RFC 6386 section 9.1).
    pub keyframe: bool,
    /// Width and height in pixels, where a keyframe begins.
    pub size: Option<(u16, u16)>,
}

/// Reads a payload. None when it ends within its descriptor or has no data after it.
pub fn parse(payload: &[u8]) -> Option<Vp8> {
    // RFC 7741 section 4.2.
    let first = *payload.first()?;
    let mut vp8 = Vp8 {
        non_reference: first & 0x20 != 0,
        starts_frame: first & 0x10 != 0 && first & 0x07 == 0,
        ..Vp8::default()
    };
    let mut at = 1;
    if first & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            let id = picture_id(payload, at)?;
            vp8.picture_ids.picture_id = Some(id);
            at += if id.long { 2 } else { 1 };
        }
        if extension & 0x40 != 0 {
            let value = *payload.get(at)?;
            // TL0PICIDX may stand only where T is set too; alone it means nothing.
            if extension & 0x20 != 0 {
                vp8.picture_ids.tl0_pic_idx = Some(octet(at, value));
            }
            at += 1;
        }
        if extension & 0x30 != 0 {
            let value = *payload.get(at)?;
            if extension & 0x20 != 0 {
                vp8.temporal = Some(value >> 6);
                vp8.layer_sync = value & 0x20 != 0;
            }
            if extension & 0x10 != 0 {
                vp8.picture_ids.key_idx = Some(octet(at, value & 0x1f));
            }
            at += 1;
        }
    }
    vp8.descriptor_len = at;
    let frame = payload.get(at..)?;
    let tag = *frame.first()?;
    vp8.keyframe = vp8.starts_frame && tag & 0x01 == 0;
    // RFC 6386 section 9.1: three octets of tag, the start code, then 14 bits each and a scale.
    if vp8.keyframe
        && let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = frame
    {
        let width = u16::from_le_bytes([*w0, *w1]) & 0x3fff;
        let height = u16::from_le_bytes([*h0, *h1]) & 0x3fff;
        vp8.size = (width > 0 && height > 0).then_some((width, height));
    }
    Some(vp8)
}

/// The picture id as VP8 and VP9 write it: M, then 7 or 15 bits.
pub(crate) fn picture_id(payload: &[u8], at: usize) -> Option<PictureId> {
    let high = *payload.get(at)?;
    let offset = at as u8;
    if high & 0x80 == 0 {
        return Some(PictureId {
            offset,
            value: u16::from(high),
            long: false,
        });
    }
    let low = *payload.get(at + 1)?;
    Some(PictureId {
        offset,
        value: u16::from_be_bytes([high & 0x7f, low]),
        long: true,
    })
}

/// A number that stands in an octet of the descriptor.
pub(crate) fn octet(at: usize, value: u8) -> Octet {
    Octet {
        offset: at as u8,
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_descriptor_of_a_keyframe() {
        let payload = [
            0x90, 0xf0, 0x92, 0x34, 0x56,
            0x7f, // X S | I L T K | 15 bits | TL0 | TID 1, Y, KEYIDX 31
            0x50, 0x42, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x41, 0,
        ];
        let vp8 = parse(&payload).unwrap();
        assert_eq!(vp8.descriptor_len, 6);
        let ids = vp8.picture_ids;
        let id = ids.picture_id.unwrap();
        assert_eq!((id.offset, id.value, id.long), (2, 0x1234, true));
        assert_eq!(ids.tl0_pic_idx.unwrap(), octet(4, 0x56));
        assert_eq!(ids.key_idx.unwrap(), octet(5, 0x1f));
        assert_eq!((vp8.temporal, vp8.layer_sync), (Some(1), true));
        assert!(vp8.keyframe && vp8.starts_frame);
        assert_eq!(vp8.size, Some((640, 360)), "the scale is no part of it");
        // What is written back is what was read.
        let mut copy = payload;
        ids.write(&mut copy);
        assert_eq!(copy, payload);
    }

    #[test]
    fn only_partition_zero_starts_a_frame() {
        assert!(parse(&[0x10, 0x00]).unwrap().keyframe);
        assert!(!parse(&[0x10, 0x01]).unwrap().keyframe);
        assert!(!parse(&[0x11, 0x00]).unwrap().starts_frame);
        let short = parse(&[0x80, 0x80, 0x05, 0x01]).unwrap();
        assert_eq!(short.picture_ids.picture_id.unwrap().value, 5);
        for cut in [
            &[][..],
            &[0x90],
            &[0x90, 0x80],
            &[0x90, 0x80, 0x80],
            &[0x90, 0x10, 0x00],
        ] {
            assert_eq!(parse(cut), None, "{cut:?}");
        }
    }
}
