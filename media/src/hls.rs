//! CMAF from the bridge to the HLS origin.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Kind, MediaTime};

/// What the HLS origin gets. Video and audio are separate CMAF tracks (one track per muxer),
/// cut at the same media times.
#[derive(Debug, Clone, PartialEq)]
pub enum HlsOutput {
    /// A new run of media: after the start, a worker restart or a codec change. What follows is
    /// discontinuous with what came before. Both tracks restart with their `Init`.
    Start(HlsTracks),
    /// Initialisation segment (`ftyp moov`) of a track.
    Init {
        /// Which track.
        kind: Kind,
        /// The bytes.
        data: Bytes,
    },
    /// One part (`moof mdat`, with `styp` in front at a segment's start).
    Part {
        /// Which track.
        kind: Kind,
        /// Whether this part begins a new segment.
        segment_start: bool,
        /// Whether decoding can begin with this part (`INDEPENDENT=YES`).
        independent: bool,
        /// Presentation time of its first sample.
        time: MediaTime,
        /// Sum of its sample durations.
        duration: Duration,
        /// The bytes.
        data: Bytes,
    },
}

/// What the tracks of an HLS run are, for the multivariant playlist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HlsTracks {
    /// The video rendition.
    pub video: Option<HlsVideo>,
    /// The audio rendition.
    pub audio: Option<HlsAudio>,
    /// Longest expected segment, for `EXT-X-TARGETDURATION`.
    pub target_duration: Duration,
    /// Target duration of a part, for `PART-TARGET`.
    pub part_target: Duration,
}

/// Video rendition of an HLS run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HlsVideo {
    /// RFC 6381 codec string, for example `avc1.64001f`.
    pub codec: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames per second, when known.
    pub frame_rate: Option<f64>,
    /// Expected bits per second, for `BANDWIDTH` until measured.
    pub bitrate: u32,
}

/// Audio rendition of an HLS run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HlsAudio {
    /// RFC 6381 codec string, `mp4a.40.2` or `opus`.
    pub codec: String,
    /// Expected bits per second.
    pub bitrate: u32,
    /// Channels, for `CHANNELS`.
    pub channels: u32,
}
