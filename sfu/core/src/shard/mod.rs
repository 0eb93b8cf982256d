//! One shard of the media plane as a state machine.

mod data;
mod flush;
mod ice;
mod joins;
mod message;
mod needs;
mod offers;
mod sessions;
mod sources;
mod stats;
mod timers;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{IceCreds, config::DtlsCert};
use weir_media::{RtpLayer, RtpPacket, RtpTracks};
use weir_rtp::dependency_descriptor;

use crate::{
    EndReason, OfferError, SessionId, SfuStats, StreamId,
    answer::{self, EgressMedia},
    bridge_ingest::BridgeIngest,
    demux::{Datagram, Demux, Owner, Peer},
    dtls,
    egress::{Egress, EgressStats},
    flexfec::Flexfec,
    ice::Candidates,
    id::IdMap,
    ingest::PublisherIngest,
    outbox::{Outbox, Via},
    packet::{Epochs, MediaPacket, SourceInfo},
    route::{Joined, Route, Source},
    sdp::{self, CheckedOffer, Role},
    session::{Publisher, Session, Viewer},
    tap::TapOrder,
    transport::Transport,
    wallclock::Wallclock,
    wheel::Wheel,
};

/// Sessions of one shard that have not connected. Beyond, offers are refused: half-open handshakes
/// must not fill the memory (each costs about 100 KB).
const MAX_CONNECTING: usize = 1_000;

/// Sessions of one shard. Beyond, offers are refused; far above what a core can serve.
const MAX_SESSIONS: usize = 20_000;

/// Longest datagram that is looked at, in bytes: more than any path MTU that browsers use.
const MAX_DATAGRAM: usize = 2_000;

use flush::Flush;
pub use message::{Output, ShardMessage};
use offers::Offered;

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
    /// See `SfuConfig::grace`.
    pub grace: Duration,
    /// Least and most playout delay that viewers' players are asked for, in units of 10 ms.
    pub playout_delay: (u16, u16),
    /// Forward error correction towards viewers.
    pub flexfec: Flexfec,
    /// For sender reports.
    pub wallclock: Wallclock,
    /// Most datagrams per GSO send; 1 without GSO.
    pub max_gso_segments: usize,
}

#[derive(Debug, Clone, Copy)]
enum Timer {
    Session(SessionKey),
    Route(StreamId),
    /// Something that a viewer's egress spreads over time.
    Tick(SessionKey),
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
    sessions: IdMap<SessionKey, Session>,
    by_id: HashMap<SessionId, SessionKey>,
    offered: Offered,
    routes: IdMap<StreamId, Route>,
    next_key: u64,
    epochs: Epochs,
    connecting: usize,
    timers: Wheel<Timer>,
    outbox: Outbox,
    outputs: VecDeque<Output>,
    counters: SfuStats,
    candidates: Arc<Candidates>,
    wallclock: Wallclock,
    /// Of the streams that have one of their own.
    playout_delays: IdMap<StreamId, (u16, u16)>,
    flushes: VecDeque<Flush>,
    /// Batch buffers for reuse.
    spare_batches: Vec<Arc<Vec<Arc<MediaPacket>>>>,
    /// What a viewer's feedback is opened in.
    opened: Vec<u8>,
    /// Events of the session that is drained; empty between, kept for its memory.
    scratch: Vec<str0m::Event>,
}

impl Shard {
    /// `now`: no later call has an earlier one. None when no DTLS certificate can be made.
    pub fn new(now: Instant, config: ShardConfig) -> Option<Self> {
        let cert = dtls::crypto_provider(Role::Viewer)
            .dtls_provider
            .generate_certificate()?;
        Some(Self {
            demux: Demux::new(config.shard, config.shards),
            outbox: Outbox::new(config.max_gso_segments),
            cert,
            sessions: IdMap::default(),
            by_id: HashMap::new(),
            offered: Offered::default(),
            routes: IdMap::default(),
            next_key: 0,
            epochs: Epochs::default(),
            connecting: 0,
            timers: Wheel::new(now),
            outputs: VecDeque::new(),
            counters: SfuStats::default(),
            wallclock: config.wallclock,
            playout_delays: IdMap::default(),
            flushes: VecDeque::new(),
            spare_batches: Vec::new(),
            opened: Vec::new(),
            candidates: Arc::new(Candidates {
                udp: config.candidates.clone(),
                tcp: Vec::new(),
            }),
            scratch: Vec::new(),
            config,
        })
    }

    /// The shard where a stream's source must be.
    pub fn home(stream: StreamId, shards: u16) -> u16 {
        (stream.0 % u64::from(shards.max(1))) as u16
    }

    /// A WHIP offer for a stream whose home is here. The publisher takes over from any other source
    /// with its first media packet, so that one that cannot connect throws nobody out.
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
        let descriptor_id = checked
            .extensions
            .iter()
            .find_map(|(id, ext)| (ext.as_uri() == dependency_descriptor::URI).then_some(id));
        let mut transport = Transport::new(
            now,
            Role::Publisher,
            creds,
            &self.cert,
            &self.candidates,
            checked.codecs,
            checked.extensions,
        );
        let (answer, media) = transport.accept(checked.offer, &[], &mut self.outbox)?;
        let mut ingest = PublisherIngest::new(self.epochs.next(), &checked.rids, descriptor_id);
        for (mid, kind) in media {
            ingest.add_track(&transport.rtc, mid, kind);
        }
        tracing::info!(%stream, session = %id, tracks = ?ingest.tracks(), "publisher accepted");
        let key = self.key();
        let common = self.common(now, id, stream, transport, ufrag, key);
        let publisher = Publisher {
            common,
            ingest,
            started: false,
            lost: false,
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
        let creds = self.demux.credentials();
        self.view(now, (stream, id), source, checked, creds, &[])
    }

    /// A viewer whose description was checked, under these credentials of ours. `named`: media that it
    /// knows already, by what we offered.
    fn view(
        &mut self,
        now: Instant,
        (stream, id): (StreamId, SessionId),
        source: &SourceInfo,
        checked: CheckedOffer,
        creds: IceCreds,
        named: &[EgressMedia],
    ) -> Result<String, OfferError> {
        self.admit()?;
        let ufrag = creds.ufrag.clone();
        let mut transport = Transport::new(
            now,
            Role::Viewer,
            creds,
            &self.cert,
            &self.candidates,
            checked.codecs,
            checked.extensions,
        );
        let flexfec = match self.config.flexfec {
            Flexfec::Off => &[],
            Flexfec::Auto | Flexfec::Always => checked.flexfec.as_slice(),
        };
        let (answer, media) = transport.accept(checked.offer, flexfec, &mut self.outbox)?;
        // The media is ours: str0m keeps no stream that it could report on.
        transport.forget_streams(&media);
        let home = Self::home(stream, self.config.shards) == self.config.shard;
        let delay = self.playout_delay(stream);
        let route = self
            .routes
            .entry(stream)
            .or_insert_with(|| Route::new(home));
        // What the route knows is at least as new as what the caller was told.
        let source = route.info.clone().unwrap_or_else(|| source.clone());
        let mut media = answer::egress_media(&answer);
        for media in &mut media {
            media.take_names(named);
        }
        let mut egress = Egress::new(now, media, delay, self.config.flexfec);
        if egress.set_source(&source).is_err() {
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
            connected_at: None,
            tick: None,
            counted: EgressStats::default(),
            asked: None,
        };
        self.add(key, Session::Viewer(Box::new(viewer)));
        // A layer that is made for it is there when its transport is.
        self.look_soon(now, stream);
        Ok(answer)
    }

    /// Ends a session of this shard; false when there is none.
    pub fn handle_end(&mut self, now: Instant, id: SessionId) -> bool {
        let Some(&key) = self.by_id.get(&id) else {
            return self.offered.forget(id);
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

    /// The bridge source's tracks start (again). `layers` are the video's in the order of
    /// [`RtpPacket::layer`]; none stands for a single one of which nothing is known, and those beyond
    /// the eighth are left out. Some may have no packets until they are needed ([`Output::Needed`]).
    pub fn handle_ingest_start(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: IngestId,
        tracks: RtpTracks,
        layers: &[RtpLayer],
    ) {
        if self.start_joined(now, stream, id, layers) {
            return;
        }
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
        let bridge = BridgeIngest::new(now, tracks, layers, &mut self.epochs);
        let info = bridge.info();
        tracing::info!(%stream, ?tracks, layers = ?info.layers, "bridge source starts");
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
        let ingest = match (&mut route.source, &mut route.joined) {
            (
                Some(Source::Bridge {
                    id: current,
                    ingest: Some(ingest),
                }),
                _,
            ) if *current == id => ingest,
            (
                _,
                Some(Joined {
                    id: current,
                    ingest: Some(ingest),
                }),
            ) if *current == id => ingest,
            _ => return,
        };
        match ingest.packet(now, packet, &mut self.epochs) {
            Some(media) => {
                self.counters.packets_in += 1;
                self.counters.bytes_in += media.payload.len() as u64;
                self.distribute(now, stream, media, flush, gap);
            }
            None => self.counters.datagrams_dropped += 1,
        }
    }

    /// The stream ends now, whoever its source is or was, and nobody waits for another.
    pub fn handle_stream_end(&mut self, now: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        match route.source.take() {
            Some(Source::Publisher(key)) => self.end(now, key, EndReason::Ended),
            Some(Source::Bridge { id, .. }) => {
                self.outputs
                    .push_back(Output::BridgeReplaced { ingest: id });
            }
            None => {}
        }
        self.source_ended(now, stream, true);
    }

    /// A bridge source is over. `for_good`: on purpose, so there is no time of grace.
    pub fn handle_ingest_end(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: IngestId,
        for_good: bool,
    ) {
        self.end_joined(now, stream, id);
        let source = self.routes.get(&stream).and_then(|r| r.source.as_ref());
        if matches!(source, Some(Source::Bridge { id: current, .. }) if *current == id) {
            tracing::info!(%stream, for_good, "bridge source ended");
            self.source_ended(now, stream, for_good);
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
        self.request_keyframe(now, stream, None);
    }

    /// A datagram from this shard's socket. `destination` is the local address it was sent to,
    /// `arrived` when, which may be before what was handled since.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        arrived: Instant,
        datagram: &[u8],
    ) {
        if datagram.len() > MAX_DATAGRAM {
            self.counters.datagrams_dropped += 1;
            return;
        }
        let peer = Peer {
            address: source,
            via: Via::Udp,
        };
        match self.demux.owner(peer, datagram) {
            Owner::Here { key, proven } => {
                let datagram = Datagram {
                    source: peer,
                    destination,
                    arrived,
                    contents: datagram,
                };
                self.receive(now, key, proven, datagram);
            }
            Owner::Shard(shard) => {
                let message = ShardMessage::Datagram {
                    from: self.config.shard,
                    source,
                    destination,
                    arrived,
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
                let info = route.info.clone();
                let packets = route.layers.backlog();
                self.forward(shard, ShardMessage::Source { stream, info });
                if !packets.is_empty() {
                    self.forward(shard, ShardMessage::Backlog { stream, packets });
                }
            }
            ShardMessage::Backlog { stream, packets } => self.restore(now, stream, &packets),
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
                self.deliver(now, stream, packet, flush, gap);
            }
            ShardMessage::KeyframeRequest { stream, layer } => {
                self.request_keyframe(now, stream, layer);
            }
            ShardMessage::Datagram {
                from,
                source,
                destination,
                arrived,
                contents,
            } => {
                let peer = Peer {
                    address: source,
                    via: Via::Udp,
                };
                match self.demux.owner(peer, &contents) {
                    Owner::Here { key, proven } => {
                        let datagram = Datagram {
                            source: peer,
                            destination,
                            arrived,
                            contents: &contents,
                        };
                        let accepted = self.receive(now, key, proven, datagram);
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
                }
            }
            ShardMessage::Address { address, shard } => self.demux.prove_foreign(address, shard),
        }
    }

    /// Lets time pass: timers, and what was gathered long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, timer)) = self.timers.pop(now) {
            match timer {
                Timer::Session(key) => self.session_timer(now, at, key),
                Timer::Route(stream) => self.route_timer(now, at, stream),
                Timer::Tick(key) => self.tick_timer(now, at, key),
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The next thing for the shell to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The kernel takes no more than this many datagrams per send after all.
    pub fn set_max_gso_segments(&mut self, segments: usize) {
        self.outbox.set_max_segments(segments);
    }

    /// Wall clock time for sender reports, when it has drifted from what was said before.
    pub fn set_wallclock(&mut self, wallclock: Wallclock) {
        self.wallclock = wallclock;
    }
}
