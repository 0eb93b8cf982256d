//! CMAF from the bridge to the HLS origin.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Kind, MediaTime};

/// One CMAF track of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HlsTrack {
    /// A rung of the video, by its place in [`HlsTracks::video`].
    Video(u8),
    /// The sound.
    Audio,
}

impl HlsTrack {
    /// The best picture: the one rung that is always there.
    pub const BEST: Self = Self::Video(0);

    /// Picture or sound.
    pub fn kind(self) -> Kind {
        match self {
            Self::Video(_) => Kind::Video,
            Self::Audio => Kind::Audio,
        }
    }
}

/// What the HLS origin gets. Each rung of the video and the audio are separate CMAF tracks, all cut
/// at the same media times.
#[derive(Debug, Clone, PartialEq)]
pub enum HlsOutput {
    /// A new run of media: after the start, a worker restart or a codec change. What follows is
    /// discontinuous with what came before. Each track that has media restarts with its `Init`.
    Start(HlsTracks),
    /// Initialisation segment (`ftyp moov`) of a track.
    Init {
        /// Which track.
        track: HlsTrack,
        /// The bytes.
        data: Bytes,
    },
    /// One part (`moof mdat`, with `styp` in front at a segment's start).
    Part {
        /// Which track.
        track: HlsTrack,
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
    /// A rung is not made any more, since nobody needs it. When it is again, an `Init` and the start
    /// of a segment come first; the timeline goes on.
    Dormant(HlsTrack),
    /// Rungs that the machine is too slow for at present, a bit each: they are not made, whoever needs
    /// them. Holds until the next of these.
    Withheld(u8),
}

/// What the tracks of an HLS run are, for the multivariant playlist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HlsTracks {
    /// The rungs of the video, the best first. All are announced; only the first always has media.
    pub video: Vec<HlsVideo>,
    /// The audio rendition.
    pub audio: Option<HlsAudio>,
    /// Longest expected segment, for `EXT-X-TARGETDURATION`.
    pub target_duration: Duration,
    /// Target duration of a part, for `PART-TARGET`.
    pub part_target: Duration,
}

/// One rung of the video of an HLS run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HlsVideo {
    /// Its name among the rungs, for example `720p`.
    pub name: String,
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
