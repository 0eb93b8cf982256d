//! VP9 in RTP (RFC 9628).

use crate::{
    picture_ids::PictureIds,
    vp8::{octet, picture_id},
};

/// Most reference indices of a picture in flexible mode (RFC 9628 section 4.2).
const MAX_P_DIFFS: usize = 3;

/// The payload descriptor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vp9 {
    /// Octets of the descriptor; the VP9 payload follows.
    pub descriptor_len: usize,
    /// Picture id and TL0PICIDX.
    pub picture_ids: PictureIds,
    /// Layer indices, where the descriptor has them (L).
    pub layers: Option<Layers>,
    /// The layer frame is predicted from an earlier picture (P).
    pub inter_predicted: bool,
    /// References are given by the picture, not by a structure (F).
    pub flexible: bool,
    /// First packet of a layer frame (B).
    pub starts_frame: bool,
    /// Last packet of a layer frame (E).
    pub ends_frame: bool,
    /// No higher spatial layer refers to this frame (Z).
    pub not_reference_for_upper: bool,
    /// Scalability structure (V), where this packet has it.
    pub structure: Option<Structure>,
}

/// Layer indices of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layers {
    /// TID.
    pub temporal: u8,
    /// SID.
    pub spatial: u8,
    /// U: pictures of higher temporal layers after this one depend on none of theirs before it.
    pub switching_up: bool,
    /// D: the frame depends on the spatial layer below of the same picture.
    pub inter_layer: bool,
}

/// Sizes of a scalability structure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Structure {
    /// Spatial layers, 1 to 8.
    pub spatial_layers: u8,
    /// Width and height of each in pixels, where the structure says them.
    pub sizes: [Option<(u16, u16)>; 8],
}

impl Vp9 {
    /// The spatial layer, 0 where there are none.
    pub fn spatial(&self) -> u8 {
        self.layers.map_or(0, |layers| layers.spatial)
    }

    /// The temporal layer, 0 where there are none.
    pub fn temporal(&self) -> u8 {
        self.layers.map_or(0, |layers| layers.temporal)
    }

    /// First packet of a picture from which the base spatial layer can start.
    pub fn keyframe(&self) -> bool {
        self.starts_frame && !self.inter_predicted && self.spatial() == 0
    }
}

/// Reads a payload. None when it ends within its descriptor.
pub fn parse(payload: &[u8]) -> Option<Vp9> {
    // RFC 9628 section 4.2: I P L F B E V Z.
    let first = *payload.first()?;
    let mut vp9 = Vp9 {
        inter_predicted: first & 0x40 != 0,
        flexible: first & 0x10 != 0,
        starts_frame: first & 0x08 != 0,
        ends_frame: first & 0x04 != 0,
        not_reference_for_upper: first & 0x01 != 0,
        ..Vp9::default()
    };
    let mut at = 1;
    if first & 0x80 != 0 {
        let id = picture_id(payload, at)?;
        vp9.picture_ids.picture_id = Some(id);
        at += if id.long { 2 } else { 1 };
    }
    if first & 0x20 != 0 {
        let indices = *payload.get(at)?;
        at += 1;
        vp9.layers = Some(Layers {
            temporal: indices >> 5,
            switching_up: indices & 0x10 != 0,
            spatial: (indices >> 1) & 0x07,
            inter_layer: indices & 0x01 != 0,
        });
        if !vp9.flexible {
            vp9.picture_ids.tl0_pic_idx = Some(octet(at, *payload.get(at)?));
            at += 1;
        }
    }
    if vp9.flexible && vp9.inter_predicted {
        // P_DIFF of seven bits and N: another follows.
        for index in 0.. {
            let diff = *payload.get(at)?;
            at += 1;
            if diff & 1 == 0 {
                break;
            }
            if index + 1 == MAX_P_DIFFS {
                return None;
            }
        }
    }
    if first & 0x02 != 0 {
        let (structure, len) = structure(payload.get(at..)?)?;
        vp9.structure = Some(structure);
        at += len;
    }
    vp9.descriptor_len = at;
    payload.get(at..)?;
    Some(vp9)
}

/// RFC 9628 section 4.2.1. Gives its length too.
fn structure(bytes: &[u8]) -> Option<(Structure, usize)> {
    let first = *bytes.first()?;
    let mut structure = Structure {
        spatial_layers: (first >> 5) + 1,
        ..Structure::default()
    };
    let mut at = 1;
    if first & 0x10 != 0 {
        let count = usize::from(structure.spatial_layers);
        for size in structure.sizes.iter_mut().take(count) {
            let sides = bytes.get(at..at + 4)?;
            let width = u16::from_be_bytes([sides[0], sides[1]]);
            let height = u16::from_be_bytes([sides[2], sides[3]]);
            *size = (width > 0 && height > 0).then_some((width, height));
            at += 4;
        }
    }
    if first & 0x08 != 0 {
        let pictures = *bytes.get(at)?;
        at += 1;
        for _ in 0..pictures {
            // TID, U, R (two bits), two reserved.
            let references = (*bytes.get(at)? >> 2) & 0x03;
            at += 1 + usize::from(references);
        }
    }
    Some((structure, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_with_its_structure() {
        let payload = [
            0xaa, 0x81, 0x02, 0x00, 0x07, // I L B V | id 258 | T0 S0 | TL0
            0x38, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01,
            0x68, // 2 layers, 320x180, 640x360, G
            0x02, 0x10, 0x34, 0x01, // two pictures, the second with one reference
            0x82,
        ];
        let vp9 = parse(&payload).unwrap();
        assert_eq!(vp9.descriptor_len, payload.len() - 1);
        assert!(vp9.keyframe());
        assert_eq!(vp9.picture_ids.picture_id.unwrap().value, 258);
        assert_eq!(vp9.picture_ids.tl0_pic_idx.unwrap(), octet(4, 7));
        let structure = vp9.structure.unwrap();
        assert_eq!(structure.spatial_layers, 2);
        assert_eq!(
            structure.sizes[..3],
            [Some((320, 180)), Some((640, 360)), None]
        );
    }

    #[test]
    fn flexible_mode_has_references_and_no_tl0() {
        // I P L F E, id 5, T2 U S1 D, two references.
        let vp9 = parse(&[0xf4, 0x05, 0x53, 0x03, 0x04, 0xff]).unwrap();
        assert_eq!(vp9.descriptor_len, 5);
        assert_eq!(vp9.picture_ids.tl0_pic_idx, None);
        let layers = Layers {
            temporal: 2,
            spatial: 1,
            switching_up: true,
            inter_layer: true,
        };
        assert_eq!(vp9.layers, Some(layers));
        assert!(vp9.ends_frame && !vp9.starts_frame && !vp9.keyframe());
        assert_eq!(
            parse(&[0x50, 1, 1, 1, 1, 0]),
            None,
            "more references than there may be"
        );
    }

    #[test]
    fn an_upper_layer_is_no_start() {
        assert!(parse(&[0x88, 0x05]).unwrap().keyframe());
        assert!(!parse(&[0xc8, 0x05]).unwrap().keyframe());
        assert!(!parse(&[0xa8, 0x80, 0x01, 0x02, 0x00]).unwrap().keyframe());
        for cut in [
            &[][..],
            &[0x88],
            &[0xa8, 5, 0],
            &[0x0a],
            &[0x0a, 0x30, 1],
            &[0x0a, 0x08, 2, 0],
        ] {
            assert_eq!(parse(cut), None, "{cut:?}");
        }
    }
}
