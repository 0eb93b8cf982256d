//! One shard of the media plane as a state machine.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{Event as RtcEvent, IceConnectionState, config::DtlsCert};
use weir_media::{RtpPacket, RtpTracks};

use crate::{
    EndReason, OfferError, SessionId, SfuEvent, SfuStats, StreamId,
    demux::{Demux, Owner},
    dtls,
    egress::{Egress, Written},
    ingest::{self, BridgeIngest, PublisherIngest},
    outbox::{Outbox, Transmit},
    packet::{Epochs, MediaPacket, SourceInfo},
    route::{GATHER, Route, Source},
    sdp::{self, Role},
    session::{Common, Publisher, Session, Told, Viewer},
    tap::TapOrder,
    transport::Transport,
};

/// Sessions of one shard that have not connected. Beyond, offers are refused: half-open handshakes
/// must not fill the memory (each costs about 100 KB).
const MAX_CONNECTING: usize = 1_000;

/// Sessions of one shard. Beyond, offers are refused; far above what a core can serve.
const MAX_SESSIONS: usize = 20_000;

/// Longest datagram that is looked at, in bytes: more than any path MTU that browsers use.
const MAX_DATAGRAM: usize = 2_000;

/// Key of a session within its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionKey(pub(crate) u64);

/// Name of one bridge source, unique in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IngestId(pub u64);

/// What a shard has to know at its start.
#[derive(Debug, Clone)]
pub struct ShardConfig {
    /// This shard's number, below `shards`.
    pub shard: u16,
    /// How many there are.
    pub shards: u16,
    /// Addresses that stand in every answer.
    pub candidates: Vec<SocketAddr>,
    /// See `SfuConfig::publisher_timeout`.
    pub publisher_timeout: Duration,
    /// Most datagrams per GSO send; 1 without GSO.
    pub max_gso_segments: usize,
}

/// From shard to shard. All shards of a process share memory, so packets go as `Arc`.
#[derive(Debug, Clone)]
pub enum ShardMessage {
    /// `shard` has viewers of the stream now.
    Subscribe {
        /// The stream.
        stream: StreamId,
        /// Who subscribes.
        shard: u16,
    },
    /// `shard` has no viewers of the stream any more.
    Unsubscribe {
        /// The stream.
        stream: StreamId,
        /// Who leaves.
        shard: u16,
    },
    /// The stream's source as it is now.
    Source {
        /// The stream.
        stream: StreamId,
        /// None: there is none.
        info: Option<SourceInfo>,
    },
    /// One packet. May be dropped under overload; the next that is delivered then says `gap`.
    Media {
        /// The stream.
        stream: StreamId,
        /// The packet.
        packet: Arc<MediaPacket>,
        /// Nothing more comes right now.
        flush: bool,
        /// Packets before this one were dropped on the way.
        gap: bool,
    },
    /// A viewer of another shard needs a keyframe.
    KeyframeRequest {
        /// The stream.
        stream: StreamId,
    },
    /// A datagram that arrived at the wrong shard. May be dropped under overload.
    Datagram {
        /// Where it arrived.
        from: u16,
        /// Who sent it.
        source: SocketAddr,
        /// Our address that it was sent to.
        destination: SocketAddr,
        /// Its bytes.
        contents: Vec<u8>,
    },
    /// Datagrams of this address belong to `shard`.
    Address {
        /// The peer.
        address: SocketAddr,
        /// Its shard.
        shard: u16,
    },
}

/// What the shard asks its shell to do.
#[derive(Debug)]
pub enum Output {
    /// Tell the server.
    Event(SfuEvent),
    /// A stream became live, changed or ended (only from its home shard).
    Live {
        /// The stream.
        stream: StreamId,
        /// None: not live.
        info: Option<SourceInfo>,
    },
    /// Hand to another shard.
    Forward {
        /// To whom.
        shard: u16,
        /// What.
        message: ShardMessage,
    },
    /// Ask the bridge source for a keyframe.
    BridgeKeyframe {
        /// Which source.
        ingest: IngestId,
    },
    /// A newer source took over from this bridge source.
    BridgeReplaced {
        /// Which source.
        ingest: IngestId,
    },
    /// A packet of a tapped WebRTC publisher.
    Tap {
        /// The stream.
        stream: StreamId,
        /// The packet.
        packet: RtpPacket,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Session(SessionKey),
    Route(StreamId),
}

/// One shard: its sessions, its routes, its timers.
///
/// Contract: after any number of `handle_*` calls with non-decreasing `now`, poll
/// [`poll_output`](Self::poll_output) and [`poll_transmit`](Self::poll_transmit) until both are
/// empty, then wait for input or [`poll_timeout`](Self::poll_timeout), whichever is first, and in
/// the latter case call [`handle_timeout`](Self::handle_timeout). Nothing here blocks or reads a clock.
pub struct Shard {
    config: ShardConfig,
    cert: DtlsCert,
    demux: Demux,
    sessions: HashMap<SessionKey, Session>,
    by_id: HashMap<SessionId, SessionKey>,
    routes: HashMap<StreamId, Route>,
    next_key: u64,
    epochs: Epochs,
    connecting: usize,
    timers: BinaryHeap<Reverse<(Instant, Timer)>>,
    outbox: Outbox,
    outputs: VecDeque<Output>,
    counters: SfuStats,
}

impl Shard {
    /// None when no DTLS certificate can be made.
    pub fn new(config: ShardConfig) -> Option<Self> {
        let cert = dtls::crypto_provider()
            .dtls_provider
            .generate_certificate()?;
        Some(Self {
            demux: Demux::new(config.shard, config.shards),
            outbox: Outbox::new(config.max_gso_segments),
            cert,
            sessions: HashMap::new(),
            by_id: HashMap::new(),
            routes: HashMap::new(),
            next_key: 0,
            epochs: Epochs::default(),
            connecting: 0,
            timers: BinaryHeap::new(),
            outputs: VecDeque::new(),
            counters: SfuStats::default(),
            config,
        })
    }

    /// The shard where a stream's source must be.
    pub fn home(stream: StreamId, shards: u16) -> u16 {
        (stream.0 % u64::from(shards.max(1))) as u16
    }

    /// A WHIP offer for a stream whose home is here. The publisher takes over from any other source.
    pub fn handle_publish(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: SessionId,
        offer: &str,
    ) -> Result<String, OfferError> {
        let checked = sdp::check_publisher(offer)?;
        self.admit()?;
        let creds = self.demux.credentials();
        let ufrag = creds.ufrag.clone();
        let mut transport = Transport::new(
            now,
            Role::Publisher,
            creds,
            &self.cert,
            &self.config.candidates,
            checked.codecs,
        );
        let (answer, media) = transport.accept(checked.offer, &mut self.outbox)?;
        let mut ingest = PublisherIngest::new(self.epochs.next(), &checked.rids);
        for (mid, kind) in media {
            ingest.add_track(&transport.rtc, mid, kind);
        }
        tracing::info!(%stream, session = %id, tracks = ?ingest.tracks(), "publisher accepted");
        let key = self.key();
        self.replace_source(now, stream, Source::Publisher(key));
        let common = self.common(now, id, stream, transport, ufrag, key);
        let publisher = Publisher {
            common,
            ingest,
            started: false,
            last_media: now,
            timeout: self.config.publisher_timeout,
        };
        self.add(key, Session::Publisher(Box::new(publisher)));
        Ok(answer)
    }

    /// A WHEP offer. `source` is what the stream has now, as its home shard told.
    pub fn handle_view(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: SessionId,
        source: &SourceInfo,
        offer: &str,
    ) -> Result<String, OfferError> {
        let checked = sdp::check_viewer(offer, source)?;
        self.admit()?;
        let creds = self.demux.credentials();
        let ufrag = creds.ufrag.clone();
        let mut transport = Transport::new(
            now,
            Role::Viewer,
            creds,
            &self.cert,
            &self.config.candidates,
            checked.codecs,
        );
        let (answer, media) = transport.accept(checked.offer, &mut self.outbox)?;
        let mut egress = Egress::default();
        for (mid, kind) in media {
            egress.add_track(&mut transport.rtc, mid, kind);
        }
        let home = Self::home(stream, self.config.shards) == self.config.shard;
        let route = self
            .routes
            .entry(stream)
            .or_insert_with(|| Route::new(home));
        // What the route knows is at least as new as what the caller was told.
        let source = route.info.unwrap_or(*source);
        if egress.set_source(&transport.rtc, &source).is_err() {
            self.drop_idle(stream);
            return Err(OfferError::Unprocessable(
                "it has no payload type for the stream's codec; the stream is on HLS too".into(),
            ));
        }
        let first = route.viewers.is_empty();
        if !home && first {
            route.info = Some(source);
            let message = ShardMessage::Subscribe {
                stream,
                shard: self.config.shard,
            };
            self.forward(Self::home(stream, self.config.shards), message);
        }
        let key = self.key();
        if let Some(route) = self.routes.get_mut(&stream) {
            route.viewers.push(key);
        }
        tracing::info!(%stream, session = %id, "viewer accepted");
        let common = self.common(now, id, stream, transport, ufrag, key);
        let viewer = Viewer {
            common,
            egress,
            dirty: false,
            told: Vec::new(),
        };
        self.add(key, Session::Viewer(Box::new(viewer)));
        Ok(answer)
    }

    /// Ends a session of this shard; false when there is none.
    pub fn handle_end(&mut self, now: Instant, id: SessionId) -> bool {
        let Some(&key) = self.by_id.get(&id) else {
            return false;
        };
        self.end(now, key, EndReason::Closed);
        true
    }

    /// Ends everything: the server stops.
    pub fn handle_shutdown(&mut self, now: Instant) {
        let keys: Vec<SessionKey> = self.sessions.keys().copied().collect();
        for key in keys {
            self.end(now, key, EndReason::Ended);
        }
    }

    /// A bridge source begins; it takes over from any other source of the stream.
    pub fn handle_ingest_begin(&mut self, now: Instant, stream: StreamId, id: IngestId) {
        tracing::info!(%stream, "bridge source begins");
        self.replace_source(now, stream, Source::Bridge { id, ingest: None });
    }

    /// The bridge source's tracks start (again).
    pub fn handle_ingest_start(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: IngestId,
        tracks: RtpTracks,
    ) {
        let epoch = self.epochs.next();
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let Some(Source::Bridge {
            id: current,
            ingest,
        }) = &mut route.source
        else {
            return;
        };
        if *current != id {
            return;
        }
        tracing::info!(%stream, ?tracks, "bridge source starts");
        let bridge = BridgeIngest::new(now, epoch, tracks);
        let info = SourceInfo {
            epoch: bridge.epoch(),
            tracks: bridge.tracks(),
            h264_profile: None,
        };
        *ingest = Some(bridge);
        self.set_live(now, stream, Some(info));
    }

    /// One packet of a bridge source. `flush`: nothing more waits right now. `gap`: packets before
    /// it were dropped on the way.
    pub fn handle_ingest_packet(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: IngestId,
        packet: &RtpPacket,
        flush: bool,
        gap: bool,
    ) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let Some(Source::Bridge {
            id: current,
            ingest: Some(ingest),
        }) = &mut route.source
        else {
            return;
        };
        if *current != id {
            return;
        }
        match ingest.packet(now, packet) {
            Some(media) => {
                self.counters.packets_in += 1;
                self.counters.bytes_in += media.payload.len() as u64;
                self.distribute(now, stream, media, flush, gap);
            }
            None => self.counters.datagrams_dropped += 1,
        }
    }

    /// A bridge source is over.
    pub fn handle_ingest_end(&mut self, now: Instant, stream: StreamId, id: IngestId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if matches!(&route.source, Some(Source::Bridge { id: current, .. }) if *current == id) {
            tracing::info!(%stream, "bridge source ended");
            route.source = None;
            self.set_live(now, stream, None);
            self.drop_idle(stream);
        }
    }

    /// Starts or stops giving out the packets of the stream's WebRTC publisher.
    pub fn handle_tap(&mut self, stream: StreamId, on: bool) {
        let route = self
            .routes
            .entry(stream)
            .or_insert_with(|| Route::new(true));
        match (on, &route.tap) {
            (true, None) => route.tap = Some(TapOrder::default()),
            (false, Some(_)) => route.tap = None,
            (true, Some(_)) | (false, None) => {}
        }
        self.drop_idle(stream);
    }

    /// Somebody outside the media plane (a tap) needs a keyframe.
    pub fn handle_keyframe_request(&mut self, now: Instant, stream: StreamId) {
        self.request_keyframe(now, stream);
    }

    /// A datagram from this shard's socket. `destination` is the local address it was sent to.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) {
        if datagram.len() > MAX_DATAGRAM {
            self.counters.datagrams_dropped += 1;
            return;
        }
        match self.demux.owner(source, datagram) {
            Owner::Here { key, proven } => {
                self.receive(now, key, proven, source, destination, datagram);
            }
            Owner::Shard(shard) => {
                let message = ShardMessage::Datagram {
                    from: self.config.shard,
                    source,
                    destination,
                    contents: datagram.to_vec(),
                };
                self.forward(shard, message);
            }
            Owner::Nobody => self.counters.datagrams_dropped += 1,
        }
    }

    /// Something from another shard.
    pub fn handle_message(&mut self, now: Instant, message: ShardMessage) {
        match message {
            ShardMessage::Subscribe { stream, shard } => {
                let route = self
                    .routes
                    .entry(stream)
                    .or_insert_with(|| Route::new(true));
                if !route.subscribers.contains(&shard) {
                    route.subscribers.push(shard);
                }
                let info = route.info;
                self.forward(shard, ShardMessage::Source { stream, info });
            }
            ShardMessage::Unsubscribe { stream, shard } => {
                if let Some(route) = self.routes.get_mut(&stream) {
                    route.subscribers.retain(|s| *s != shard);
                    self.drop_idle(stream);
                }
            }
            ShardMessage::Source { stream, info } => self.update_viewers(now, stream, info),
            ShardMessage::Media {
                stream,
                packet,
                flush,
                gap,
            } => {
                self.deliver(now, stream, &packet, flush, gap);
            }
            ShardMessage::KeyframeRequest { stream } => self.request_keyframe(now, stream),
            ShardMessage::Datagram {
                from,
                source,
                destination,
                contents,
            } => match self.demux.owner(source, &contents) {
                Owner::Here { key, proven } => {
                    let accepted = self.receive(now, key, proven, source, destination, &contents);
                    if accepted && !proven {
                        let shard = self.config.shard;
                        self.forward(
                            from,
                            ShardMessage::Address {
                                address: source,
                                shard,
                            },
                        );
                    }
                }
                Owner::Shard(_) | Owner::Nobody => self.counters.datagrams_dropped += 1,
            },
            ShardMessage::Address { address, shard } => self.demux.prove_foreign(address, shard),
        }
    }

    /// Lets time pass: timers, and what was gathered long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Session(key) => self.session_timer(now, at, key),
                Timer::Route(stream) => self.route_timer(now, at, stream),
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// The next thing for the shell to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next datagrams to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop()
    }

    /// The kernel takes no more than this many datagrams per send after all.
    pub fn set_max_gso_segments(&mut self, segments: usize) {
        self.outbox.set_max_segments(segments);
    }

    /// Counters of this shard. `sends` and queue overflows are the shell's to add.
    pub fn stats(&self) -> SfuStats {
        SfuStats {
            packets_out: self.outbox.packets,
            bytes_out: self.outbox.bytes,
            ..self.counters
        }
    }

    // Sessions.

    fn admit(&self) -> Result<(), OfferError> {
        if self.connecting >= MAX_CONNECTING {
            return Err(OfferError::Unavailable("too many sessions are connecting"));
        }
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(OfferError::Unavailable("too many sessions"));
        }
        Ok(())
    }

    fn key(&mut self) -> SessionKey {
        self.next_key += 1;
        SessionKey(self.next_key)
    }

    fn common(
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
        }
    }

    fn add(&mut self, key: SessionKey, session: Session) {
        self.connecting += 1;
        self.sessions.insert(key, session);
        self.arm_session(key);
    }

    fn receive(
        &mut self,
        now: Instant,
        key: SessionKey,
        proven: bool,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let destination = self.candidate_for(destination);
        let Some(session) = self.sessions.get_mut(&key) else {
            return false;
        };
        let stun = datagram.first().is_some_and(|byte| *byte < 2);
        let common = session.common_mut();
        // A check is what keeps a session alive, so it must be authentic each time.
        if !common
            .transport
            .receive(now, source, destination, datagram, stun)
        {
            self.counters.datagrams_dropped += 1;
            return false;
        }
        if stun {
            common.alive = now;
            if !proven {
                self.demux.prove(source, key);
            }
        }
        self.pump(now, key);
        true
    }

    /// The candidate that a local address stands for: behind NAT the two differ.
    fn candidate_for(&self, local: SocketAddr) -> SocketAddr {
        let candidates = &self.config.candidates;
        if candidates.contains(&local) {
            return local;
        }
        let family = candidates.iter().find(|c| c.is_ipv4() == local.is_ipv4());
        family.or(candidates.first()).copied().unwrap_or(local)
    }

    /// Drains a session and acts on what it says.
    fn pump(&mut self, now: Instant, key: SessionKey) {
        let mut events = Vec::new();
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let alive = session
            .common_mut()
            .transport
            .drain(&mut self.outbox, &mut events);
        if let Session::Viewer(viewer) = session {
            viewer.dirty = false;
        }
        for event in events {
            self.session_event(now, key, event);
        }
        if alive.is_err() {
            self.end(now, key, EndReason::Closed);
        }
        self.arm_session(key);
    }

    fn session_event(&mut self, now: Instant, key: SessionKey, event: RtcEvent) {
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
                let before = publisher.ingest.epoch();
                let media = publisher.ingest.packet(now, rtc, packet, &mut self.epochs);
                let Some(media) = media else { return };
                let epoch = publisher.ingest.epoch();
                let tracks = publisher.ingest.tracks();
                let session = publisher.common.id;
                if !publisher.started {
                    publisher.started = true;
                    let event = SfuEvent::PublisherStarted {
                        stream,
                        session,
                        tracks,
                    };
                    self.outputs.push_back(Output::Event(event));
                    self.set_live(
                        now,
                        stream,
                        Some(SourceInfo {
                            epoch,
                            tracks,
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
            RtcEvent::IceConnectionStateChange(IceConnectionState::Disconnected)
                if session.common().connected =>
            {
                self.end(now, key, EndReason::TimedOut);
            }
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
            // The rest says nothing that this media plane acts on; a close shows in the drain.
            _ => {}
        }
    }

    fn connected(&mut self, now: Instant, key: SessionKey) {
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

    fn end(&mut self, now: Instant, key: SessionKey, reason: EndReason) {
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
        self.demux.remove(&common.ufrag, key);
        self.by_id.remove(&id);
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

    // Sources and routes.

    /// A new source for a stream: the one before ends.
    fn replace_source(&mut self, now: Instant, stream: StreamId, source: Source) {
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

    /// The home shard learns that the stream's source started, changed or ended.
    fn set_live(&mut self, now: Instant, stream: StreamId, info: Option<SourceInfo>) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if route.info == info {
            return;
        }
        match (route.info, info) {
            (None, Some(_)) => self.counters.streams += 1,
            (Some(_), None) => self.counters.streams -= 1,
            (Some(_), Some(_)) | (None, None) => {}
        }
        let new_run = route.info.map(|i| i.epoch) != info.map(|i| i.epoch);
        if new_run {
            route.throttle.reset();
        }
        for shard in route.subscribers.clone() {
            self.forward(shard, ShardMessage::Source { stream, info });
        }
        self.outputs.push_back(Output::Live { stream, info });
        self.update_viewers(now, stream, info);
        let watched = self
            .routes
            .get(&stream)
            .is_some_and(|r| !r.viewers.is_empty() || !r.subscribers.is_empty());
        if new_run && info.is_some() && watched {
            self.request_keyframe(now, stream);
        }
    }

    /// Viewers of this shard learn of the source. Who cannot take its codec ends, and comes again.
    fn update_viewers(&mut self, now: Instant, stream: StreamId, info: Option<SourceInfo>) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        route.info = info;
        let Some(info) = info else { return };
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
    fn distribute(
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
        if let (Some(profile), Some(info)) = (packet.h264_profile, route.info)
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
    fn deliver(
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
    fn flush(&mut self, now: Instant, stream: StreamId) {
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

    fn request_keyframe(&mut self, now: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if route.throttle.request(now) {
            self.send_keyframe_request(now, stream);
        }
        self.arm_route(stream);
    }

    fn send_keyframe_request(&mut self, now: Instant, stream: StreamId) {
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

    fn drop_idle(&mut self, stream: StreamId) {
        if self.routes.get(&stream).is_some_and(Route::is_idle) {
            self.routes.remove(&stream);
        }
    }

    fn forward(&mut self, shard: u16, message: ShardMessage) {
        self.outputs.push_back(Output::Forward { shard, message });
    }

    // Timers. Each entity has at most one live entry; entries that are no longer its own are passed over.

    fn arm_session(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let at = session.deadline();
        let common = session.common_mut();
        if common.armed.is_none_or(|armed| at < armed) {
            common.armed = Some(at);
            self.timers.push(Reverse((at, Timer::Session(key))));
        }
    }

    fn arm_route(&mut self, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let Some(at) = route.deadline() else { return };
        if route.armed.is_none_or(|armed| at < armed) {
            route.armed = Some(at);
            self.timers.push(Reverse((at, Timer::Route(stream))));
        }
    }

    fn session_timer(&mut self, now: Instant, at: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if session.common().armed != Some(at) {
            return;
        }
        session.common_mut().armed = None;
        let (expiry, reason) = session.expiry();
        if now >= expiry {
            self.end(now, key, reason);
            return;
        }
        if now >= session.common().transport.deadline {
            session.common_mut().transport.advance(now);
            self.pump(now, key);
        }
        self.arm_session(key);
    }

    fn route_timer(&mut self, now: Instant, at: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if route.armed != Some(at) {
            return;
        }
        route.armed = None;
        let flush = route.flush_at.is_some_and(|flush_at| now >= flush_at);
        let ask = route.throttle.due(now);
        if flush {
            self.flush(now, stream);
        }
        if ask {
            self.send_keyframe_request(now, stream);
        }
        self.arm_route(stream);
    }
}
