//! Bodies of RTMP audio and video messages: FLV tags (Video File Format Specification 10, E.4.2
//! and E.4.3) here, and Enhanced RTMP v1 and v2 in [`enhanced`].

mod colour;
mod enhanced;
mod write;

use bytes::{Buf, Bytes};
use weir_media::{AudioCodec, Kind, VideoCodec};

pub use colour::ColourInfo;
pub use write::{audio_config, audio_frame, video_config, video_frame};

/// What one message says of one track. A multitrack message has several.
#[derive(Debug, Clone, PartialEq)]
pub enum Tag {
    /// Decoder configuration of a track ("sequence header").
    Config {
        /// Which one, as the publisher numbers them; 0 outside of multitrack messages.
        track: u8,
        /// The track's codec.
        codec: Codec,
        /// The configuration record, as in MP4.
        config: Bytes,
    },
    /// One coded picture or audio frame.
    Frame(Frame),
    /// How the colours of the default video track are to be shown.
    Colour(ColourInfo),
    /// What is not taken.
    Unsupported(Unsupported),
}

/// A codec or feature that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupported {
    /// A codec: of which kind, and its name as people know it.
    Codec(Kind, String),
    /// Something that no known encoder sends.
    Feature(String),
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
    /// Of which track.
    pub track: u8,
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
    /// More tracks than there are numbers for them.
    #[error("a message with more than 256 tracks")]
    TooManyTracks,
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
const FRAME_INTER: u8 = 2;
const FRAME_GENERATED_KEY: u8 = 4;
const FRAME_COMMAND: u8 = 5;
/// The track of a message that does not say which.
const DEFAULT_TRACK: u8 = 0;

/// Reads the body of a video message. What it says is given to `each`, the good before an error too;
/// what is well-formed and of no use here (ends of sequences, seeking) is left out.
pub fn video(mut body: Bytes, mut each: impl FnMut(Tag)) -> Result<(), TagError> {
    if body.is_empty() {
        return Ok(());
    }
    let first = body.get_u8();
    if first & 0x80 != 0 {
        return enhanced::video(first, body, &mut each);
    }
    let frame_type = first >> 4;
    if frame_type == FRAME_COMMAND {
        return Ok(());
    }
    let codec = match first & 0x0f {
        CODEC_ID_AVC => VideoCodec::H264,
        CODEC_ID_HEVC => VideoCodec::Hevc,
        other => {
            each(Tag::Unsupported(Unsupported::Codec(
                Kind::Video,
                legacy_video_name(other),
            )));
            return Ok(());
        }
    };
    let packet_type = body.try_get_u8()?;
    let composition = get_i24(&mut body)?;
    let codec = Codec::Video(codec);
    match packet_type {
        0 => each(Tag::Config {
            track: DEFAULT_TRACK,
            codec,
            config: body,
        }),
        1 => each(Tag::Frame(Frame {
            track: DEFAULT_TRACK,
            codec,
            keyframe: is_key(frame_type),
            composition,
            nanoseconds: 0,
            data: body,
        })),
        _ => {}
    }
    Ok(())
}

/// Reads the body of an audio message, as [`video`] does.
pub fn audio(mut body: Bytes, mut each: impl FnMut(Tag)) -> Result<(), TagError> {
    if body.is_empty() {
        return Ok(());
    }
    let first = body.get_u8();
    match first >> 4 {
        SOUND_EX_HEADER => return enhanced::audio(first & 0x0f, body, &mut each),
        SOUND_AAC => {
            let codec = Codec::Audio(AudioCodec::Aac);
            match body.try_get_u8()? {
                0 => each(Tag::Config {
                    track: DEFAULT_TRACK,
                    codec,
                    config: body,
                }),
                1 => each(Tag::Frame(Frame {
                    track: DEFAULT_TRACK,
                    codec,
                    keyframe: true,
                    composition: 0,
                    nanoseconds: 0,
                    data: body,
                })),
                _ => {}
            }
        }
        other => each(Tag::Unsupported(Unsupported::Codec(
            Kind::Audio,
            legacy_audio_name(other),
        ))),
    }
    Ok(())
}

/// `VideoCodecId` (E.4.3.1).
fn legacy_video_name(id: u8) -> String {
    match id {
        2 => "Sorenson H.263",
        3 | 6 => "Screen video",
        4 | 5 => "VP6",
        other => return format!("FLV video codec {other}"),
    }
    .to_owned()
}

/// `SoundFormat` (E.4.2.1).
fn legacy_audio_name(format: u8) -> String {
    match format {
        0 | 3 => "PCM",
        1 => "ADPCM",
        2 | 14 => "MP3",
        4..=6 => "Nellymoser",
        7 | 8 => "G.711",
        11 => "Speex",
        other => return format!("FLV sound format {other}"),
    }
    .to_owned()
}

fn is_key(frame_type: u8) -> bool {
    matches!(frame_type, FRAME_KEY | FRAME_GENERATED_KEY)
}

fn get_u24(body: &mut Bytes) -> Result<u32, TagError> {
    Ok(body.try_get_uint(3)? as u32)
}

fn get_i24(body: &mut Bytes) -> Result<i32, TagError> {
    // `try_get_int(3)` does not extend the sign.
    Ok((get_u24(body)? << 8) as i32 >> 8)
}

#[cfg(test)]
#[path = "flv_tests.rs"]
mod tests;
