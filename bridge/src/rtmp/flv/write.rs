//! Writes FLV tags: what our own client publishes.

use bytes::{BufMut, Bytes, BytesMut};
use weir_media::{AudioCodec, VideoCodec};

use super::enhanced::{CODED_FRAMES, CODED_FRAMES_X, ONE_TRACK, SEQUENCE_START, VIDEO_MULTITRACK};
use super::{CODEC_ID_AVC, DEFAULT_TRACK, FRAME_INTER, FRAME_KEY, SOUND_AAC, SOUND_EX_HEADER};

/// Longest header of a tag written here.
const HEADER: usize = 12;

/// Writes the decoder configuration of a video track: H.264 on track 0 the legacy way, which every
/// server takes, others enhanced.
pub fn video_config(track: u8, codec: VideoCodec, config: &[u8]) -> Bytes {
    let mut tag = BytesMut::with_capacity(HEADER + config.len());
    if codec == VideoCodec::H264 && track == DEFAULT_TRACK {
        tag.put_slice(&[FRAME_KEY << 4 | CODEC_ID_AVC, 0, 0, 0, 0]);
    } else {
        enhanced_video(&mut tag, track, FRAME_KEY, SEQUENCE_START, codec);
    }
    tag.put_slice(config);
    tag.freeze()
}

/// Writes one coded picture; `composition` in milliseconds, within 24 bits.
pub fn video_frame(
    track: u8,
    codec: VideoCodec,
    keyframe: bool,
    composition: i32,
    data: &[u8],
) -> Bytes {
    let frame_type = if keyframe { FRAME_KEY } else { FRAME_INTER };
    let mut tag = BytesMut::with_capacity(HEADER + data.len());
    match codec {
        VideoCodec::H264 if track == DEFAULT_TRACK => {
            tag.put_slice(&[frame_type << 4 | CODEC_ID_AVC, 1]);
            tag.put_int(composition.into(), 3);
        }
        VideoCodec::H264 | VideoCodec::Hevc if composition != 0 => {
            enhanced_video(&mut tag, track, frame_type, CODED_FRAMES, codec);
            tag.put_int(composition.into(), 3);
        }
        VideoCodec::H264 | VideoCodec::Hevc => {
            enhanced_video(&mut tag, track, frame_type, CODED_FRAMES_X, codec);
        }
        VideoCodec::Vp8 | VideoCodec::Vp9 | VideoCodec::Av1 => {
            enhanced_video(&mut tag, track, frame_type, CODED_FRAMES, codec);
        }
    }
    tag.put_slice(data);
    tag.freeze()
}

/// `ExVideoTagHeader`, with the track where it is not the default one.
fn enhanced_video(
    tag: &mut BytesMut,
    track: u8,
    frame_type: u8,
    packet_type: u8,
    codec: VideoCodec,
) {
    let first = 0x80 | frame_type << 4;
    if track == DEFAULT_TRACK {
        tag.put_u8(first | packet_type);
        tag.put_slice(video_four_cc(codec));
    } else {
        tag.put_slice(&[first | VIDEO_MULTITRACK, ONE_TRACK << 4 | packet_type]);
        tag.put_slice(video_four_cc(codec));
        tag.put_u8(track);
    }
}

/// Writes the decoder configuration of an audio track: AAC the legacy way, Opus enhanced.
pub fn audio_config(codec: AudioCodec, config: &[u8]) -> Bytes {
    audio_tag(codec, SEQUENCE_START, config)
}

/// Writes one audio frame.
pub fn audio_frame(codec: AudioCodec, data: &[u8]) -> Bytes {
    audio_tag(codec, CODED_FRAMES, data)
}

fn audio_tag(codec: AudioCodec, packet_type: u8, body: &[u8]) -> Bytes {
    let mut tag = BytesMut::with_capacity(HEADER + body.len());
    match codec {
        // E.4.2.1: AAC is always marked 44 kHz, 16 bit, stereo, whatever it is.
        AudioCodec::Aac => tag.put_slice(&[SOUND_AAC << 4 | 0x0f, packet_type]),
        AudioCodec::Opus => {
            tag.put_u8(SOUND_EX_HEADER << 4 | packet_type);
            tag.put_slice(b"Opus");
        }
    }
    tag.put_slice(body);
    tag.freeze()
}

fn video_four_cc(codec: VideoCodec) -> &'static [u8; 4] {
    match codec {
        VideoCodec::H264 => b"avc1",
        VideoCodec::Hevc => b"hvc1",
        VideoCodec::Vp8 => b"vp08",
        VideoCodec::Vp9 => b"vp09",
        VideoCodec::Av1 => b"av01",
    }
}
