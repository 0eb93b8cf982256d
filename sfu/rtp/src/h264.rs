//! H.264 in RTP (RFC 6184): what a payload says of its picture.

use crate::bit_reader::BitReader;

// NAL unit types: ITU-T H.264 table 7-1; packet types: RFC 6184 section 5.2.
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// What a payload says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct H264 {
    /// An IDR slice or an SPS begins here: decoding can start with this picture.
    pub keyframe: bool,
    /// The SPS, where one is inside.
    pub sps: Option<Sps>,
}

/// The beginning of a sequence parameter set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sps {
    /// `profile_idc`.
    pub profile_idc: u8,
    /// `constraint_set0_flag` … `constraint_set5_flag` and two reserved bits.
    pub constraints: u8,
    /// Width and height in pixels after cropping, where they can be read.
    pub size: Option<(u16, u16)>,
}

/// Reads a payload: a single NAL unit, a STAP-A or an FU-A. Malformed parts say nothing.
pub fn parse(payload: &[u8]) -> H264 {
    let Some((&first, rest)) = payload.split_first() else {
        return H264::default();
    };
    match first & 0x1f {
        STAP_A => {
            let mut found = H264::default();
            let mut rest = rest;
            while let [high, low, after @ ..] = rest {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let Some((nal, next)) = after.split_at_checked(len) else {
                    break;
                };
                let inner = nal_unit(nal);
                found.keyframe |= inner.keyframe;
                found.sps = found.sps.or(inner.sps);
                rest = next;
            }
            found
        }
        FU_A => {
            // FU header: S bit, then the type of the fragmented NAL unit (RFC 6184 section 5.8).
            let Some((&fu, begin)) = rest.split_first() else {
                return H264::default();
            };
            if fu & 0x80 == 0 {
                return H264::default();
            }
            body(fu & 0x1f, begin)
        }
        _ => nal_unit(payload),
    }
}

fn nal_unit(nal: &[u8]) -> H264 {
    match nal.split_first() {
        Some((head, rest)) => body(head & 0x1f, rest),
        None => H264::default(),
    }
}

fn body(kind: u8, bytes: &[u8]) -> H264 {
    let sps = match (kind, bytes) {
        (SPS, [profile_idc, constraints, ..]) => Some(Sps {
            profile_idc: *profile_idc,
            constraints: *constraints,
            size: sps_size(bytes),
        }),
        _ => None,
    };
    H264 {
        keyframe: kind == IDR || sps.is_some(),
        sps,
    }
}

/// `seq_parameter_set_data()` up to the cropping: ITU-T H.264 section 7.3.2.1.1.
fn sps_size(bytes: &[u8]) -> Option<(u16, u16)> {
    let mut bits = BitReader::of_nal_unit(bytes);
    let profile = bits.byte(8)?;
    bits.skip(16)?;
    bits.exp_golomb()?;
    let mut chroma = 1;
    let mut separate_planes = false;
    if matches!(
        profile,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    ) {
        chroma = bits.exp_golomb()?;
        if chroma == 3 {
            separate_planes = bits.bit()?;
        }
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.skip(1)?;
        if bits.bit()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.exp_golomb()?;
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?;
        }
        1 => {
            bits.skip(1)?;
            bits.exp_golomb()?;
            bits.exp_golomb()?;
            // num_ref_frames_in_pic_order_cnt_cycle is at most 255.
            for _ in 0..bits.exp_golomb()?.min(255) {
                bits.exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?;
    bits.skip(1)?;
    let columns = u64::from(bits.exp_golomb()?) + 1;
    let map_units = u64::from(bits.exp_golomb()?) + 1;
    let frame_only = bits.bit()?;
    if !frame_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let fields = if frame_only { 1 } else { 2 };
    let (mut width, mut height) = (columns * 16, map_units * 16 * fields);
    if bits.bit()? {
        let mut edge = || bits.exp_golomb().map(u64::from);
        let (left, right, top, bottom) = (edge()?, edge()?, edge()?, edge()?);
        let (unit_x, unit_y) = match (chroma, separate_planes) {
            (1, _) => (2, 2),
            (2, _) => (2, 1),
            _ => (1, 1),
        };
        width = width.checked_sub(unit_x * (left + right))?;
        height = height.checked_sub(unit_y * fields * (top + bottom))?;
    }
    let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    (width > 0 && height > 0).then_some((width, height))
}

/// ITU-T H.264 section 7.3.2.1.1.1.
fn scaling_list(bits: &mut BitReader<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8_i32, 8_i32);
    for _ in 0..size {
        if next != 0 {
            let delta = bits.signed_exp_golomb()?;
            next = last.wrapping_add(delta).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SPS of x264: High, 1920x1080 (1088 less the crop).
    const HIGH_1080: [u8; 26] = [
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00,
        0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6,
    ];
    /// SPS of OpenH264: constrained baseline, 640x360.
    const BASELINE_360: [u8; 11] = [
        0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0,
    ];

    #[test]
    fn size_and_profile_of_real_parameter_sets() {
        let high = parse(&HIGH_1080);
        assert!(high.keyframe);
        let sps = high.sps.unwrap();
        assert_eq!((sps.profile_idc, sps.constraints), (0x64, 0));
        assert_eq!(sps.size, Some((1920, 1080)));
        let baseline = parse(&BASELINE_360).sps.unwrap();
        assert_eq!(baseline.size, Some((640, 360)));
    }

    #[test]
    fn every_packing_is_read() {
        let mut stap = vec![0x78, 0, HIGH_1080.len() as u8];
        stap.extend(HIGH_1080);
        stap.extend([0, 2, 0x68, 1]);
        assert_eq!(parse(&stap).sps.unwrap().size, Some((1920, 1080)));
        let mut fragment = vec![0x7c, 0x87];
        fragment.extend(&HIGH_1080[1..]);
        assert_eq!(parse(&fragment).sps.unwrap().size, Some((1920, 1080)));
        assert!(parse(&[0x7c, 0x85, 0]).keyframe);
        assert!(
            !parse(&[0x7c, 0x05, 0]).keyframe,
            "the middle of a fragment"
        );
        assert!(
            !parse(&[0x7c, 0x81, 0]).keyframe,
            "a fragmented delta slice"
        );
        assert!(parse(&[0x65, 1, 2]).keyframe);
        assert!(!parse(&[0x41, 1, 2]).keyframe);
        assert!(!parse(&[0x68, 1, 2]).keyframe, "a PPS alone starts nothing");
        let cut = parse(&HIGH_1080[..4]);
        assert_eq!(cut.sps.unwrap().size, None);
        assert!(cut.keyframe);
    }
}
