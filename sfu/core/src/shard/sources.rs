//! A shard's routes: sources that begin, change and end, and their packets on the way to viewers.

use std::{sync::Arc, time::Instant};

use weir_media::Kind;

use super::{Output, SessionKey, Shard, ShardMessage};
use crate::{
    EndReason, SfuEvent, StreamId, ingest,
    packet::{LayerId, MediaPacket, SourceInfo},
    route::{GATHER, GATHER_SOUND, Joined, Route, Source},
    session::Session,
};

impl Shard {
    /// A new source for a stream: the one before ends, and what it was stays known until the new
    /// one's media comes.
    pub(super) fn replace_source(&mut self, now: Instant, stream: StreamId, source: Source) {
        let route = self
            .routes
            .entry(stream)
            .or_insert_with(|| Route::new(true));
        let by = match &source {
            Source::Publisher(key) => Some(*key),
            Source::Bridge { .. } => None,
        };
        let before = route.source.replace(source);
        let lost = route.lost.take();
        self.give_up_joined(stream);
        // Whoever comes back later than another does not take the stream from it.
        if let Some(lost) = lost.filter(|lost| Some(*lost) != by) {
            self.end(now, lost, EndReason::TakenOver);
        }
        match before {
            Some(Source::Publisher(key)) => self.end(now, key, EndReason::TakenOver),
            Some(Source::Bridge { id, .. }) => {
                self.outputs
                    .push_back(Output::BridgeReplaced { ingest: id });
            }
            None => {}
        }
    }

    /// The stream has no source any more. `for_good`: its publisher said goodbye; otherwise viewers
    /// are kept for the time of grace, in which another may come.
    pub(super) fn source_ended(&mut self, now: Instant, stream: StreamId, for_good: bool) {
        let grace = self.config.grace;
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        route.source = None;
        if for_good || grace.is_zero() || route.info.is_none() {
            self.set_live(now, stream, None);
        } else {
            route.over_at = Some(now + grace);
            self.arm_route(stream);
        }
        self.give_up_joined(stream);
        self.drop_idle(stream);
    }

    /// Nothing comes of a publisher any more. The stream waits for one as if its session had ended; when
    /// it is this one that comes back, it goes on in its session.
    pub(super) fn lose(&mut self, now: Instant, key: SessionKey) {
        let Some(Session::Publisher(publisher)) = self.sessions.get_mut(&key) else {
            return;
        };
        publisher.started = false;
        publisher.lost = true;
        let (stream, session) = (publisher.common.stream, publisher.common.id);
        tracing::info!(%stream, %session, "nothing comes of the publisher");
        self.outputs
            .push_back(Output::Event(SfuEvent::PublisherLost { stream, session }));
        if let Some(route) = self.routes.get_mut(&stream)
            && matches!(route.source, Some(Source::Publisher(current)) if current == key)
        {
            route.lost = Some(key);
            self.source_ended(now, stream, false);
        }
    }

    /// Whether a publisher whose offer came after this one's has the stream already.
    pub(super) fn has_newer_publisher(&self, stream: StreamId, key: SessionKey) -> bool {
        let source = self.routes.get(&stream).and_then(|r| r.source.as_ref());
        matches!(source, Some(Source::Publisher(current)) if *current > key)
    }

    /// The home shard learns that the stream's source started, changed or ended.
    pub(super) fn set_live(&mut self, now: Instant, stream: StreamId, info: Option<SourceInfo>) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        route.over_at = None;
        if route.info == info {
            return;
        }
        match (&route.info, &info) {
            // A transcode is no other stream.
            _ if stream.is_transcoded() => {}
            (None, Some(_)) => self.counters.streams += 1,
            (Some(_), None) => self.counters.streams -= 1,
            (Some(_), Some(_)) | (None, None) => {}
        }
        let epoch = |info: &Option<SourceInfo>| info.as_ref().map(|info| info.epoch);
        let new_run = epoch(&route.info) != epoch(&info);
        if new_run {
            route.throttle.reset();
        }
        for shard in route.subscribers.clone() {
            let info = info.clone();
            self.forward(shard, ShardMessage::Source { stream, info });
        }
        self.outputs.push_back(Output::Live {
            stream,
            info: info.clone(),
        });
        let live = info.is_some();
        self.update_viewers(now, stream, info);
        let watched = self
            .routes
            .get(&stream)
            .is_some_and(|r| !r.viewers.is_empty() || !r.subscribers.is_empty());
        if new_run && live && watched {
            self.request_keyframe(now, stream, None);
        }
    }

    /// Viewers of this shard learn of the source. Who cannot take its codec ends, and comes again.
    pub(super) fn update_viewers(
        &mut self,
        now: Instant,
        stream: StreamId,
        info: Option<SourceInfo>,
    ) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let epoch = |info: &Option<SourceInfo>| info.as_ref().map(|info| info.epoch);
        if epoch(&route.info) != epoch(&info) {
            route.layers.clear();
        }
        let codec = info.as_ref().and_then(|info| info.tracks.video);
        route.layers.set_codec(codec);
        if let Some(info) = &info {
            let count = info.layers.len();
            route.layers.announce(now, count, &info.announced);
        }
        route.info = info;
        self.look_soon(now, stream);
        let Some(route) = self.routes.get(&stream) else {
            return;
        };
        let Some(info) = &route.info else {
            if stream.is_transcoded() {
                // They come again, for whatever the stream is then.
                for key in route.viewers.clone() {
                    self.end(now, key, EndReason::Ended);
                }
            }
            return;
        };
        let mut unserved = Vec::new();
        for key in &route.viewers {
            if let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key)
                && viewer.egress.set_source(info).is_err()
            {
                unserved.push(*key);
            }
        }
        for key in unserved {
            self.end(now, key, EndReason::Ended);
        }
    }

    /// A packet of a source of this shard goes to every shard and viewer.
    pub(super) fn distribute(
        &mut self,
        now: Instant,
        stream: StreamId,
        packet: MediaPacket,
        flush: bool,
        gap: bool,
    ) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if packet.keyframe_start {
            route.throttle.keyframe();
        }
        // Layers may differ in profile; payload types are chosen once, by the first of them.
        if let (Some(profile), Some(info)) = (packet.h264_profile, &route.info)
            && info.h264_profile != Some(profile)
            && (info.h264_profile.is_none() || packet.layer == LayerId::default())
        {
            let info = SourceInfo {
                h264_profile: Some(profile),
                ..info.clone()
            };
            self.set_live(now, stream, Some(info));
        }
        let packet = Arc::new(packet);
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        // What is made of the publisher's layer is not given out to make something of it.
        let added = route.joined.is_some() && packet.layer != LayerId::default();
        if let Some(tap) = &mut route.tap
            && matches!(route.source, Some(Source::Publisher(_)))
            && !added
        {
            let outputs = &mut self.outputs;
            tap.push(now, packet.clone(), |packet| {
                outputs.push_back(Output::Tap {
                    stream,
                    packet: ingest::to_rtp(packet),
                });
            });
        }
        for shard in &route.subscribers {
            let message = ShardMessage::Media {
                stream,
                packet: packet.clone(),
                flush,
                gap,
            };
            self.outputs.push_back(Output::Forward {
                shard: *shard,
                message,
            });
        }
        self.deliver(now, stream, packet, flush, gap);
    }

    /// What the home shard had when this one subscribed. Viewers begin with it.
    pub(super) fn restore(&mut self, now: Instant, stream: StreamId, packets: &[Arc<MediaPacket>]) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let epoch = route.info.as_ref().map(|info| info.epoch);
        for packet in packets {
            if epoch.is_none_or(|epoch| packet.source >= epoch) {
                // It is measured as it was then: rates and the order of the layers are right at once.
                route.layers.push(packet.captured.min(now), packet);
            }
        }
        for key in route.viewers.clone() {
            self.with_egress(now, key, |egress, cx| egress.begin(cx));
        }
    }

    /// A packet goes to the viewers of this shard.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        stream: StreamId,
        packet: Arc<MediaPacket>,
        flush: bool,
        gap: bool,
    ) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if route
            .info
            .as_ref()
            .is_some_and(|info| packet.source < info.epoch)
        {
            return;
        }
        if packet.kind == Kind::Video {
            route.layers.push(now, &packet);
        }
        if route.viewers.is_empty() {
            return;
        }
        if gap {
            for key in &route.viewers {
                if let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key)
                    && viewer.egress.layer() == Some(packet.layer)
                {
                    viewer.egress.interrupt_video();
                }
            }
        }
        let video = packet.kind == Kind::Video;
        let frame_ends = packet.marker && video;
        route.batch.push(packet);
        let by = now + if video { GATHER } else { GATHER_SOUND };
        route.flush_at = Some(route.flush_at.map_or(by, |earlier| earlier.min(by)));
        // With nothing but sound it pays to wait for a frame.
        let alone = !video
            && route
                .info
                .as_ref()
                .is_some_and(|info| info.tracks.video.is_some());
        if frame_ends || (flush && !alone) {
            self.flush(stream);
        } else {
            self.arm_route(stream);
        }
    }

    /// A keyframe is needed: of a layer, or of whatever there is.
    pub(super) fn request_keyframe(
        &mut self,
        now: Instant,
        stream: StreamId,
        layer: Option<LayerId>,
    ) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let throttle = match layer.and_then(|layer| route.layers.get_mut(layer)) {
            Some(layer) => &mut layer.throttle,
            None => &mut route.throttle,
        };
        if throttle.request(now) {
            self.send_keyframe_request(now, stream, layer);
        }
        self.arm_route(stream);
    }

    pub(super) fn send_keyframe_request(
        &mut self,
        now: Instant,
        stream: StreamId,
        layer: Option<LayerId>,
    ) {
        let home = Self::home(stream, self.config.shards);
        if home != self.config.shard {
            self.forward(home, ShardMessage::KeyframeRequest { stream, layer });
            return;
        }
        let Some(route) = self.routes.get(&stream) else {
            return;
        };
        if let (
            Some(Joined {
                id,
                ingest: Some(_),
            }),
            Some(LayerId(1..)),
        ) = (&route.joined, layer)
        {
            let ingest = *id;
            self.counters.keyframe_requests += 1;
            self.outputs
                .push_back(Output::BridgeKeyframe { ingest, layer });
            return;
        }
        match &route.source {
            Some(Source::Publisher(key)) => {
                let key = *key;
                let Some(Session::Publisher(publisher)) = self.sessions.get_mut(&key) else {
                    return;
                };
                let rtc = &mut publisher.common.transport.rtc;
                if publisher.ingest.request_keyframe(rtc, layer) {
                    self.counters.keyframe_requests += 1;
                    publisher.common.transport.advance(now);
                    self.pump(now, key);
                }
            }
            Some(Source::Bridge {
                id,
                ingest: Some(_),
            }) => {
                self.counters.keyframe_requests += 1;
                self.outputs
                    .push_back(Output::BridgeKeyframe { ingest: *id, layer });
            }
            Some(Source::Bridge { ingest: None, .. }) | None => {}
        }
    }

    pub(super) fn drop_idle(&mut self, stream: StreamId) {
        if self.routes.get(&stream).is_some_and(Route::is_idle)
            && let Some(route) = self.routes.remove(&stream)
            && route.needed != 0
        {
            let layers = 0;
            self.outputs.push_back(Output::Needed { stream, layers });
        }
    }

    pub(super) fn forward(&mut self, shard: u16, message: ShardMessage) {
        self.outputs.push_back(Output::Forward { shard, message });
    }
}
