//! The words of the media path, shared by the SFU, the bridge and the HLS origin. No I/O.
//!
//! All times are [`MediaTime`]: nanoseconds on one timeline per broadcast. Audio and video share
//! it, so equal times belong together on the screen.

mod boxes;
pub mod clock;
mod demand;
mod hls;
mod rtp;
mod thumbnail;

use serde::{Deserialize, Serialize};

pub use boxes::Boxes;
pub use demand::Demand;
pub use hls::{HlsAudio, HlsOutput, HlsTrack, HlsTracks, HlsVideo};
pub use rtp::{RtpLayer, RtpPacket, RtpTracks};
pub use thumbnail::Thumbnail;

/// Nanoseconds since the start of the broadcast.
pub type MediaTime = u64;

/// Picture or sound. A broadcast has at most one track of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The picture.
    Video,
    /// The sound.
    Audio,
}

/// Video codecs that a publisher may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VideoCodec {
    /// ITU-T H.264; over RTP as in RFC 6184, packetization mode 1.
    H264,
    /// ITU-T H.265; over RTP as in RFC 7798.
    Hevc,
    /// RFC 6386; over RTP as in RFC 7741.
    Vp8,
    /// VP9; over RTP as in RFC 9628.
    Vp9,
    /// AV1; over RTP as in AOMedia's payload specification.
    Av1,
}

/// Audio codecs that a publisher may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AudioCodec {
    /// AAC (MPEG-4 part 3).
    Aac,
    /// RFC 6716.
    Opus,
}
