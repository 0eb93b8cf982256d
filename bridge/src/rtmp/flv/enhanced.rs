//! Enhanced RTMP v1 and v2: `ExVideoTagHeader` and `ExAudioTagHeader` with their bodies
//! (github.com/veovera/enhanced-rtmp, docs/enhanced/enhanced-rtmp-v2.md).

use bytes::{Buf, Bytes};
use weir_media::{AudioCodec, Kind, VideoCodec};

use super::{
    Codec, DEFAULT_TRACK, FRAME_COMMAND, Frame, Tag, TagError, Unsupported, colour, get_i24,
    get_u24, is_key,
};

/// `VideoPacketType` and `AudioPacketType`. Audio shares the numbers of those that it has.
pub(super) const SEQUENCE_START: u8 = 0;
pub(super) const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
pub(super) const CODED_FRAMES_X: u8 = 3;
const METADATA: u8 = 4;
/// Audio's 4: the order of the channels, which AAC and Opus say in their own configuration.
const MULTICHANNEL_CONFIG: u8 = 4;
const MPEG2_TS_SEQUENCE_START: u8 = 5;
const AUDIO_MULTITRACK: u8 = 5;
pub(super) const VIDEO_MULTITRACK: u8 = 6;
const MOD_EX: u8 = 7;
/// `VideoPacketModExType` and `AudioPacketModExType`: TimestampOffsetNano.
const MOD_EX_NANOSECONDS: u8 = 0;
/// `AvMultitrackType`.
pub(super) const ONE_TRACK: u8 = 0;
const MANY_TRACKS: u8 = 1;
const MANY_TRACKS_MANY_CODECS: u8 = 2;
/// Track ids have 8 bits.
const MOST_TRACKS: usize = 256;

/// Reads what follows the first byte of a video message.
pub(super) fn video(first: u8, mut body: Bytes, each: &mut dyn FnMut(Tag)) -> Result<(), TagError> {
    let frame_type = (first >> 4) & 0x07;
    let mut packet_type = first & 0x0f;
    let nanoseconds = mod_ex(&mut packet_type, &mut body)?;
    if frame_type == FRAME_COMMAND && packet_type != METADATA {
        return Ok(());
    }
    tracks(VIDEO_MULTITRACK, packet_type, body, &mut |track| {
        video_track(track, is_key(frame_type), nanoseconds, each)
    })
}

fn video_track(
    track: Track,
    keyframe: bool,
    nanoseconds: u32,
    each: &mut dyn FnMut(Tag),
) -> Result<(), TagError> {
    let TrackPart {
        id,
        packet_type,
        four_cc,
        mut body,
    } = match track {
        Ok(track) => track,
        Err(unsupported) => {
            each(Tag::Unsupported(unsupported));
            return Ok(());
        }
    };
    if packet_type == METADATA {
        if let Some(colour) = colour::read(body).filter(|_| id == DEFAULT_TRACK) {
            each(Tag::Colour(colour));
        }
        return Ok(());
    }
    let codec = match &four_cc {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::Hevc,
        b"vp08" => VideoCodec::Vp8,
        b"vp09" => VideoCodec::Vp9,
        b"av01" => VideoCodec::Av1,
        other => {
            let name = match other {
                b"vvc1" => "VVC (H.266)".to_owned(),
                other => other.escape_ascii().to_string(),
            };
            each(Tag::Unsupported(Unsupported::Codec(Kind::Video, name)));
            return Ok(());
        }
    };
    let reorders = matches!(codec, VideoCodec::H264 | VideoCodec::Hevc);
    let composition = match packet_type {
        CODED_FRAMES if reorders => get_i24(&mut body)?,
        _ => 0,
    };
    let config = |config| Tag::Config {
        track: id,
        codec: Codec::Video(codec),
        config,
    };
    match packet_type {
        SEQUENCE_START => each(config(body)),
        MPEG2_TS_SEQUENCE_START if codec == VideoCodec::Av1 => {
            each(config(av1_record(&mut body)?));
        }
        CODED_FRAMES | CODED_FRAMES_X => each(Tag::Frame(Frame {
            track: id,
            codec: Codec::Video(codec),
            keyframe,
            composition,
            nanoseconds,
            data: body,
        })),
        SEQUENCE_END => {}
        other => each(Tag::Unsupported(Unsupported::Feature(format!(
            "video packet type {other}"
        )))),
    }
    Ok(())
}

/// Reads what follows the first byte of an audio message.
pub(super) fn audio(
    mut packet_type: u8,
    mut body: Bytes,
    each: &mut dyn FnMut(Tag),
) -> Result<(), TagError> {
    let nanoseconds = mod_ex(&mut packet_type, &mut body)?;
    tracks(AUDIO_MULTITRACK, packet_type, body, &mut |track| {
        audio_track(track, nanoseconds, each);
        Ok(())
    })
}

fn audio_track(track: Track, nanoseconds: u32, each: &mut dyn FnMut(Tag)) {
    let TrackPart {
        id,
        packet_type,
        four_cc,
        body,
    } = match track {
        Ok(track) => track,
        Err(unsupported) => return each(Tag::Unsupported(unsupported)),
    };
    let codec = match &four_cc {
        b"mp4a" => Codec::Audio(AudioCodec::Aac),
        b"Opus" => Codec::Audio(AudioCodec::Opus),
        other => {
            let name = match other {
                b"ac-3" => "AC-3".to_owned(),
                b"ec-3" => "E-AC-3".to_owned(),
                b"fLaC" => "FLAC".to_owned(),
                b".mp3" => "MP3".to_owned(),
                other => other.escape_ascii().to_string(),
            };
            return each(Tag::Unsupported(Unsupported::Codec(Kind::Audio, name)));
        }
    };
    match packet_type {
        SEQUENCE_START => each(Tag::Config {
            track: id,
            codec,
            config: body,
        }),
        CODED_FRAMES => each(Tag::Frame(Frame {
            track: id,
            codec,
            keyframe: true,
            composition: 0,
            nanoseconds,
            data: body,
        })),
        SEQUENCE_END | MULTICHANNEL_CONFIG => {}
        other => each(Tag::Unsupported(Unsupported::Feature(format!(
            "audio packet type {other}"
        )))),
    }
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

/// One track's part of a message.
struct TrackPart {
    id: u8,
    packet_type: u8,
    four_cc: [u8; 4],
    body: Bytes,
}

type Track = Result<TrackPart, Unsupported>;

/// Reads the FourCC, and takes a multitrack message apart.
fn tracks(
    multitrack: u8,
    packet_type: u8,
    mut body: Bytes,
    each: &mut dyn FnMut(Track) -> Result<(), TagError>,
) -> Result<(), TagError> {
    if packet_type != multitrack {
        // Metadata has a FourCC as well; nothing but commands has none.
        return each(Ok(TrackPart {
            id: DEFAULT_TRACK,
            packet_type,
            four_cc: get_four_cc(&mut body)?,
            body,
        }));
    }
    let types = body.try_get_u8()?;
    let (kind, packet_type) = (types >> 4, types & 0x0f);
    if packet_type == multitrack || packet_type == MOD_EX || kind > MANY_TRACKS_MANY_CODECS {
        return each(Err(Unsupported::Feature(format!(
            "multitrack type {kind} of packet type {packet_type}"
        ))));
    }
    let shared = match kind {
        MANY_TRACKS_MANY_CODECS => None,
        _ => Some(get_four_cc(&mut body)?),
    };
    for _ in 0..MOST_TRACKS {
        let four_cc = match shared {
            Some(four_cc) => four_cc,
            None => get_four_cc(&mut body)?,
        };
        let id = body.try_get_u8()?;
        let data = match kind {
            MANY_TRACKS | MANY_TRACKS_MANY_CODECS => {
                let size = get_u24(&mut body)? as usize;
                take(&mut body, size)?
            }
            _ => std::mem::take(&mut body),
        };
        each(Ok(TrackPart {
            id,
            packet_type,
            four_cc,
            body: data,
        }))?;
        if body.is_empty() {
            return Ok(());
        }
    }
    Err(TagError::TooManyTracks)
}

/// `av1C` of the `AV1_video_descriptor` that stands in MPEG-2 transport streams: the same fields
/// behind a tag and a length, but for `hdr_wcg_idc` where the record has reserved zeros. The sequence
/// header then comes with each keyframe.
fn av1_record(body: &mut Bytes) -> Result<Bytes, TagError> {
    const HEADER: usize = 2;
    const FIELDS: usize = 4;
    take(body, HEADER)?;
    let mut record: Vec<u8> = take(body, FIELDS)?.into();
    record[FIELDS - 1] &= 0x1f;
    Ok(record.into())
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
