//! The one form in which media travels inside the media plane.

use std::{sync::Arc, time::Instant};

use weir_media::{Kind, MediaTime, RtpTracks, VideoCodec};

/// One decrypted RTP packet of a source, as every viewer's egress takes it. Built once per packet;
/// shards and viewers share it behind an [`Arc`].
#[derive(Debug)]
pub struct MediaPacket {
    /// Which run of which source it belongs to. Sequence numbers and timestamps are comparable
    /// only within one epoch.
    pub epoch: Epoch,
    /// Picture or sound.
    pub kind: Kind,
    /// Extended sequence number (RFC 3550 appendix A.1), never wraps.
    pub seq: u64,
    /// RTP timestamp as the source wrote it.
    pub timestamp: u32,
    /// RTP marker bit: for video the last packet of a picture.
    pub marker: bool,
    /// The packet belongs to a picture from which decoding can start.
    pub keyframe: bool,
    /// The first packet of such a picture: where a viewer may begin.
    pub keyframe_start: bool,
    /// RTP payload, shared by all viewers and by their retransmissions.
    pub payload: Arc<[u8]>,
    /// Place on the broadcast's timeline, one for audio and video.
    pub time: MediaTime,
    /// When the content was captured, in this server's clock; never in the future.
    pub captured: Instant,
    /// H.264 `profile_idc` and constraint flags, where this packet carries an SPS.
    pub h264_profile: Option<H264Profile>,
}

/// A run of a source: it changes when a publisher is replaced, when the bridge restarts and when
/// codecs change. Greater means newer within one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Gives out epochs.
#[derive(Debug, Default)]
pub(crate) struct Epochs(u64);

impl Epochs {
    pub(crate) fn next(&mut self) -> Epoch {
        self.0 += 1;
        Epoch(self.0)
    }
}

/// What a source sends, as egress has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceInfo {
    /// The run.
    pub epoch: Epoch,
    /// Its tracks.
    pub tracks: RtpTracks,
    /// H.264 profile as the picture itself says it (the SPS, not the offer), once seen.
    pub h264_profile: Option<H264Profile>,
}

/// `profile_idc` and `constraint_set` flags of an H.264 SPS: the first two bytes of
/// `profile-level-id` (RFC 6184 section 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct H264Profile {
    /// `profile_idc`.
    pub idc: u8,
    /// `constraint_set0_flag` … `constraint_set5_flag` and two reserved bits.
    pub constraints: u8,
}

/// RTP clock rate in Hz: RFC 6184, 7741, 9628 and AV1 for video, RFC 7587 for Opus.
pub const fn clock_rate(kind: Kind) -> u32 {
    match kind {
        Kind::Video => 90_000,
        Kind::Audio => 48_000,
    }
}

/// Name of a codec as SDP writes it.
pub const fn codec_name(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => "H264",
        VideoCodec::Hevc => "H265",
        VideoCodec::Vp8 => "VP8",
        VideoCodec::Vp9 => "VP9",
        VideoCodec::Av1 => "AV1",
    }
}
