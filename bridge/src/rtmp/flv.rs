//! Bodies of RTMP audio and video messages: FLV tags (Video File Format Specification 10, E.4.2
//! and E.4.3) and Enhanced RTMP v1 and v2 on top.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use weir_media::{AudioCodec, VideoCodec};

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// Decoder configuration of a track ("sequence header").
    Config {
        /// The track's codec.
        codec: Codec,
        /// The configuration record, as in MP4.
        config: Bytes,
    },
    /// One coded picture or audio frame.
    Frame(Frame),
    /// Well-formed and of no use here: metadata, end of sequence, further tracks.
    Nothing,
    /// A codec or feature that is not taken; the text names it.
    Unsupported(String),
}

/// Codec of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Picture.
    Video(VideoCodec),
    /// Sound.
    Audio(AudioCodec),
}

/// One coded picture or audio frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Codec of the data.
    pub codec: Codec,
    /// Whether decoding can start here. True for audio.
    pub keyframe: bool,
    /// Presentation minus decoding time, milliseconds.
    pub composition: i32,
    /// Nanoseconds to add to the message's timestamp (ModEx TimestampOffsetNano), below 1 ms.
    pub nanoseconds: u32,
    /// The coded data.
    pub data: Bytes,
}

/// Why a message's body is not an FLV tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// It ends before what it announces.
    #[error("the tag is cut short")]
    Truncated,
}

impl From<bytes::TryGetError> for TagError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Truncated
    }
}

/// Legacy codec ids (E.4.3.1); 12 is the HEVC that Chinese encoders send without Enhanced RTMP.
const CODEC_ID_AVC: u8 = 7;
const CODEC_ID_HEVC: u8 = 12;
/// Legacy sound formats (E.4.2.1); 9 is ExHeader of Enhanced RTMP v2.
const SOUND_EX_HEADER: u8 = 9;
const SOUND_AAC: u8 = 10;
/// Frame types (E.4.3.1).
const FRAME_KEY: u8 = 1;
const FRAME_GENERATED_KEY: u8 = 4;
const FRAME_COMMAND: u8 = 5;
/// Packet types of Enhanced RTMP, "Enhanced Video" and "Enhanced Audio". Audio shares the numbers
/// of those it has; CodedFramesX and the MPEG-2 TS start are video's only.
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
const CODED_FRAMES_X: u8 = 3;
const METADATA: u8 = 4;
const VIDEO_MULTITRACK: u8 = 6;
const AUDIO_MULTITRACK: u8 = 5;
const MOD_EX: u8 = 7;
/// `ModExType` TimestampOffsetNano.
const MOD_EX_NANOSECONDS: u8 = 0;
/// `AvMultitrackType`.
const ONE_TRACK: u8 = 0;
const MANY_TRACKS: u8 = 1;
const MANY_TRACKS_MANY_CODECS: u8 = 2;
/// The track that is taken. Enhanced RTMP v2: track 0 is the default.
const DEFAULT_TRACK: u8 = 0;

/// Reads the body of a video message.
pub fn video(mut body: Bytes) -> Result<Tag, TagError> {
    if body.is_empty() {
        return Ok(Tag::Nothing);
    }
    let first = body.get_u8();
    if first & 0x80 != 0 {
        return enhanced_video(first, body);
    }
    let frame_type = first >> 4;
    if frame_type == FRAME_COMMAND {
        return Ok(Tag::Nothing);
    }
    let codec = match first & 0x0f {
        CODEC_ID_AVC => VideoCodec::H264,
        CODEC_ID_HEVC => VideoCodec::Hevc,
        other => return Ok(Tag::Unsupported(format!("video codec {other}"))),
    };
    let packet_type = body.try_get_u8()?;
    let composition = get_i24(&mut body)?;
    let codec = Codec::Video(codec);
    match packet_type {
        0 => Ok(Tag::Config {
            codec,
            config: body,
        }),
        1 => {
            let keyframe = is_key(frame_type);
            Ok(Tag::Frame(Frame {
                codec,
                keyframe,
                composition,
                nanoseconds: 0,
                data: body,
            }))
        }
        _ => Ok(Tag::Nothing),
    }
}

fn enhanced_video(first: u8, mut body: Bytes) -> Result<Tag, TagError> {
    let frame_type = (first >> 4) & 0x07;
    let mut packet_type = first & 0x0f;
    let nanoseconds = mod_ex(&mut packet_type, &mut body)?;
    if frame_type == FRAME_COMMAND && packet_type != METADATA {
        return Ok(Tag::Nothing);
    }
    let (four_cc, mut body) = match track(VIDEO_MULTITRACK, &mut packet_type, body)? {
        Track::Default(four_cc, body) => (four_cc, body),
        Track::Other => return Ok(Tag::Nothing),
        Track::Unsupported(what) => return Ok(Tag::Unsupported(what)),
    };
    let codec = match &four_cc {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::Hevc,
        b"vp08" => VideoCodec::Vp8,
        b"vp09" => VideoCodec::Vp9,
        b"av01" => VideoCodec::Av1,
        other => {
            return Ok(Tag::Unsupported(format!(
                "video codec {}",
                other.escape_ascii()
            )));
        }
    };
    let has_composition =
        packet_type == CODED_FRAMES && matches!(codec, VideoCodec::H264 | VideoCodec::Hevc);
    let composition = if has_composition {
        get_i24(&mut body)?
    } else {
        0
    };
    let codec = Codec::Video(codec);
    match packet_type {
        SEQUENCE_START => Ok(Tag::Config {
            codec,
            config: body,
        }),
        CODED_FRAMES | CODED_FRAMES_X => Ok(Tag::Frame(Frame {
            codec,
            keyframe: is_key(frame_type),
            composition,
            nanoseconds,
            data: body,
        })),
        SEQUENCE_END | METADATA => Ok(Tag::Nothing),
        other => Ok(Tag::Unsupported(format!("video packet type {other}"))),
    }
}

/// Reads the body of an audio message.
pub fn audio(mut body: Bytes) -> Result<Tag, TagError> {
    if body.is_empty() {
        return Ok(Tag::Nothing);
    }
    let first = body.get_u8();
    match first >> 4 {
        SOUND_EX_HEADER => enhanced_audio(first & 0x0f, body),
        SOUND_AAC => {
            let codec = Codec::Audio(AudioCodec::Aac);
            match body.try_get_u8()? {
                0 => Ok(Tag::Config {
                    codec,
                    config: body,
                }),
                1 => Ok(audio_frame_tag(codec, 0, body)),
                _ => Ok(Tag::Nothing),
            }
        }
        other => Ok(Tag::Unsupported(format!("sound format {other}"))),
    }
}

fn enhanced_audio(mut packet_type: u8, mut body: Bytes) -> Result<Tag, TagError> {
    let nanoseconds = mod_ex(&mut packet_type, &mut body)?;
    let (four_cc, body) = match track(AUDIO_MULTITRACK, &mut packet_type, body)? {
        Track::Default(four_cc, body) => (four_cc, body),
        Track::Other => return Ok(Tag::Nothing),
        Track::Unsupported(what) => return Ok(Tag::Unsupported(what)),
    };
    let codec = match &four_cc {
        b"mp4a" => Codec::Audio(AudioCodec::Aac),
        b"Opus" => Codec::Audio(AudioCodec::Opus),
        other => {
            return Ok(Tag::Unsupported(format!(
                "audio codec {}",
                other.escape_ascii()
            )));
        }
    };
    match packet_type {
        SEQUENCE_START => Ok(Tag::Config {
            codec,
            config: body,
        }),
        CODED_FRAMES => Ok(audio_frame_tag(codec, nanoseconds, body)),
        // 4 is MultichannelConfig: the order of channels, which the codec's own configuration has.
        SEQUENCE_END | METADATA => Ok(Tag::Nothing),
        other => Ok(Tag::Unsupported(format!("audio packet type {other}"))),
    }
}

fn audio_frame_tag(codec: Codec, nanoseconds: u32, data: Bytes) -> Tag {
    Tag::Frame(Frame {
        codec,
        keyframe: true,
        composition: 0,
        nanoseconds,
        data,
    })
}

fn is_key(frame_type: u8) -> bool {
    matches!(frame_type, FRAME_KEY | FRAME_GENERATED_KEY)
}

/// Skips ModEx prefixes; returns the nanosecond offset, if one is among them.
fn mod_ex(packet_type: &mut u8, body: &mut Bytes) -> Result<u32, TagError> {
    let mut nanoseconds = 0;
    while *packet_type == MOD_EX {
        let mut size = usize::from(body.try_get_u8()?) + 1;
        if size == 256 {
            size = usize::from(body.try_get_u16()?) + 1;
        }
        let mut data = take(body, size)?;
        let next = body.try_get_u8()?;
        if next >> 4 == MOD_EX_NANOSECONDS && size >= 3 {
            nanoseconds = (data.get_uint(3) as u32).min(999_999);
        }
        *packet_type = next & 0x0f;
    }
    Ok(nanoseconds)
}

enum Track {
    Default([u8; 4], Bytes),
    Other,
    Unsupported(String),
}

/// Reads the FourCC and, of a multitrack message, finds the default track.
fn track(multitrack: u8, packet_type: &mut u8, mut body: Bytes) -> Result<Track, TagError> {
    if *packet_type != multitrack {
        // Video metadata has a FourCC as well; nothing but these has none.
        return Ok(Track::Default(get_four_cc(&mut body)?, body));
    }
    let types = body.try_get_u8()?;
    *packet_type = types & 0x0f;
    let kind = types >> 4;
    if *packet_type == multitrack || kind > MANY_TRACKS_MANY_CODECS {
        return Ok(Track::Unsupported(format!("multitrack type {kind}")));
    }
    let shared = if kind == MANY_TRACKS_MANY_CODECS {
        None
    } else {
        Some(get_four_cc(&mut body)?)
    };
    while body.has_remaining() {
        let four_cc = match shared {
            Some(four_cc) => four_cc,
            None => get_four_cc(&mut body)?,
        };
        let id = body.try_get_u8()?;
        let data = match kind {
            ONE_TRACK => std::mem::take(&mut body),
            MANY_TRACKS | MANY_TRACKS_MANY_CODECS => {
                let size = get_u24(&mut body)? as usize;
                take(&mut body, size)?
            }
            _ => return Ok(Track::Other),
        };
        if id == DEFAULT_TRACK {
            return Ok(Track::Default(four_cc, data));
        }
    }
    Ok(Track::Other)
}

fn take(body: &mut Bytes, size: usize) -> Result<Bytes, TagError> {
    if size > body.len() {
        return Err(TagError::Truncated);
    }
    Ok(body.split_to(size))
}

fn get_four_cc(body: &mut Bytes) -> Result<[u8; 4], TagError> {
    Ok(body.try_get_u32()?.to_be_bytes())
}

fn get_u24(body: &mut Bytes) -> Result<u32, TagError> {
    Ok(body.try_get_uint(3)? as u32)
}

fn get_i24(body: &mut Bytes) -> Result<i32, TagError> {
    // `try_get_int(3)` does not extend the sign.
    Ok((get_u24(body)? << 8) as i32 >> 8)
}

/// Writes the decoder configuration of a video track: H.264 the legacy way, others enhanced.
pub fn video_config(codec: VideoCodec, config: &[u8]) -> Bytes {
    let mut tag = BytesMut::with_capacity(5 + config.len());
    if codec == VideoCodec::H264 {
        tag.put_slice(&[FRAME_KEY << 4 | CODEC_ID_AVC, 0, 0, 0, 0]);
    } else {
        tag.put_u8(0x80 | FRAME_KEY << 4 | SEQUENCE_START);
        tag.put_slice(video_four_cc(codec));
    }
    tag.put_slice(config);
    tag.freeze()
}

/// Writes one coded picture; `composition` in milliseconds, within 24 bits.
pub fn video_frame(codec: VideoCodec, keyframe: bool, composition: i32, data: &[u8]) -> Bytes {
    let frame_type = if keyframe { FRAME_KEY } else { 2 };
    let mut tag = BytesMut::with_capacity(8 + data.len());
    match codec {
        VideoCodec::H264 => {
            tag.put_slice(&[frame_type << 4 | CODEC_ID_AVC, 1]);
            tag.put_int(composition.into(), 3);
        }
        VideoCodec::Hevc if composition != 0 => {
            tag.put_u8(0x80 | frame_type << 4 | CODED_FRAMES);
            tag.put_slice(video_four_cc(codec));
            tag.put_int(composition.into(), 3);
        }
        VideoCodec::Hevc => {
            tag.put_u8(0x80 | frame_type << 4 | CODED_FRAMES_X);
            tag.put_slice(video_four_cc(codec));
        }
        VideoCodec::Vp8 | VideoCodec::Vp9 | VideoCodec::Av1 => {
            tag.put_u8(0x80 | frame_type << 4 | CODED_FRAMES);
            tag.put_slice(video_four_cc(codec));
        }
    }
    tag.put_slice(data);
    tag.freeze()
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
    let mut tag = BytesMut::with_capacity(5 + body.len());
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

#[cfg(test)]
#[path = "flv_tests.rs"]
mod tests;
