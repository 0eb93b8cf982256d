//! RTP between the bridge and the SFU, in both directions.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Kind, MediaTime, VideoCodec};

/// Which RTP tracks a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtpTracks {
    /// Codec of the video, clock rate 90 kHz; absent when the source has no picture.
    pub video: Option<VideoCodec>,
    /// Whether there is Opus audio, clock rate 48 kHz.
    pub audio: bool,
}

/// A video layer as its maker announces it. It may have no packets for now: a rung that nobody needs
/// is not encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtpLayer {
    /// Viewers choose by it.
    pub name: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bits a second that it is meant to have.
    pub bitrate: u32,
}

/// One RTP packet with its place on the broadcast's timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpPacket {
    /// Picture or sound.
    pub kind: Kind,
    /// Which of the source's video layers, by the order in which they were named at its start; 0 for
    /// the first or only one, and always for audio. Each layer has its own sequence numbers; all are
    /// on one timeline, and a picture has the same time and the same RTP timestamp on each.
    pub layer: u8,
    /// Presentation time of the content.
    pub time: MediaTime,
    /// Video: the packet belongs to a picture from which decoding can start. False for audio.
    pub keyframe: bool,
    /// A whole RTP packet: plain 12-byte header (no CSRC, no extensions, no padding) and payload.
    pub packet: Bytes,
}
