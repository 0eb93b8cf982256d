//! A shard's routes: sources that begin, change and end, and their packets on the way to viewers.

use std::{sync::Arc, time::Instant};

use super::{Output, SessionKey, Shard, ShardMessage};
use crate::{
    EndReason, StreamId,
    egress::Written,
    ingest,
    packet::{MediaPacket, SourceInfo},
    route::{GATHER, Route, Source},
    session::Session,
};

impl Shard {
    /// A new source for a stream: the one before ends.
    pub(super) fn replace_source(&mut self, now: Instant, stream: StreamId, source: Source) {
        let route = self
            .routes
            .entry(stream)
            .or_insert_with(|| Route::new(true));
        let before = route.source.replace(source);
        self.set_live(now, stream, None);
        match before {
            Some(Source::Publisher(key)) => self.end(now, key, EndReason::TakenOver),
            Some(Source::Bridge { id, .. }) => {
                self.outputs
                    .push_back(Output::BridgeReplaced { ingest: id });
            }
            None => {}
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
        if route.info == info {
            return;
        }
        match (&route.info, &info) {
            (None, Some(_)) => self.counters.streams += 1,
            (Some(_), None) => self.counters.streams -= 1,
            (Some(_), Some(_)) | (None, None) => {}
        }
        let new_run = route.info.as_ref().map(|i| i.epoch) != info.as_ref().map(|i| i.epoch);
        if new_run {
            route.throttle.reset();
        }
        for shard in route.subscribers.clone() {
            self.forward(
                shard,
                ShardMessage::Source {
                    stream,
                    info: info.clone(),
                },
            );
        }
        self.outputs.push_back(Output::Live {
            stream,
            info: info.clone(),
        });
        self.update_viewers(now, stream, info.clone());
        let watched = self
            .routes
            .get(&stream)
            .is_some_and(|r| !r.viewers.is_empty() || !r.subscribers.is_empty());
        if new_run && info.is_some() && watched {
            self.request_keyframe(now, stream);
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
        route.info = info;
        let Some(info) = route.info.clone() else {
            return;
        };
        let mut unserved = Vec::new();
        for key in &route.viewers {
            if let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key)
                && viewer
                    .egress
                    .set_source(&viewer.common.transport.rtc, &info)
                    .is_err()
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
        if let (Some(profile), Some(info)) = (packet.h264_profile, route.info.clone())
            && info.h264_profile != Some(profile)
        {
            self.set_live(
                now,
                stream,
                Some(SourceInfo {
                    h264_profile: Some(profile),
                    ..info
                }),
            );
        }
        let packet = Arc::new(packet);
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if let Some(tap) = &mut route.tap
            && matches!(route.source, Some(Source::Publisher(_)))
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
        self.deliver(now, stream, &packet, flush, gap);
    }

    /// A packet goes to the viewers of this shard.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        stream: StreamId,
        packet: &MediaPacket,
        flush: bool,
        gap: bool,
    ) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let mut wants_keyframe = false;
        let mut queued = false;
        for key in &route.viewers {
            let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key) else {
                continue;
            };
            if !viewer.common.connected {
                continue;
            }
            if gap {
                viewer.egress.interrupt_video();
            }
            if viewer.common.is_congested() && packet.kind == weir_media::Kind::Video {
                self.counters.overflow_drops += 1;
                continue;
            }
            match viewer
                .egress
                .write(now, &mut viewer.common.transport.rtc, packet)
            {
                Written::Queued => {
                    viewer.dirty = true;
                    queued = true;
                }
                Written::Skipped => {}
                Written::WantsKeyframe => wants_keyframe = true,
            }
        }
        if packet.keyframe_start {
            route.throttle.keyframe();
        }
        if queued && route.flush_at.is_none() {
            route.flush_at = Some(now + GATHER);
        }
        let frame_ends = packet.marker && packet.kind == weir_media::Kind::Video;
        if route.flush_at.is_some() && (flush || frame_ends) {
            self.flush(now, stream);
        }
        if wants_keyframe {
            self.request_keyframe(now, stream);
        }
        self.arm_route(stream);
    }

    /// Sends what was gathered for the viewers of a stream.
    pub(super) fn flush(&mut self, now: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        route.flush_at = None;
        // Ending a session changes the list; the index then points at the next one.
        let viewers = std::mem::take(&mut route.viewers);
        let mut ended = Vec::new();
        let mut events = Vec::new();
        for key in &viewers {
            let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key) else {
                continue;
            };
            if !std::mem::replace(&mut viewer.dirty, false) {
                continue;
            }
            let transport = &mut viewer.common.transport;
            transport.advance(now);
            let mut said = Vec::new();
            if transport.drain(&mut self.outbox, &mut said).is_err() {
                ended.push(*key);
            }
            events.extend(said.into_iter().map(|event| (*key, event)));
            self.arm_session(*key);
        }
        if let Some(route) = self.routes.get_mut(&stream) {
            route.viewers = viewers;
        }
        for (key, event) in events {
            self.session_event(now, key, event);
        }
        for key in ended {
            self.end(now, key, EndReason::Closed);
        }
    }

    pub(super) fn request_keyframe(&mut self, now: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if route.throttle.request(now) {
            self.send_keyframe_request(now, stream);
        }
        self.arm_route(stream);
    }

    pub(super) fn send_keyframe_request(&mut self, now: Instant, stream: StreamId) {
        let home = Self::home(stream, self.config.shards);
        if home != self.config.shard {
            self.forward(home, ShardMessage::KeyframeRequest { stream });
            return;
        }
        let Some(route) = self.routes.get(&stream) else {
            return;
        };
        match &route.source {
            Some(Source::Publisher(key)) => {
                let key = *key;
                let Some(Session::Publisher(publisher)) = self.sessions.get_mut(&key) else {
                    return;
                };
                if publisher
                    .ingest
                    .request_keyframe(&mut publisher.common.transport.rtc)
                {
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
                    .push_back(Output::BridgeKeyframe { ingest: *id });
            }
            Some(Source::Bridge { ingest: None, .. }) | None => {}
        }
    }

    pub(super) fn drop_idle(&mut self, stream: StreamId) {
        if self.routes.get(&stream).is_some_and(Route::is_idle) {
            self.routes.remove(&stream);
        }
    }

    pub(super) fn forward(&mut self, shard: u16, message: ShardMessage) {
        self.outputs.push_back(Output::Forward { shard, message });
    }
}
