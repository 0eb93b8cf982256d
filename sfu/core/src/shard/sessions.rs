//! A shard's sessions: their datagrams, their events, their end.

use std::time::Instant;

use str0m::Event as RtcEvent;
use weir_rtp::packet::{Protocol, classify};

use super::{MAX_CONNECTING, MAX_SESSIONS, Output, SessionKey, Shard, ShardMessage};
use crate::{
    DataEvent, EndReason, OfferError, SessionId, SfuEvent, StreamId,
    demux::Datagram,
    egress::Context,
    ingest::GivenUp,
    packet::SourceInfo,
    route::Source,
    session::{Common, Session},
    transport::{Received, Transport},
};

impl Shard {
    pub(super) fn admit(&self) -> Result<(), OfferError> {
        if self.connecting >= MAX_CONNECTING {
            return Err(OfferError::Unavailable("too many sessions are connecting"));
        }
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(OfferError::Unavailable("too many sessions"));
        }
        Ok(())
    }

    pub(super) fn key(&mut self) -> SessionKey {
        self.next_key += 1;
        SessionKey(self.next_key)
    }

    pub(super) fn common(
        &mut self,
        now: Instant,
        id: SessionId,
        stream: StreamId,
        transport: Transport,
        ufrag: String,
        key: SessionKey,
    ) -> Common {
        self.demux.add(ufrag.clone(), key);
        self.by_id.insert(id, key);
        Common {
            id,
            stream,
            transport,
            ufrag,
            created: now,
            connected: false,
            alive: now,
            armed: None,
            channel: None,
            congested: None,
        }
    }

    pub(super) fn add(&mut self, key: SessionKey, session: Session) {
        self.connecting += 1;
        self.sessions.insert(key, session);
        self.arm_session(key);
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        key: SessionKey,
        proven: bool,
        datagram: Datagram<'_>,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&key) else {
            return false;
        };
        let (source, contents) = (datagram.source, datagram.contents);
        // RFC 7983: what a viewer sends beside STUN and DTLS is feedback, for its egress.
        if matches!(session, Session::Viewer(_))
            && contents
                .first()
                .is_some_and(|byte| (128..192).contains(byte))
        {
            return self.feedback(now, key, contents);
        }
        let taken = match session {
            Session::Publisher(publisher) => Some(publisher.ingest.taken),
            Session::Viewer(_) => None,
        };
        let common = session.common_mut();
        let received = common.transport.receive(now, datagram, proven);
        match received {
            Received::Refused => {
                self.counters.datagrams_dropped += 1;
                return false;
            }
            Received::Taken => {}
            Received::Checked { superseded } => {
                common.alive = now;
                if let Some(old) = superseded {
                    self.restarted(key, &old);
                }
                if !proven && let Some(evicted) = self.demux.prove(source, key) {
                    self.disconnect(&[evicted]);
                }
            }
        }
        self.pump(now, key);
        if let Some(taken) = taken
            && classify(contents) == Protocol::Rtp
        {
            self.late_media(now, key, contents, taken);
        }
        true
    }

    /// Takes what a publisher sent again, if it came too late for str0m. `taken`: how many packets it
    /// had given before this datagram.
    fn late_media(&mut self, now: Instant, key: SessionKey, datagram: &[u8], taken: u64) {
        let Some(Session::Publisher(publisher)) = self.sessions.get_mut(&key) else {
            return;
        };
        let transport = &mut publisher.common.transport;
        let Some(keys) = &mut transport.media_keys else {
            return;
        };
        let dropped = publisher.ingest.taken == taken;
        let rtc = &mut transport.rtc;
        let stream = publisher.common.stream;
        let epochs = &mut self.epochs;
        let late = publisher
            .ingest
            .late(now, rtc, keys, datagram, dropped, epochs);
        let source = self.routes.get(&stream).and_then(|r| r.source.as_ref());
        if let Some(media) = late
            && matches!(source, Some(Source::Publisher(current)) if *current == key)
        {
            self.counters.packets_in += 1;
            self.counters.bytes_in += media.payload.len() as u64;
            self.distribute(now, stream, media, false, false);
        }
        self.arm_session(key);
    }

    /// Asks a publisher for what is missing; where that is in vain, for a keyframe.
    pub(super) fn ask_again(&mut self, now: Instant, key: SessionKey) {
        let Some(Session::Publisher(publisher)) = self.sessions.get_mut(&key) else {
            return;
        };
        let transport = &mut publisher.common.transport;
        let Some(keys) = &transport.media_keys else {
            return;
        };
        let (compounds, given_up) = publisher.ingest.ask_again(now, keys.sender());
        for compound in compounds {
            transport.send_rtcp(compound, &mut self.outbox);
        }
        let stream = publisher.common.stream;
        for lost in given_up {
            if self.needs_keyframe(stream, lost) {
                self.request_keyframe(now, stream, Some(lost.layer));
            }
        }
    }

    /// Whether somebody watches the layer in which this was lost, and no keyframe came since.
    fn needs_keyframe(&self, stream: StreamId, lost: GivenUp) -> bool {
        let Some(route) = self.routes.get(&stream) else {
            return false;
        };
        let store = route.layers.get(lost.layer).map(|layer| &layer.store);
        let keyframe = store.and_then(|store| store.keyframe());
        if keyframe.is_some_and(|key| key.epoch == lost.epoch && key.seq > lost.seq) {
            return false;
        }
        // What viewers of other shards watch is not known here.
        !route.subscribers.is_empty()
            || route.viewers.iter().any(|key| {
                matches!(self.sessions.get(key), Some(Session::Viewer(viewer))
                    if viewer.egress.layer() == Some(lost.layer))
            })
    }

    /// Takes a viewer's feedback.
    fn feedback(&mut self, now: Instant, key: SessionKey, datagram: &[u8]) -> bool {
        let mut opened = std::mem::take(&mut self.opened);
        opened.clear();
        opened.extend_from_slice(datagram);
        let authentic = self
            .with_egress(now, key, |egress, cx| egress.feedback(cx, &mut opened))
            .unwrap_or(false);
        self.opened = opened;
        if !authentic {
            self.counters.datagrams_dropped += 1;
        }
        authentic
    }

    /// Drains a session and acts on what it says.
    pub(super) fn pump(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let mut events = std::mem::take(&mut self.scratch);
        let alive = session
            .common_mut()
            .transport
            .drain(&mut self.outbox, &mut events);
        for event in events.drain(..) {
            self.session_event(now, key, event);
        }
        self.scratch = events;
        if alive.is_err() {
            self.end(now, key, EndReason::Closed);
        }
        self.arm_session(key);
    }

    pub(super) fn session_event(&mut self, now: Instant, key: SessionKey, event: RtcEvent) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        match event {
            RtcEvent::Connected => self.connected(now, key),
            RtcEvent::RtpPacket(packet) => {
                let Session::Publisher(publisher) = session else {
                    return;
                };
                publisher.common.alive = now;
                publisher.last_media = now;
                let rtc = &mut publisher.common.transport.rtc;
                let stream = publisher.common.stream;
                self.counters.packets_in += 1;
                self.counters.bytes_in += packet.payload.len() as u64;
                if !publisher.started {
                    // Other sources of the stream may have begun since the offer.
                    publisher.ingest.begin(self.epochs.next());
                }
                let keys = publisher.common.transport.media_keys.as_mut();
                let epochs = &mut self.epochs;
                let media = publisher.ingest.packet(now, rtc, keys, packet, epochs);
                let Some(media) = media else { return };
                let epoch = publisher.ingest.source();
                let layers = publisher.ingest.layers();
                let tracks = publisher.ingest.tracks();
                let session = publisher.common.id;
                if !publisher.started {
                    publisher.started = true;
                    publisher.lost = false;
                    if self.has_newer_publisher(stream, key) {
                        self.end(now, key, EndReason::TakenOver);
                        return;
                    }
                    // Before the end of the one that it replaces: the stream is live all along.
                    let event = SfuEvent::PublisherStarted {
                        stream,
                        session,
                        tracks,
                    };
                    self.outputs.push_back(Output::Event(event));
                    self.replace_source(now, stream, Source::Publisher(key));
                    self.set_live(
                        now,
                        stream,
                        Some(SourceInfo {
                            epoch,
                            tracks,
                            layers,
                            announced: Vec::new().into(),
                            h264_profile: None,
                        }),
                    );
                }
                self.distribute(now, stream, media, false, false);
            }
            RtcEvent::SenderFeedback(feedback) => {
                if let Session::Publisher(publisher) = session {
                    publisher.ingest.report(now, &feedback);
                }
            }
            RtcEvent::ChannelOpen(channel, label) => self.channel_opened(key, channel, &label),
            RtcEvent::ChannelData(data) => self.channel_data(now, key, data),
            RtcEvent::ChannelClose(channel) => self.channel_closed(key, channel),
            RtcEvent::MediaIngressStats(_) => {
                if let Session::Publisher(publisher) = session {
                    self.counters.losses_in += publisher.ingest.take_losses();
                }
            }
            // The rest says nothing that this media plane acts on; a close shows in the drain. That
            // ICE is disconnected, str0m says after 15 s; consent lasts 30 s (`CONSENT_TIMEOUT`).
            _ => {}
        }
    }

    pub(super) fn connected(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let common = session.common_mut();
        if std::mem::replace(&mut common.connected, true) {
            return;
        }
        common.alive = now;
        let agreed = common.transport.agreed.take();
        let (stream, id) = (common.stream, common.id);
        let dtls = common.transport.rtc.direct_api().dtls_protocol_version();
        self.connecting -= 1;
        let profile = agreed.as_ref().map(|agreed| agreed.name);
        tracing::info!(%stream, session = %id, srtp = ?profile, ?dtls, "session connected");
        match session {
            Session::Publisher(publisher) => {
                publisher.last_media = now;
                self.counters.publishers += 1;
                if publisher.common.transport.media_keys.is_none() {
                    tracing::warn!(session = %id, srtp = ?profile, "no way to seal feedback for the publisher");
                    self.end(now, key, EndReason::Ended);
                }
            }
            Session::Viewer(viewer) => {
                self.counters.viewers += 1;
                let event = SfuEvent::ViewerConnected {
                    stream: stream.original(),
                    session: id,
                };
                self.outputs.push_back(Output::Event(event));
                viewer.connected_at = Some(now);
                let keyed = agreed.is_some_and(|agreed| viewer.egress.connected(now, &agreed));
                if !keyed {
                    tracing::warn!(session = %id, srtp = ?profile, "no way to seal media for the viewer");
                    self.end(now, key, EndReason::Ended);
                    return;
                }
                self.with_egress(now, key, |egress, cx| egress.begin(cx));
            }
        }
    }

    pub(super) fn end(&mut self, now: Instant, key: SessionKey, reason: EndReason) {
        let Some(mut session) = self.sessions.remove(&key) else {
            return;
        };
        if let Session::Viewer(viewer) = &mut session {
            self.count(viewer);
            if let (Some(path), Some(route)) = (
                viewer.common.transport.path(),
                self.routes.get(&viewer.common.stream),
            ) {
                viewer.egress.close(&mut Context {
                    now,
                    layers: &route.layers,
                    outbox: &mut self.outbox,
                    path,
                    wallclock: &self.wallclock,
                });
            }
        }
        let common = session.common_mut();
        common.transport.close(now, &mut self.outbox);
        let (stream, id, connected) = (common.stream, common.id, common.connected);
        // str0m closes both for a goodbye and for a failed handshake.
        let reason = match reason {
            EndReason::Closed if !connected => EndReason::NeverConnected,
            reason => reason,
        };
        if let Some(restart) = common.transport.restart_fragment() {
            self.demux.forget(restart);
        }
        let peers = self.demux.remove(&common.ufrag, key);
        let channel = common.channel.take();
        self.by_id.remove(&id);
        self.disconnect(&peers);
        if channel.is_some() {
            let event = DataEvent::Closed {
                stream: stream.original(),
                session: id,
            };
            self.outputs.push_back(Output::Data(event));
        }
        if !connected {
            self.connecting -= 1;
        }
        tracing::info!(%stream, session = %id, ?reason, "session ended");
        match session {
            Session::Publisher(mut publisher) => {
                self.counters.losses_in += publisher.ingest.take_losses();
                self.counters.publishers -= u64::from(connected);
                let event = SfuEvent::PublisherEnded {
                    stream,
                    session: id,
                    reason,
                };
                self.outputs.push_back(Output::Event(event));
                let for_good = matches!(reason, EndReason::Closed | EndReason::Ended);
                let Some(route) = self.routes.get_mut(&stream) else {
                    return;
                };
                let lost = route.lost.take_if(|lost| *lost == key).is_some();
                let source = matches!(route.source, Some(Source::Publisher(it)) if it == key);
                if source || (lost && for_good && route.source.is_none()) {
                    self.source_ended(now, stream, for_good);
                }
            }
            Session::Viewer(_) => {
                if connected {
                    self.counters.viewers -= 1;
                    let event = SfuEvent::ViewerEnded {
                        stream: stream.original(),
                        session: id,
                        reason,
                    };
                    self.outputs.push_back(Output::Event(event));
                }
                self.leave(stream, key);
                self.look_soon(now, stream);
                if let Some(route) = self.routes.get_mut(&stream) {
                    let home = Self::home(stream, self.config.shards);
                    if route.viewers.is_empty() && home != self.config.shard {
                        let shard = self.config.shard;
                        self.forward(home, ShardMessage::Unsubscribe { stream, shard });
                    }
                }
            }
        }
        self.drop_idle(stream);
    }
}
