//! Finds keyframes in RTP payloads without decoding: only payload descriptors and NAL or OBU headers are read.

use weir_media::VideoCodec;

use crate::packet::H264Profile;

/// What one payload says about its picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PayloadSigns {
    /// Decoding can start with this picture.
    pub keyframe: bool,
    /// Profile, where an H.264 SPS is inside.
    pub h264_profile: Option<H264Profile>,
}

/// Reads the payload of one packet. Anything malformed is simply no keyframe.
pub(crate) fn inspect(codec: VideoCodec, payload: &[u8]) -> PayloadSigns {
    match codec {
        VideoCodec::H264 => h264(payload),
        VideoCodec::Hevc => signs(hevc(payload)),
        VideoCodec::Vp8 => signs(vp8(payload)),
        VideoCodec::Vp9 => signs(vp9(payload)),
        VideoCodec::Av1 => signs(av1(payload)),
    }
}

fn signs(keyframe: bool) -> PayloadSigns {
    PayloadSigns {
        keyframe,
        h264_profile: None,
    }
}

// NAL unit types: ITU-T H.264 table 7-1; packet types: RFC 6184 section 5.2.
const H264_IDR: u8 = 5;
const H264_SPS: u8 = 7;
const H264_STAP_A: u8 = 24;
const H264_FU_A: u8 = 28;

fn h264(payload: &[u8]) -> PayloadSigns {
    let Some((&first, rest)) = payload.split_first() else {
        return PayloadSigns::default();
    };
    match first & 0x1f {
        H264_STAP_A => {
            let mut found = PayloadSigns::default();
            let mut rest = rest;
            while let [high, low, after @ ..] = rest {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let Some((nal, next)) = after.split_at_checked(len) else {
                    break;
                };
                let inner = h264_nal(nal);
                found.keyframe |= inner.keyframe;
                found.h264_profile = found.h264_profile.or(inner.h264_profile);
                rest = next;
            }
            found
        }
        H264_FU_A => {
            // FU header: S bit, then the type of the fragmented NAL unit (RFC 6184 section 5.8).
            let start = rest.first().is_some_and(|fu| fu & 0x80 != 0);
            let kind = rest.first().map_or(0, |fu| fu & 0x1f);
            signs(start && kind == H264_IDR)
        }
        _ => h264_nal(payload),
    }
}

fn h264_nal(nal: &[u8]) -> PayloadSigns {
    match nal {
        [head, idc, constraints, ..] if head & 0x1f == H264_SPS => PayloadSigns {
            keyframe: true,
            h264_profile: Some(H264Profile {
                idc: *idc,
                constraints: *constraints,
            }),
        },
        [head, ..] => signs(head & 0x1f == H264_IDR),
        [] => PayloadSigns::default(),
    }
}

/// RFC 7798: IRAP pictures (16–21), VPS and SPS (32, 33), aggregation 48, fragmentation 49.
fn hevc(payload: &[u8]) -> bool {
    let starts = |kind: u8| matches!(kind, 16..=21 | 32 | 33);
    let [first, _, rest @ ..] = payload else {
        return false;
    };
    match (first >> 1) & 0x3f {
        48 => {
            let mut rest = rest;
            while let [high, low, after @ ..] = rest {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let Some((nal, next)) = after.split_at_checked(len) else {
                    return false;
                };
                if nal.first().is_some_and(|head| starts((head >> 1) & 0x3f)) {
                    return true;
                }
                rest = next;
            }
            false
        }
        49 => rest
            .first()
            .is_some_and(|fu| fu & 0x80 != 0 && starts(fu & 0x3f)),
        kind => starts(kind),
    }
}

/// RFC 7741 section 4.2: S bit and partition 0, then the frame's own P bit (RFC 6386 section 9.1).
fn vp8(payload: &[u8]) -> bool {
    let Some((&descriptor, mut rest)) = payload.split_first() else {
        return false;
    };
    if descriptor & 0x10 == 0 || descriptor & 0x07 != 0 {
        return false;
    }
    if descriptor & 0x80 != 0 {
        let Some((&extension, after)) = rest.split_first() else {
            return false;
        };
        rest = after;
        if extension & 0x80 != 0 {
            let Some(&id) = rest.first() else {
                return false;
            };
            let len = if id & 0x80 != 0 { 2 } else { 1 };
            rest = rest.get(len..).unwrap_or_default();
        }
        if extension & 0x40 != 0 {
            rest = rest.get(1..).unwrap_or_default();
        }
        if extension & 0x30 != 0 {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    rest.first().is_some_and(|head| head & 0x01 == 0)
}

/// RFC 9628 section 4.2: beginning of a frame (B), not inter-picture predicted (P), and of the
/// lowest spatial layer.
fn vp9(payload: &[u8]) -> bool {
    let Some((&descriptor, mut rest)) = payload.split_first() else {
        return false;
    };
    let (picture_id, predicted, layers, begin) = (
        descriptor & 0x80,
        descriptor & 0x40,
        descriptor & 0x20,
        descriptor & 0x08,
    );
    if predicted != 0 || begin == 0 {
        return false;
    }
    if picture_id != 0 {
        let Some(&id) = rest.first() else {
            return false;
        };
        rest = rest
            .get(if id & 0x80 != 0 { 2 } else { 1 }..)
            .unwrap_or_default();
    }
    if layers != 0 {
        // T (3 bits), U, S (3 bits), D.
        return rest
            .first()
            .is_some_and(|indices| (indices >> 1) & 0x07 == 0);
    }
    true
}

/// AV1 RTP payload specification section 4.4: N marks the first packet of a coded video sequence.
/// Senders that leave N out still begin with a sequence header OBU (type 1).
fn av1(payload: &[u8]) -> bool {
    let Some((&aggregation, rest)) = payload.split_first() else {
        return false;
    };
    if aggregation & 0x08 != 0 {
        return true;
    }
    // Z: the first element continues an OBU of the packet before.
    if aggregation & 0x80 != 0 {
        return false;
    }
    let count = (aggregation >> 4) & 0x03;
    // W = 1: the only element has no length field; otherwise a LEB128 length comes first.
    let obu = if count == 1 {
        rest
    } else {
        let length = rest.iter().take(8).position(|byte| byte & 0x80 == 0);
        length
            .and_then(|last| rest.get(last + 1..))
            .unwrap_or_default()
    };
    obu.first().is_some_and(|head| (head >> 3) & 0x0f == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyframe(codec: VideoCodec, payload: &[u8]) -> bool {
        inspect(codec, payload).keyframe
    }

    #[test]
    fn h264_sps_idr_and_their_packings() {
        let sps = [0x67, 0x42, 0xe0, 0x1f];
        assert_eq!(
            inspect(VideoCodec::H264, &sps).h264_profile,
            Some(H264Profile {
                idc: 0x42,
                constraints: 0xe0
            })
        );
        assert!(keyframe(VideoCodec::H264, &[0x65, 1, 2]));
        assert!(!keyframe(VideoCodec::H264, &[0x41, 1, 2]));
        assert!(
            !keyframe(VideoCodec::H264, &[0x68, 1, 2]),
            "a PPS alone starts nothing"
        );
        let stap = [0x78, 0, 4, 0x67, 0x64, 0x00, 0x1f, 0, 2, 0x68, 1];
        let signs = inspect(VideoCodec::H264, &stap);
        assert!(signs.keyframe);
        assert_eq!(
            signs.h264_profile,
            Some(H264Profile {
                idc: 0x64,
                constraints: 0
            })
        );
        assert!(keyframe(VideoCodec::H264, &[0x7c, 0x85, 0]));
        assert!(
            !keyframe(VideoCodec::H264, &[0x7c, 0x05, 0]),
            "the middle of a fragment"
        );
        assert!(
            !keyframe(VideoCodec::H264, &[0x7c, 0x81, 0]),
            "a fragmented delta slice"
        );
    }

    #[test]
    fn vp8_reads_past_its_extensions() {
        assert!(keyframe(VideoCodec::Vp8, &[0x10, 0x00]));
        assert!(!keyframe(VideoCodec::Vp8, &[0x10, 0x01]));
        assert!(
            !keyframe(VideoCodec::Vp8, &[0x00, 0x00]),
            "not the start of a partition"
        );
        assert!(keyframe(
            VideoCodec::Vp8,
            &[0x90, 0xe0, 0x81, 0x02, 0x03, 0x04, 0x00]
        ));
        assert!(!keyframe(
            VideoCodec::Vp8,
            &[0x90, 0xe0, 0x81, 0x02, 0x03, 0x04, 0x01]
        ));
    }

    #[test]
    fn vp9_wants_the_lowest_spatial_layer() {
        assert!(keyframe(VideoCodec::Vp9, &[0x88, 0x05]));
        assert!(!keyframe(VideoCodec::Vp9, &[0xc8, 0x05]));
        assert!(keyframe(VideoCodec::Vp9, &[0xa8, 0x80, 0x01, 0x00, 0x00]));
        assert!(!keyframe(VideoCodec::Vp9, &[0xa8, 0x80, 0x01, 0x02, 0x00]));
    }

    #[test]
    fn av1_by_flag_or_sequence_header() {
        assert!(keyframe(VideoCodec::Av1, &[0x18, 0x0a]));
        assert!(keyframe(VideoCodec::Av1, &[0x10, 0x0a, 0x01]));
        assert!(keyframe(VideoCodec::Av1, &[0x20, 0x03, 0x0a, 0x01, 0x02]));
        assert!(!keyframe(VideoCodec::Av1, &[0x10, 0x32, 0x01]));
        assert!(
            !keyframe(VideoCodec::Av1, &[0x90, 0x0a]),
            "continues an earlier OBU"
        );
    }

    #[test]
    fn no_payload_can_break_it() {
        let mut state = 0x1234_5678_u32;
        for round in 0..20_000 {
            let mut bytes = [0_u8; 24];
            for byte in &mut bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            for codec in [
                VideoCodec::H264,
                VideoCodec::Hevc,
                VideoCodec::Vp8,
                VideoCodec::Vp9,
                VideoCodec::Av1,
            ] {
                inspect(codec, &bytes[..round % 25]);
            }
        }
    }
}
