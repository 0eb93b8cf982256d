//! The way to one viewer: source packets become that viewer's own continuous RTP streams.
//!
//! str0m keeps the session (ICE, DTLS, SDP, data channels); the media is ours from the shared packet to
//! the sealed datagram, and so are its reports and the answers to the viewer's feedback. Why, and what
//! it costs, stands in `README.md` beside this file.
//!
//! - `media` writes and seals packets, first and again,
//! - `selection` says which layer, and what of it, goes on,
//! - `start` brings a viewer from a keyframe in the store to the live edge, and spreads bursts,
//! - `fec` says what is repaired beforehand,
//! - `feedback` takes the viewer's RTCP, `reports` writes ours,
//! - `pacer` says how much may leave at once, `probe` sends more to learn what would fit.

mod fec;
#[cfg(test)]
mod fec_sim;
mod feedback;
mod media;
mod pacer;
mod probe;
mod reports;
pub(crate) mod selection;
mod start;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use weir_media::{Kind, VideoCodec};
use weir_rtp::srtp::{Opener, Sealer, split_keying_material};

use self::{
    feedback::Resent,
    media::{Stream, Wire},
    pacer::Pacer,
    probe::Probing,
    reports::Reports,
    selection::{Pass, Selection},
    start::Behind,
};
use crate::{
    answer::EgressMedia,
    bwe::Estimator,
    dtls::Agreed,
    flexfec::Flexfec,
    layers::Layers,
    outbox::{Outbox, Path},
    packet::{Epoch, LayerId, MediaPacket, SourceInfo},
    wallclock::Wallclock,
};

/// A viewer that waits for a keyframe asks again after this: requests and keyframes get lost too.
const KEYFRAME_RETRY: Duration = Duration::from_secs(1);

/// So long the keyframe of a lower layer is waited for when the present one was left. Then the source
/// does not answer requests (OBS), and the viewer begins with what the store has.
const KEYFRAME_PATIENCE: Duration = Duration::from_millis(400);

/// What the path of a viewer is assumed to carry before it was measured, in bit/s. The start itself is
/// the first measurement.
const START_BITRATE: u64 = 4_000_000;

/// The viewer negotiated no payload type for the stream's codec.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoCodec;

/// Counters of one viewer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EgressStats {
    /// Media packets sent for the first time, and their payload octets.
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    /// Packets that the viewer reported missing.
    pub(crate) nacked: u64,
    pub(crate) retransmissions: u64,
    /// Keyframes that the viewer asked for.
    pub(crate) keyframe_requests: u64,
    /// Video packets left out because the path or the store did not allow them.
    pub(crate) dropped: u64,
    /// Repair packets sent beforehand.
    pub(crate) repairs: u64,
    /// Cumulative loss by the viewer's own reports.
    pub(crate) lost: u64,
}

pub(crate) struct Egress {
    media: Vec<EgressMedia>,
    keys: Option<Keys>,
    video: Option<Stream>,
    audio: Option<Stream>,
    selection: Selection,
    /// Where the viewer reads the store, while it is not at the live edge.
    behind: Option<Behind>,
    probing: Option<Probing>,
    pacer: Pacer,
    estimator: Estimator,
    reports: Reports,
    resent: Resent,
    source: Option<SourceInfo>,
    playout_delay: (u16, u16),
    asked: Option<Instant>,
    /// When the peer is thought to take what we send.
    ready_at: Option<Instant>,
    /// When the present start from the store began.
    begun: Option<Instant>,
    /// A layer that is far too much was left; until then the keyframe of the next is waited for.
    left_until: Option<Instant>,
    /// The connection does not keep up: sound alone until it does.
    congested: bool,
    /// A layer whose keyframe the viewer needs; taken by the shard.
    wants_keyframe: Option<LayerId>,
    pub(crate) stats: EgressStats,
}

struct Keys {
    sealer: Sealer,
    opener: Opener,
}

impl Keys {
    fn wire<'a>(&'a mut self, outbox: &'a mut Outbox, path: Path) -> Wire<'a> {
        Wire {
            sealer: &mut self.sealer,
            outbox,
            path,
        }
    }
}

/// What an operation works on besides the viewer's own state.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) layers: &'a Layers,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) path: Path,
    pub(crate) wallclock: &'a Wallclock,
}

impl Egress {
    /// `media` is what the answer says. `playout_delay` in units of 10 ms, least and most. `flexfec`:
    /// when repairs are sent to a viewer whose answer has them.
    pub(crate) fn new(
        now: Instant,
        media: Vec<EgressMedia>,
        playout_delay: (u16, u16),
        flexfec: Flexfec,
    ) -> Self {
        let stream = |kind: Kind| {
            let media = media.iter().find(|media| media.kind == kind)?;
            let mut stream = Stream::new(kind, media);
            let delay = (kind == Kind::Video).then_some(playout_delay);
            stream.set_extensions(&media.extensions, delay);
            if kind == Kind::Video {
                stream.set_repairs(media, flexfec);
            }
            Some(stream)
        };
        Self {
            video: stream(Kind::Video),
            audio: stream(Kind::Audio),
            media,
            keys: None,
            selection: Selection::new(),
            behind: None,
            probing: None,
            pacer: Pacer::new(now, START_BITRATE),
            estimator: Estimator::new(now, START_BITRATE),
            reports: Reports::default(),
            resent: Resent::default(),
            source: None,
            playout_delay,
            asked: None,
            ready_at: None,
            begun: None,
            left_until: None,
            congested: false,
            wants_keyframe: None,
            stats: EgressStats::default(),
        }
    }

    /// The handshake is done. False when its profile is not one that we can seal with.
    pub(crate) fn connected(&mut self, now: Instant, agreed: &Agreed) -> bool {
        self.set_ready(now);
        let Some((profile, material)) = &agreed.keys else {
            return false;
        };
        let Some((client, server)) = split_keying_material(*profile, material) else {
            return false;
        };
        let (ours, theirs) = if agreed.active {
            (client, server)
        } else {
            (server, client)
        };
        self.keys = Some(Keys {
            sealer: Sealer::new(*profile, &ours),
            opener: Opener::new(*profile, &theirs),
        });
        true
    }

    /// The stream's source or what is known of it changed. Chooses payload types anew.
    pub(crate) fn set_source(&mut self, source: &SourceInfo) -> Result<(), NoCodec> {
        let changed = self.source.as_ref().map(|s| s.epoch) != Some(source.epoch);
        self.source = Some(source.clone());
        self.selection.set_layers(&source.layers);
        if let Some(video) = &mut self.video {
            let closes = source.tracks.video == Some(VideoCodec::Vp8);
            video.munger.close_picture_ids(closes);
        }
        if changed {
            self.selection.restart();
            self.behind = None;
            self.left_until = None;
        }
        for (stream, kind, wanted) in [
            (&mut self.video, Kind::Video, source.tracks.video.is_some()),
            (&mut self.audio, Kind::Audio, source.tracks.audio),
        ] {
            let Some(stream) = stream.as_mut().filter(|_| wanted) else {
                continue;
            };
            let media = self.media.iter().find(|media| media.kind == kind);
            let codec = media.and_then(|media| match source.tracks.video {
                Some(codec) if kind == Kind::Video => media.video(codec, source.h264_profile),
                Some(_) | None => media.opus(),
            });
            let codec = codec.ok_or(NoCodec)?;
            stream.pt = Some(codec.pt);
            stream.rtx_pt = codec.rtx;
            stream.red_pt = codec.red;
        }
        Ok(())
    }

    /// Least and most playout delay, in units of 10 ms.
    pub(crate) fn set_playout_delay(&mut self, delay: (u16, u16)) {
        self.playout_delay = delay;
        let media = self.media.iter().find(|media| media.kind == Kind::Video);
        if let (Some(stream), Some(media)) = (&mut self.video, media) {
            stream.set_extensions(&media.extensions, Some(delay));
        }
    }

    /// Packets to this viewer were left out: its video begins again at a keyframe.
    pub(crate) fn interrupt_video(&mut self) {
        self.behind = None;
        if let Some(video) = &mut self.video {
            video.munger.interrupt();
        }
    }

    /// The present layer is far more than the path carries: it fills a queue that the sound and the
    /// next layer's keyframe wait in, and what gets through makes no pictures. So it ends before the
    /// next begins, and what of it was lost is not sent again.
    fn leave_layer(&mut self, now: Instant) {
        self.interrupt_video();
        self.left_until = Some(now + KEYFRAME_PATIENCE);
        if let Some(last) = self.video.as_ref().and_then(|v| v.munger.last_seq()) {
            self.resent.begin_after(last);
        }
    }

    /// The connection does not keep up, or does again: no video until it does, then from a keyframe.
    pub(crate) fn set_congested(&mut self, congested: bool) {
        if congested && !self.congested {
            self.interrupt_video();
        }
        self.congested = congested;
    }

    /// What was gathered for the stream's viewers goes to this one.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, batch: &[Arc<MediaPacket>]) {
        if self.keys.is_none() {
            return;
        }
        self.choose(cx.now, cx.layers);
        for packet in batch {
            if self.is_outdated(packet.source) {
                continue;
            }
            match packet.kind {
                Kind::Audio => self.audio(cx, packet),
                Kind::Video => self.video(cx, packet),
            }
        }
        if self.left_until.is_some_and(|until| cx.now >= until) {
            self.left_until = None;
            self.begin(cx);
        }
        self.report(cx);
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn tick_at(&self) -> Option<Instant> {
        let behind = self.behind.as_ref().map(|behind| behind.next);
        let probing = self.probing.as_ref().map(|probing| probing.next);
        [behind, probing].into_iter().flatten().min()
    }

    /// What is spread over time goes on.
    pub(crate) fn tick(&mut self, cx: &mut Context<'_>) {
        if self.behind.as_ref().is_some_and(|b| cx.now >= b.next) {
            self.pace(cx);
        }
        self.send_probe(cx);
    }

    /// The layer whose keyframe the viewer needs, once.
    pub(crate) fn take_wanted_keyframe(&mut self) -> Option<LayerId> {
        self.wants_keyframe.take()
    }

    /// Bits a second that the path to the viewer is thought to carry.
    pub(crate) fn estimate(&self) -> u64 {
        self.estimator.estimate()
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.reports.round_trip()
    }

    /// Share of packets lost by the newest report, 0 to 1.
    pub(crate) fn loss(&self) -> f32 {
        self.reports.loss()
    }

    /// The layer that is sent now.
    pub(crate) fn layer(&self) -> Option<LayerId> {
        let video = self.video.as_ref()?;
        video.munger.run().map(|(layer, _)| layer)
    }

    fn is_outdated(&self, source: Epoch) -> bool {
        self.source.as_ref().is_some_and(|now| source < now.epoch)
    }

    fn audio(&mut self, cx: &mut Context<'_>, packet: &MediaPacket) {
        let (Some(keys), Some(audio)) = (&mut self.keys, &mut self.audio) else {
            return;
        };
        if !audio.munger.continues(packet.layer, packet.epoch) {
            audio.munger.begin(packet, None);
        }
        let Some(munged) = audio.munger.munge(packet) else {
            return;
        };
        let mut wire = keys.wire(cx.outbox, cx.path);
        let (estimator, now) = (&mut self.estimator, cx.now);
        let twcc = |size| estimator.sent(now, size, None);
        if audio.write(&mut wire, packet, &munged, packet.marker, twcc) {
            self.stats.packets += 1;
            self.stats.octets += packet.payload.len() as u64;
        }
    }

    fn video(&mut self, cx: &mut Context<'_>, packet: &Arc<MediaPacket>) {
        let Some(video) = &self.video else { return };
        if self.selection.is_paused() || self.congested {
            self.stats.dropped += u64::from(self.congested);
            return;
        }
        if packet.keyframe_start {
            let continues = video.munger.continues(packet.layer, packet.epoch);
            let begins = if continues {
                // The live edge is worth more than what lies before it.
                self.behind.as_ref().is_some_and(Behind::is_far)
            } else {
                self.selection.takes(packet.layer, video.munger.run())
            };
            if begins {
                self.jump(cx, packet, continues);
            }
        }
        let Some(video) = &self.video else { return };
        if !video.munger.continues(packet.layer, packet.epoch) {
            self.want_keyframe(cx.now, packet.layer);
            return;
        }
        if let Some(behind) = &self.behind
            && packet.seq >= behind.seq
        {
            // It is in the store, and its turn comes.
            return;
        }
        if self.behind.is_none() && !self.pacer.is_open(cx.now) {
            self.behind = Some(Behind::burst(cx.now, packet));
            return;
        }
        self.video_packet(cx, packet);
    }

    /// What is sent goes on with this keyframe: of the same layer if it `continues`, else of another.
    fn jump(&mut self, cx: &mut Context<'_>, packet: &Arc<MediaPacket>, continues: bool) {
        self.finish_frame(cx);
        let Some(video) = &mut self.video else { return };
        self.behind = None;
        self.asked = None;
        self.left_until = None;
        let run = video.munger.run().map(|(layer, _)| layer);
        let rate = |layer| cx.layers.get(layer).map_or(0, |l| l.bitrate(cx.now));
        let is_down = run.is_some_and(|run| rate(run) > rate(packet.layer));
        if (continues || is_down)
            && let Some(last) = video.munger.last_seq()
        {
            self.resent.begin_after(last);
        }
        video.munger.interrupt();
        video.munger.begin(packet, None);
        self.selection.began(packet.layer);
    }

    /// A keyframe of the layer that the viewer waits for is asked for, now and again.
    fn want_keyframe(&mut self, now: Instant, layer: LayerId) {
        let Some(video) = &self.video else { return };
        if !self.selection.takes(layer, video.munger.run()) {
            return;
        }
        let again = self.asked.is_none_or(|asked| now >= asked + KEYFRAME_RETRY);
        if again {
            self.asked = Some(now);
            self.wants_keyframe = Some(layer);
        }
    }

    /// Sends a packet of the present run.
    fn video_packet(&mut self, cx: &mut Context<'_>, packet: &MediaPacket) {
        let (Some(keys), Some(video)) = (&mut self.keys, &mut self.video) else {
            return;
        };
        let marker = match self.selection.pass(packet) {
            Pass::On { marker } => marker,
            Pass::LeftOut => {
                video.munger.leave_out(packet);
                return;
            }
        };
        let Some(munged) = video.munger.munge(packet) else {
            return;
        };
        let mut wire = keys.wire(cx.outbox, cx.path);
        let (estimator, now) = (&mut self.estimator, cx.now);
        let mut size = packet.payload.len();
        let twcc = |datagram| {
            size = datagram;
            estimator.sent(now, datagram, None)
        };
        if video.write(&mut wire, packet, &munged, marker, twcc) {
            if packet.keyframe_start {
                self.resent.keyframe(munged.seq);
            }
            self.pacer.spend(size);
            self.stats.packets += 1;
            self.stats.octets += packet.payload.len() as u64;
            let twcc = |datagram| estimator.sent(now, datagram, None);
            let (repairs, octets) = video.repair(&mut wire, marker, twcc);
            self.pacer.spend(octets);
            self.stats.repairs += repairs;
        }
    }
}
