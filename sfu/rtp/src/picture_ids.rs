//! Numbers that a codec's payload descriptor carries and that a viewer must see go on without a
//! seam: picture id and TL0PICIDX of VP8 (RFC 7741 section 4.2) and VP9 (RFC 9628 section 4.2), and
//! KEYIDX of VP8.

/// Where the numbers stand in a payload, and what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PictureIds {
    /// Number of the picture.
    pub picture_id: Option<PictureId>,
    /// Running index of the base temporal layer's pictures.
    pub tl0_pic_idx: Option<Octet>,
    /// VP8's index of the temporal keyframe: the five low bits of its octet.
    pub key_idx: Option<Octet>,
}

/// A picture id as it stands in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    /// Octets from the payload's beginning.
    pub offset: u8,
    /// Its value, below 2⁷ or 2¹⁵.
    pub value: u16,
    /// 15 bits in two octets (the M bit is set) rather than 7 in one.
    pub long: bool,
}

/// A number of at most eight bits as it stands in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Octet {
    /// Octets from the payload's beginning.
    pub offset: u8,
    /// Its value.
    pub value: u8,
}

/// What is added to the numbers, each modulo its own range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PictureIdOffsets {
    /// To the picture id.
    pub picture_id: u16,
    /// To TL0PICIDX.
    pub tl0_pic_idx: u8,
    /// To KEYIDX.
    pub key_idx: u8,
}

impl PictureIds {
    /// The numbers with the offsets added.
    pub fn with(&self, offsets: &PictureIdOffsets) -> Self {
        let mut ids = *self;
        if let Some(id) = &mut ids.picture_id {
            let mask = if id.long { 0x7fff } else { 0x7f };
            id.value = id.value.wrapping_add(offsets.picture_id) & mask;
        }
        if let Some(idx) = &mut ids.tl0_pic_idx {
            idx.value = idx.value.wrapping_add(offsets.tl0_pic_idx);
        }
        if let Some(idx) = &mut ids.key_idx {
            idx.value = idx.value.wrapping_add(offsets.key_idx) & 0x1f;
        }
        ids
    }

    /// Writes the numbers into a payload of the same shape. What lies beyond its end is left out.
    pub fn write(&self, payload: &mut [u8]) {
        if let Some(id) = self.picture_id {
            let at = usize::from(id.offset);
            if id.long {
                if let Some(octets) = payload.get_mut(at..at + 2) {
                    octets.copy_from_slice(&(0x8000 | id.value).to_be_bytes());
                }
            } else if let Some(octet) = payload.get_mut(at) {
                *octet = (id.value & 0x7f) as u8;
            }
        }
        if let Some(idx) = self.tl0_pic_idx
            && let Some(octet) = payload.get_mut(usize::from(idx.offset))
        {
            *octet = idx.value;
        }
        if let Some(idx) = self.key_idx
            && let Some(octet) = payload.get_mut(usize::from(idx.offset))
        {
            *octet = (*octet & 0xe0) | (idx.value & 0x1f);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round_in_their_own_range() {
        let ids = PictureIds {
            picture_id: Some(PictureId {
                offset: 1,
                value: 0x7ffe,
                long: true,
            }),
            tl0_pic_idx: Some(Octet {
                offset: 3,
                value: 255,
            }),
            key_idx: Some(Octet {
                offset: 4,
                value: 31,
            }),
        };
        let offsets = PictureIdOffsets {
            picture_id: 3,
            tl0_pic_idx: 2,
            key_idx: 1,
        };
        let mut payload = [9, 0, 0, 0, 0xe0, 9];
        ids.with(&offsets).write(&mut payload);
        assert_eq!(payload, [9, 0x80, 1, 1, 0xe0, 9]);
        ids.write(&mut payload[..2]);
    }
}
