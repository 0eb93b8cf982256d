//! What a payload says of its picture, without decoding: only payload descriptors and headers are read.

use weir_media::VideoCodec;
use weir_rtp::{av1, h264, picture_ids::PictureIds, vp8, vp9};

use crate::packet::{H264Profile, PictureSize, Scalability};

/// What one payload says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PayloadSigns {
    /// A picture begins from which decoding can start; for SVC, its base spatial layer.
    pub keyframe: bool,
    /// Profile, where an H.264 SPS is inside.
    pub h264_profile: Option<H264Profile>,
    /// Size, where it is inside; of the highest spatial layer.
    pub size: Option<PictureSize>,
    /// VP8's and VP9's numbers.
    pub picture_ids: PictureIds,
    /// The payload descriptor's own layers. `switching_point` is what VP8 says (Y); for VP9 and AV1
    /// it needs the pictures before, see [`crate::scalability`].
    pub layers: Option<Scalability>,
    /// VP9: pictures of higher temporal layers after this one are independent of those before (U).
    pub switching_up: bool,
}

/// Reads the payload of one packet. Anything malformed is simply no keyframe.
pub(crate) fn inspect(codec: VideoCodec, payload: &[u8], marker: bool) -> PayloadSigns {
    match codec {
        VideoCodec::H264 => of_h264(payload),
        VideoCodec::Hevc => PayloadSigns {
            keyframe: hevc(payload),
            ..PayloadSigns::default()
        },
        VideoCodec::Vp8 => of_vp8(payload, marker),
        VideoCodec::Vp9 => of_vp9(payload),
        VideoCodec::Av1 => of_av1(payload),
    }
}

fn size((width, height): (u16, u16)) -> PictureSize {
    PictureSize { width, height }
}

fn of_h264(payload: &[u8]) -> PayloadSigns {
    let said = h264::parse(payload);
    PayloadSigns {
        keyframe: said.keyframe,
        h264_profile: said.sps.map(|sps| H264Profile {
            idc: sps.profile_idc,
            constraints: sps.constraints,
        }),
        size: said.sps.and_then(|sps| sps.size).map(size),
        ..PayloadSigns::default()
    }
}

fn of_vp8(payload: &[u8], marker: bool) -> PayloadSigns {
    let Some(said) = vp8::parse(payload) else {
        return PayloadSigns::default();
    };
    PayloadSigns {
        keyframe: said.keyframe,
        size: said.size.map(size),
        picture_ids: said.picture_ids,
        layers: said.temporal.map(|temporal| Scalability {
            spatial: 0,
            temporal,
            starts_frame: said.starts_frame,
            ends_frame: marker,
            switching_point: temporal == 0 || said.layer_sync,
            spatial_start: said.keyframe,
        }),
        ..PayloadSigns::default()
    }
}

fn of_vp9(payload: &[u8]) -> PayloadSigns {
    let Some(said) = vp9::parse(payload) else {
        return PayloadSigns::default();
    };
    let sizes = said.structure.iter().flat_map(|s| s.sizes);
    PayloadSigns {
        keyframe: said.keyframe(),
        size: sizes.flatten().last().map(size),
        picture_ids: said.picture_ids,
        layers: said.layers.map(|layers| Scalability {
            spatial: layers.spatial,
            temporal: layers.temporal,
            starts_frame: said.starts_frame,
            ends_frame: said.ends_frame,
            switching_point: layers.temporal == 0,
            spatial_start: !said.inter_predicted,
        }),
        switching_up: said.layers.is_some_and(|layers| layers.switching_up),
        ..PayloadSigns::default()
    }
}

fn of_av1(payload: &[u8]) -> PayloadSigns {
    let Some(said) = av1::parse(payload) else {
        return PayloadSigns::default();
    };
    PayloadSigns {
        keyframe: said.starts_sequence,
        size: said.size.map(size),
        ..PayloadSigns::default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_tells_its_own_signs() {
        let h264 = inspect(VideoCodec::H264, &[0x67, 0x42, 0xe0, 0x1f], false);
        let profile = H264Profile {
            idc: 0x42,
            constraints: 0xe0,
        };
        assert!(h264.keyframe && h264.h264_profile == Some(profile));
        let vp8 = inspect(VideoCodec::Vp8, &[0x90, 0x20, 0xa0, 0x01], true);
        let layers = vp8.layers.unwrap();
        assert_eq!((layers.temporal, layers.switching_point), (2, true));
        assert!(layers.starts_frame && layers.ends_frame && !vp8.keyframe);
        let vp9 = inspect(VideoCodec::Vp9, &[0xa8, 0x80, 0x01, 0x32, 0x00], false);
        let layers = vp9.layers.unwrap();
        assert_eq!((layers.spatial, layers.temporal), (1, 1));
        assert!(layers.spatial_start && !vp9.keyframe && vp9.switching_up);
        assert!(inspect(VideoCodec::Av1, &[0x18, 0x0a], false).keyframe);
        assert!(inspect(VideoCodec::Hevc, &[0x40, 1, 0], false).keyframe);
        assert!(!inspect(VideoCodec::Hevc, &[0x02, 1, 0], false).keyframe);
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
                inspect(codec, &bytes[..round % 25], false);
            }
        }
    }
}
