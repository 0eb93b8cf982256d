//! The way to one viewer: source packets become that viewer's own continuous RTP streams.
//!
//! Everything between a shared [`MediaPacket`] and the viewer's SRTP is in this file. Now str0m
//! seals, resends and reports; our own egress takes its place here and nowhere else.

use std::time::{Duration, Instant};

use str0m::{
    Rtc,
    media::{MediaKind, Mid, Pt},
    rtp::{RtpWrite, Ssrc},
};
use weir_media::{Kind, VideoCodec};

use crate::{
    ingest,
    munge::Munger,
    packet::{Epoch, LayerId, MediaPacket, SourceInfo},
    sdp,
};

/// How long packets can be resent.
const RESEND_AGE: Duration = Duration::from_secs(3);

/// Resent share of all bytes beyond which a viewer's resends are dropped: its path is full, and
/// more would fill it more.
const RESEND_SHARE: f32 = 0.5;

/// A viewer that waits for a keyframe asks again after this: requests and keyframes get lost too.
const KEYFRAME_RETRY: Duration = Duration::from_secs(1);

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Queued; goes out with the next drain.
    Queued,
    /// Left out.
    Skipped,
    /// Left out, and a keyframe must be asked for.
    WantsKeyframe,
}

/// The viewer negotiated no payload type for the stream's codec.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoCodec;

#[derive(Debug, Default)]
pub(crate) struct Egress {
    video: Option<EgressTrack>,
    audio: Option<EgressTrack>,
    source: Option<SourceInfo>,
}

#[derive(Debug)]
struct EgressTrack {
    /// Newest run seen: what is older is late from before a switch.
    epoch: Option<Epoch>,
    mid: Mid,
    ssrc: Ssrc,
    rtx: Option<Ssrc>,
    pt: Option<Pt>,
    munger: Munger,
    /// Whether str0m has the stream. It gets it with the first packet: a stream without packets
    /// would send a report that maps RTP time 0 to now, and receivers would believe it.
    declared: bool,
    asked: Option<Instant>,
    /// Packets written, to tell retransmissions apart in str0m's counters.
    written: u64,
}

impl Egress {
    /// An m-line of the answer. Takes its stream out of str0m until there is something to send.
    pub(crate) fn add_track(&mut self, rtc: &mut Rtc, mid: Mid, kind: MediaKind) {
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return;
        };
        let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
        api.remove_stream_tx(ssrc);
        let kind = match kind {
            MediaKind::Video => Kind::Video,
            MediaKind::Audio => Kind::Audio,
        };
        let track = EgressTrack {
            epoch: None,
            mid,
            ssrc,
            rtx,
            pt: None,
            // The SSRC is random, and so is the first timestamp then (RFC 3550 section 5.1).
            munger: Munger::new(kind, (*ssrc).wrapping_mul(0x9e37_79b9)),
            declared: false,
            asked: None,
            written: 0,
        };
        match kind {
            Kind::Video => self.video = Some(track),
            Kind::Audio => self.audio = Some(track),
        }
    }

    /// The stream's source or what is known of it changed. Chooses payload types anew.
    pub(crate) fn set_source(&mut self, rtc: &Rtc, source: &SourceInfo) -> Result<(), NoCodec> {
        self.source = Some(source.clone());
        if let (Some(track), Some(codec)) = (&mut self.video, source.tracks.video) {
            track.pt = video_pt(rtc, track.mid, codec, source);
            if track.pt.is_none() {
                return Err(NoCodec);
            }
        }
        if let Some(track) = &mut self.audio
            && source.tracks.audio
        {
            let params = negotiated(rtc, track.mid);
            track.pt = params.map(|p| p.pt()).next();
            if track.pt.is_none() {
                return Err(NoCodec);
            }
        }
        Ok(())
    }

    /// Packets to this viewer were left out: its video begins again at a keyframe.
    pub(crate) fn interrupt_video(&mut self) {
        if let Some(track) = &mut self.video {
            track.munger.interrupt();
        }
    }

    /// Queues one packet.
    pub(crate) fn write(&mut self, now: Instant, rtc: &mut Rtc, packet: &MediaPacket) -> Written {
        if packet.layer != LayerId(0) {
            return Written::Skipped;
        }
        let track = match packet.kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        let Some(track) = track else {
            return Written::Skipped;
        };
        if track.epoch.is_some_and(|newest| packet.epoch < newest) {
            return Written::Skipped;
        }
        track.epoch = Some(packet.epoch);
        let Some(pt) = track.pt else {
            return Written::Skipped;
        };
        if !track.munger.continues(packet.epoch) {
            if packet.kind == Kind::Video && !packet.keyframe_start {
                let again = track
                    .asked
                    .is_none_or(|asked| now >= asked + KEYFRAME_RETRY);
                if again {
                    track.asked = Some(now);
                    return Written::WantsKeyframe;
                }
                return Written::Skipped;
            }
            track.asked = None;
            track.munger.begin(packet);
        }
        let Some(place) = track.munger.munge(packet) else {
            return Written::Skipped;
        };
        let mut api = rtc.direct_api();
        if !track.declared {
            let stream = api.declare_stream_tx(track.ssrc, track.rtx, track.mid, None);
            if packet.kind == Kind::Video {
                stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, Some(RESEND_SHARE));
            }
            track.declared = true;
        }
        let Some(stream) = api.stream_tx(&track.ssrc) else {
            return Written::Skipped;
        };
        stream.write_rtp(
            RtpWrite::new(
                pt,
                place.seq.into(),
                place.timestamp,
                packet.captured,
                ingest::opus_payload(packet),
            )
            .marker(packet.marker)
            .nackable(packet.kind == Kind::Video),
        );
        track.written += 1;
        Written::Queued
    }

    /// How many of the packets that str0m sent on an m-line were retransmissions.
    pub(crate) fn resent(&self, mid: Mid, sent: u64) -> u64 {
        let track = [&self.video, &self.audio]
            .into_iter()
            .flatten()
            .find(|t| t.mid == mid);
        track.map_or(0, |track| sent.saturating_sub(track.written))
    }
}

/// Packets kept for retransmission, see [`RESEND_AGE`]: 4 s of 2.5 Mbit/s.
const RESEND_PACKETS: usize = 1_024;

fn video_pt(rtc: &Rtc, mid: Mid, codec: VideoCodec, source: &SourceInfo) -> Option<Pt> {
    sdp::pick_video_pt(negotiated(rtc, mid), codec, source.h264_profile)
}

fn negotiated(rtc: &Rtc, mid: Mid) -> impl Iterator<Item = &str0m::format::PayloadParams> + Clone {
    let pts = rtc
        .media(mid)
        .map(|media| media.remote_pts())
        .unwrap_or_default();
    rtc.codec_config()
        .params()
        .iter()
        .filter(move |p| pts.contains(&p.pt()))
}
