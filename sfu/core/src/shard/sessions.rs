//! A shard's sessions: their datagrams, their events, their end.

use std::{net::SocketAddr, time::Instant};

use str0m::Event as RtcEvent;

use super::{MAX_CONNECTING, MAX_SESSIONS, Output, SessionKey, Shard, ShardMessage};
use crate::{
    DataEvent, EndReason, OfferError, SessionId, SfuEvent, StreamId,
    demux::Peer,
    dtls,
    packet::{SourceInfo, single_layer},
    route::Source,
    session::{Common, Session, Told},
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
        source: Peer,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&key) else {
            return false;
        };
        let common = session.common_mut();
        let Peer { address, tcp } = source;
        let received = common
            .transport
            .receive(now, address, destination, tcp, datagram, proven);
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
        true
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
        if let Session::Viewer(viewer) = session {
            viewer.dirty = false;
        }
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
                let before = publisher.ingest.epoch();
                let media = publisher.ingest.packet(now, rtc, packet, &mut self.epochs);
                let Some(media) = media else { return };
                let epoch = publisher.ingest.epoch();
                let tracks = publisher.ingest.tracks();
                let session = publisher.common.id;
                if !publisher.started {
                    publisher.started = true;
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
                            layers: single_layer(),
                            h264_profile: None,
                        }),
                    );
                } else if epoch != before {
                    self.set_live(
                        now,
                        stream,
                        Some(SourceInfo {
                            epoch,
                            tracks,
                            layers: single_layer(),
                            h264_profile: None,
                        }),
                    );
                }
                self.distribute(now, stream, media, false, false);
            }
            RtcEvent::SenderFeedback(feedback) => {
                if let Session::Publisher(publisher) = session {
                    publisher.ingest.report(&feedback);
                }
            }
            RtcEvent::KeyframeRequest(_) => {
                let stream = session.common().stream;
                self.request_keyframe(now, stream);
            }
            RtcEvent::ChannelOpen(channel, label) => self.channel_opened(key, channel, &label),
            RtcEvent::ChannelData(data) => self.channel_data(now, key, data),
            RtcEvent::ChannelClose(channel) => self.channel_closed(key, channel),
            RtcEvent::MediaEgressStats(stats) => {
                let Session::Viewer(viewer) = session else {
                    return;
                };
                let lost = stats
                    .remote
                    .as_ref()
                    .map_or(0, |remote| remote.packets_lost);
                let resent = viewer.egress.resent(stats.mid, stats.packets);
                let told = match viewer.told.iter_mut().find(|told| told.mid == stats.mid) {
                    Some(told) => told,
                    None => {
                        viewer.told.push(Told {
                            mid: stats.mid,
                            lost: 0,
                            resent: 0,
                        });
                        let last = viewer.told.len() - 1;
                        &mut viewer.told[last]
                    }
                };
                self.counters.losses_reported += lost.saturating_sub(told.lost);
                self.counters.retransmissions += resent.saturating_sub(told.resent);
                told.lost = told.lost.max(lost);
                told.resent = told.resent.max(resent);
            }
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
        let profile = dtls::take_agreed_profile();
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let common = session.common_mut();
        if std::mem::replace(&mut common.connected, true) {
            return;
        }
        common.alive = now;
        let (stream, id) = (common.stream, common.id);
        let dtls = common.transport.rtc.direct_api().dtls_protocol_version();
        self.connecting -= 1;
        tracing::info!(%stream, session = %id, srtp = ?profile, ?dtls, "session connected");
        match session {
            Session::Publisher(publisher) => {
                publisher.last_media = now;
                self.counters.publishers += 1;
            }
            Session::Viewer(_) => {
                self.counters.viewers += 1;
                let event = SfuEvent::ViewerConnected {
                    stream,
                    session: id,
                };
                self.outputs.push_back(Output::Event(event));
                self.request_keyframe(now, stream);
            }
        }
    }

    pub(super) fn end(&mut self, now: Instant, key: SessionKey, reason: EndReason) {
        let Some(mut session) = self.sessions.remove(&key) else {
            return;
        };
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
                stream,
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
                if let Some(route) = self.routes.get_mut(&stream)
                    && matches!(route.source, Some(Source::Publisher(current)) if current == key)
                {
                    route.source = None;
                    self.set_live(now, stream, None);
                }
            }
            Session::Viewer(_) => {
                if connected {
                    self.counters.viewers -= 1;
                    let event = SfuEvent::ViewerEnded {
                        stream,
                        session: id,
                        reason,
                    };
                    self.outputs.push_back(Output::Event(event));
                }
                if let Some(route) = self.routes.get_mut(&stream) {
                    route.viewers.retain(|viewer| *viewer != key);
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
