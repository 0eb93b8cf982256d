//! The one form in which media travels inside the media plane.

use std::{sync::Arc, time::Instant};

use weir_media::{Kind, MediaTime, RtpLayer, RtpTracks, VideoCodec};
use weir_rtp::picture_ids::PictureIds;

use crate::layers::MAX_LAYERS;

/// One decrypted RTP packet of a source, as every viewer's egress takes it. Built once per packet;
/// shards and viewers share it behind an [`Arc`].
#[derive(Debug)]
pub struct MediaPacket {
    /// Which run of the stream's source it belongs to: [`SourceInfo::epoch`].
    pub source: Epoch,
    /// Which run of its track or layer. Sequence numbers and timestamps are comparable only within
    /// one; a later run of the same layer has a greater one.
    pub epoch: Epoch,
    /// Picture or sound.
    pub kind: Kind,
    /// The payload is redundant audio (RFC 2198) around Opus rather than Opus itself.
    pub red: bool,
    /// Which of the source's simulcast layers; 0 for sound and where there is but one.
    pub layer: LayerId,
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
    /// Size of the picture, where this packet says it (a keyframe's first ones).
    pub size: Option<PictureSize>,
    /// Numbers in the payload that must go on for the viewer across a change of layers.
    pub picture_ids: PictureIds,
    /// Place within a scalable stream, where the publisher tells it.
    pub scalability: Option<Scalability>,
}

/// A simulcast layer: its place in [`SourceInfo::layers`]. Not an order of quality.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(pub u8);

/// Size of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Place of a packet within a scalable stream (VP9 descriptor, AV1 dependency descriptor).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalability {
    /// Spatial layer, 0 is the smallest picture.
    pub spatial: u8,
    /// Temporal layer, 0 is the lowest rate.
    pub temporal: u8,
    /// First packet of its layer's frame.
    pub starts_frame: bool,
    /// Last packet of its layer's frame.
    pub ends_frame: bool,
    /// From this frame on a viewer may take this temporal layer (and the lower ones): it depends on
    /// nothing that a viewer of a lower one has not got.
    pub switching_point: bool,
    /// From this frame on a viewer may take this spatial layer having only the lower ones before.
    pub spatial_start: bool,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceInfo {
    /// The run.
    pub epoch: Epoch,
    /// Its tracks.
    pub tracks: RtpTracks,
    /// Names (rids) of its simulcast layers, by [`LayerId`]; one empty name where there is but one.
    pub layers: Arc<[String]>,
    /// The same layers as the bridge announced them, which makes them as they are needed: some may
    /// have no packets. Empty where the publisher's own layers are all there is.
    pub announced: Arc<[RtpLayer]>,
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

/// Names and announcement of a bridge's layers. One that is alone has no name to choose by.
pub(crate) fn announced(layers: &[RtpLayer]) -> (Arc<[String]>, Arc<[RtpLayer]>) {
    let layers = &layers[..layers.len().min(MAX_LAYERS)];
    let names = match layers {
        [] | [_] => single_layer(),
        _ => layers.iter().map(|layer| layer.name.clone()).collect(),
    };
    (names, layers.into())
}

/// The layers of a source that has but one.
pub(crate) fn single_layer() -> Arc<[String]> {
    Arc::from([String::new()])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A video packet of one byte, with timestamps by its capture.
    pub(crate) fn video(epoch: u64, seq: u64, captured: Instant) -> MediaPacket {
        MediaPacket {
            source: Epoch(epoch),
            epoch: Epoch(epoch),
            kind: Kind::Video,
            red: false,
            layer: LayerId::default(),
            seq,
            timestamp: 0,
            marker: false,
            keyframe: false,
            keyframe_start: false,
            payload: Arc::from(&[0_u8][..]),
            time: 0,
            captured,
            h264_profile: None,
            size: None,
            picture_ids: PictureIds::default(),
            scalability: None,
        }
    }
}
