//! Sequence parameter sets (ITU-T H.264, clause 7.3.2.1 and annex E).

use super::{Malformed, bits::Bits};

/// What a sequence parameter set says about the stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sps {
    /// `profile_idc`: 66 baseline, 77 main, 100 high.
    pub profile: u8,
    /// `constraint_set` flags, as in the byte after the profile.
    pub constraints: u8,
    /// `level_idc`, ten times the level.
    pub level: u8,
    /// Pixels after cropping.
    pub width: u32,
    /// Pixels after cropping.
    pub height: u32,
    /// 4:2:0 with 8 bits, progressive: what every browser decodes.
    pub ordinary: bool,
    /// `chroma_format_idc`: 1 is 4:2:0.
    pub chroma: u8,
    /// Bits of a sample, the larger of luma's and chroma's.
    pub bit_depth: u8,
    /// Pictures may be fields.
    pub interlaced: bool,
    /// Values use the full range, not the limited one.
    pub full_range: bool,
    /// `matrix_coefficients`, when the stream says them.
    pub matrix: Option<u8>,
    /// Frames per second, when the stream says so.
    pub frame_rate: Option<f64>,
    /// Whether pictures may be shown in another order than they are sent.
    pub reordering: Reordering,
}

/// Whether a stream reorders pictures (B-frames).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reordering {
    /// It says that it does not.
    No,
    /// It says that it does.
    Yes,
    /// It does not say.
    Unknown,
}

impl Sps {
    /// RFC 6381 codec string, `avc1.PPCCLL`.
    pub fn codec_string(&self) -> String {
        format!(
            "avc1.{:02x}{:02x}{:02x}",
            self.profile, self.constraints, self.level
        )
    }

    /// Reads a whole NAL unit of type 7.
    pub fn parse(nal: &[u8]) -> Result<Self, Malformed> {
        let mut bits = Bits::new(nal.get(1..).ok_or(Malformed)?);
        let profile = bits.bits(8)? as u8;
        let constraints = bits.bits(8)? as u8;
        let level = bits.bits(8)? as u8;
        bits.ue()?; // seq_parameter_set_id
        let mut chroma = 1;
        let mut bit_depth = 8;
        let mut separate_planes = false;
        if matches!(
            profile,
            100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
        ) {
            chroma = bits.ue()?;
            if chroma == 3 {
                separate_planes = bits.flag()?;
            }
            let (luma, colour) = (bits.ue()?, bits.ue()?);
            bit_depth = 8 + luma.max(colour).min(8) as u8;
            bits.flag()?; // qpprime_y_zero_transform_bypass
            if bits.flag()? {
                for list in 0..if chroma == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.ue()?; // log2_max_frame_num
        let order_count_type = bits.ue()?;
        match order_count_type {
            0 => {
                bits.ue()?;
            }
            1 => {
                bits.flag()?;
                bits.se()?;
                bits.se()?;
                let cycle = bits.ue()?;
                if cycle > 255 {
                    return Err(Malformed);
                }
                for _ in 0..cycle {
                    bits.se()?;
                }
            }
            2 => {}
            _ => return Err(Malformed),
        }
        bits.ue()?; // max_num_ref_frames
        bits.flag()?; // gaps_in_frame_num_value_allowed
        let width_mbs = bits.ue()?;
        let height_units = bits.ue()?;
        let frames_only = bits.flag()?;
        if !frames_only {
            bits.flag()?; // mb_adaptive_frame_field
        }
        bits.flag()?; // direct_8x8_inference
        // No level allows more than this many macroblocks in a row (table A-1).
        if width_mbs >= 1055 || height_units >= 1055 {
            return Err(Malformed);
        }
        let mut width = (width_mbs + 1) * 16;
        let mut height = (height_units + 1) * 16 * if frames_only { 1 } else { 2 };
        if bits.flag()? {
            let crop = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?].map(u64::from);
            let (unit_x, unit_y) = match chroma {
                1 => (2, 2),
                2 => (2, 1),
                _ => (1, 1),
            };
            let unit_y = unit_y * if frames_only { 1 } else { 2 };
            let cropped = |size: u32, from: u64, to: u64, unit: u64| {
                let size = u64::from(size)
                    .checked_sub((from + to) * unit)
                    .filter(|size| *size > 0);
                size.and_then(|size| u32::try_from(size).ok())
                    .ok_or(Malformed)
            };
            width = cropped(width, crop[0], crop[1], unit_x)?;
            height = cropped(height, crop[2], crop[3], unit_y)?;
        }
        // Some encoders cut their parameter sets off inside the usability information; then what
        // came before still stands.
        let usability = if bits.flag()? {
            usability(&mut bits).unwrap_or_default()
        } else {
            Usability::default()
        };
        let reordering = match usability.max_reorder_frames {
            // Order count type 2 means output order is decoding order (clause 8.2.1.3), baseline has
            // no B slices (clause A.2.1).
            _ if order_count_type == 2 || profile == 66 => Reordering::No,
            Some(0) => Reordering::No,
            Some(_) => Reordering::Yes,
            None => Reordering::Unknown,
        };
        Ok(Self {
            profile,
            constraints,
            level,
            width,
            height,
            ordinary: chroma == 1 && bit_depth == 8 && frames_only && !separate_planes,
            chroma: chroma.min(3) as u8,
            bit_depth,
            interlaced: !frames_only,
            full_range: usability.full_range,
            matrix: usability.matrix,
            frame_rate: usability.frame_rate,
            reordering,
        })
    }
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Result<(), Malformed> {
    let mut last = 8_i64;
    let mut next = 8_i64;
    for _ in 0..size {
        if next != 0 {
            next = (last + i64::from(bits.se()?)).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Usability {
    full_range: bool,
    matrix: Option<u8>,
    frame_rate: Option<f64>,
    max_reorder_frames: Option<u32>,
}

/// `vui_parameters` (clause E.1.1).
fn usability(bits: &mut Bits<'_>) -> Result<Usability, Malformed> {
    const EXTENDED_SAR: u32 = 255;
    let mut found = Usability::default();
    if bits.flag()? && bits.bits(8)? == EXTENDED_SAR {
        bits.skip(32)?;
    }
    if bits.flag()? {
        bits.flag()?; // overscan_appropriate
    }
    if bits.flag()? {
        bits.skip(3)?; // video_format
        found.full_range = bits.flag()?;
        if bits.flag()? {
            bits.skip(16)?; // colour primaries, transfer characteristics
            found.matrix = Some(bits.bits(8)? as u8);
        }
    }
    if bits.flag()? {
        bits.ue()?;
        bits.ue()?; // chroma sample location
    }
    if bits.flag()? {
        let tick = bits.bits(32)?;
        let scale = bits.bits(32)?;
        bits.flag()?; // fixed_frame_rate
        if tick > 0 {
            // A frame has two fields, and a tick is a field's time.
            let rate = f64::from(scale) / f64::from(tick) / 2.0;
            found.frame_rate = (1.0..=1000.0).contains(&rate).then_some(rate);
        }
    }
    let nal_hrd = bits.flag()?;
    if nal_hrd {
        skip_hrd(bits)?;
    }
    let vcl_hrd = bits.flag()?;
    if vcl_hrd {
        skip_hrd(bits)?;
    }
    if nal_hrd || vcl_hrd {
        bits.flag()?; // low_delay_hrd
    }
    bits.flag()?; // pic_struct_present
    if bits.flag()? {
        bits.flag()?; // motion_vectors_over_pic_boundaries
        for _ in 0..4 {
            bits.ue()?;
        }
        found.max_reorder_frames = Some(bits.ue()?);
        bits.ue()?; // max_dec_frame_buffering
    }
    Ok(found)
}

fn skip_hrd(bits: &mut Bits<'_>) -> Result<(), Malformed> {
    let count = bits.ue()?;
    if count > 31 {
        return Err(Malformed);
    }
    bits.skip(8)?;
    for _ in 0..=count {
        bits.ue()?;
        bits.ue()?;
        bits.flag()?;
    }
    bits.skip(20)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// x264, 1280x720 at 30 frames a second, High with B-frames.
    const HIGH: &[u8] = &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03,
        0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x19, 0x60,
    ];

    #[test]
    fn a_parameter_set_of_x264_is_read() {
        let sps = Sps::parse(HIGH).unwrap();
        assert_eq!(
            (sps.width, sps.height, sps.profile, sps.level),
            (1280, 720, 100, 31)
        );
        assert_eq!(sps.frame_rate, Some(30.0));
        assert_eq!(sps.reordering, Reordering::Yes);
        assert!(sps.ordinary && !sps.interlaced && !sps.full_range);
        assert_eq!((sps.chroma, sps.bit_depth, sps.matrix), (1, 8, None));
        assert_eq!(sps.codec_string(), "avc1.64001f");
    }

    #[test]
    fn every_truncation_and_bit_flip_gets_an_answer() {
        for end in 0..HIGH.len() {
            let _ = Sps::parse(&HIGH[..end]);
        }
        for bit in 0..HIGH.len() * 8 {
            let mut bytes = HIGH.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = Sps::parse(&bytes);
        }
        assert_eq!(Sps::parse(&[]), Err(Malformed));
        assert_eq!(Sps::parse(&HIGH[..6]), Err(Malformed));
    }
}
