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

/// One RTP packet with its place on the broadcast's timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpPacket {
    /// Picture or sound.
    pub kind: Kind,
    /// Presentation time of the content.
    pub time: MediaTime,
    /// Video: the packet belongs to a picture from which decoding can start. False for audio.
    pub keyframe: bool,
    /// A whole RTP packet: plain 12-byte header (no CSRC, no extensions, no padding) and payload.
    pub packet: Bytes,
}
