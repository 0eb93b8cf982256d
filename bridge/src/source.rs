//! A publisher's source as the bridge takes it in: formats and access units.

use bytes::Bytes;
use weir_media::{AudioCodec, Kind, MediaTime, VideoCodec};

/// Most pictures of different sizes that a publisher's video is taken in; more are left out. OBS sends
/// six at most.
pub const MAX_VIDEO_TRACKS: usize = 8;

/// Coded form of the source as the publisher describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceFormat {
    /// Access units from RTMP. `config` is the codec's own configuration record:
    /// `AVCDecoderConfigurationRecord` for H.264, `HEVCDecoderConfigurationRecord`, `av1C`, `vpcC`.
    Video {
        /// Which of the publisher's pictures: it may send one in several sizes. Which is the best is
        /// not said by the number.
        layer: u8,
        /// Codec of the access units.
        codec: VideoCodec,
        /// Configuration record, ISO/IEC 14496-15 form.
        config: Bytes,
    },
    /// Audio frames from RTMP. `config` is the `AudioSpecificConfig` for AAC, `OpusHead` for Opus.
    Audio {
        /// Codec of the frames.
        codec: AudioCodec,
        /// Configuration record.
        config: Bytes,
    },
    /// RTP packets of a WHIP publisher, as the SFU decrypted them.
    RtpVideo {
        /// Codec of the payload.
        codec: VideoCodec,
    },
    /// RTP packets of a WHIP publisher. Opus, 48 kHz.
    RtpAudio,
}

impl SourceFormat {
    /// Picture or sound.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Video { .. } | Self::RtpVideo { .. } => Kind::Video,
            Self::Audio { .. } | Self::RtpAudio => Kind::Audio,
        }
    }
}

/// One coded picture or one coded audio frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// Picture or sound.
    pub kind: Kind,
    /// Of which of the publisher's pictures; 0 for sound.
    pub layer: u8,
    /// Decoding time.
    pub dts: MediaTime,
    /// Presentation time; greater than `dts` where pictures are reordered (B-frames).
    pub pts: MediaTime,
    /// Whether decoding can start here. True for all audio.
    pub keyframe: bool,
    /// H.264 and HEVC: NAL units with 4-byte lengths (as in MP4 and RTMP). AAC: a raw frame.
    pub data: Bytes,
}
