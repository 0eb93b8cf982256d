//! The handle by which the rest of the server speaks to the media plane.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use mio::{Poll, Waker};
use tokio::sync::{mpsc, oneshot, watch};
use weir_media::{Kind, RtpLayer, RtpPacket, RtpTracks};
use weir_sfu_core::{IngestId, Shard, ShardConfig, Wallclock};

use crate::{
    DataEvent, IceAnswer, IceParameters, IceRestartError, LayerChoice, OfferError, SendDataError,
    Session, SessionId, SfuConfig, SfuEvent, SfuStats, StreamId, StreamStats, ViewerStats,
    discovery::Discovery,
    inbox::{Inbound, Mailbox, Refused, inbox},
    relay::{RelayIn, RelayOut},
    rooms::{DATA_CAPACITY, Rooms},
    shared::Shared,
    socket::{self, MediaSocket},
    tcp::{Acceptor, AcceptorHandle},
    worker::{WAKER, Worker, WorkerParts},
};

/// Events that wait for the receiver. More wait inside the shards, in order; none is lost.
const EVENT_CAPACITY: usize = 1_024;

/// Packets that wait for a slow tap: 5 s of 2.5 Mbit/s. Beyond, video is dropped to its next
/// keyframe, and counted.
const TAP_CAPACITY: usize = 2_048;

/// Most threads.
const MAX_SHARDS: usize = 256;

/// Why a shard did not answer.
enum Mute {
    Stopping,
    Busy,
}

impl Mute {
    fn reason(&self) -> &'static str {
        match self {
            Self::Stopping => "it is stopping",
            Self::Busy => "it is overloaded",
        }
    }
}

impl From<Mute> for OfferError {
    fn from(mute: Mute) -> Self {
        Self::Unavailable(mute.reason())
    }
}

impl From<Mute> for IceRestartError {
    fn from(mute: Mute) -> Self {
        Self::Unavailable(mute.reason())
    }
}

impl From<Mute> for SendDataError {
    fn from(mute: Mute) -> Self {
        match mute {
            Mute::Stopping => Self::NoSession,
            Mute::Busy => Self::Full,
        }
    }
}

/// The media plane. Cheap to clone; all clones are the same one. It stops by
/// [`shutdown`](Self::shutdown), or when the last clone is dropped.
#[derive(Clone)]
pub struct Sfu {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    mailboxes: Vec<Mailbox>,
    shared: Arc<Shared>,
    next_viewer: AtomicUsize,
    next_ingest: AtomicU64,
    threads: Mutex<Vec<JoinHandle<()>>>,
    acceptor: Mutex<Option<AcceptorHandle>>,
    data: Mutex<Option<mpsc::Receiver<DataEvent>>>,
}

impl Sfu {
    /// Binds the port and starts the shards.
    ///
    /// # Errors
    /// When the address cannot be bound (in use for UDP or TCP, not of this machine) or a thread
    /// cannot start.
    pub fn start(config: SfuConfig) -> io::Result<(Self, mpsc::Receiver<SfuEvent>)> {
        let shards = match config.shards {
            0 => thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
        .min(MAX_SHARDS);
        let (sockets, listener) = socket::open(config.media_udp, shards, config.media_tcp)?;
        let address = sockets[0].local_addr()?;
        let candidates = socket::candidates(address, &config.advertise, &config.public);
        let tcp = match &listener {
            Some(_) => socket::tcp_candidates(&candidates, &config.more_tcp_ports),
            None => Vec::new(),
        };
        tracing::info!(?candidates, ?tcp, "addresses for answers");
        let (discovery, responses) = if config.discover.is_empty() {
            (None, None)
        } else {
            let (udp, tcp) = (candidates.clone(), tcp.clone());
            let (mut discovery, responses) =
                Discovery::new(&config.discover, &sockets[0], address, udp, tcp)?;
            discovery.set_more_tcp_ports(config.more_tcp_ports.clone());
            (Some(discovery), Some(responses))
        };
        let (data, data_receiver) = mpsc::channel(DATA_CAPACITY);
        let shared = Arc::new(Shared::new(shards));
        shared.set_addresses(&candidates);
        let (events, receiver) = mpsc::channel(EVENT_CAPACITY);
        let mut mailboxes = Vec::new();
        let mut parts = Vec::new();
        for socket in sockets {
            let poll = Poll::new()?;
            let (mailbox, inbox) = inbox(Waker::new(poll.registry(), WAKER)?);
            mailboxes.push(mailbox);
            parts.push((poll, inbox, MediaSocket::new(socket)?));
        }
        let mut threads = Vec::new();
        for (number, (poll, inbox, socket)) in (0_u16..).zip(parts) {
            let now = Instant::now();
            let mut shard = Shard::new(
                now,
                ShardConfig {
                    shard: number,
                    shards: shards as u16,
                    candidates: candidates.clone(),
                    publisher_timeout: config.publisher_timeout,
                    grace: config.grace,
                    playout_delay: playout_delay(config.playout_delay),
                    flexfec: config.flexfec,
                    wallclock: Wallclock::new(now, SystemTime::now()),
                    max_gso_segments: socket.max_segments(),
                },
            )
            .ok_or_else(|| io::Error::other("no DTLS certificate could be made"))?;
            shard.set_candidates(candidates.clone(), tcp.clone());
            let worker = Worker::new(WorkerParts {
                shard,
                number,
                poll,
                socket,
                inbox,
                peers: mailboxes.clone(),
                shared: shared.clone(),
                events: events.clone(),
                rooms: Rooms::new(data.clone(), shared.clone()),
                responses: responses.clone(),
            })?;
            let thread = thread::Builder::new().name(format!("sfu-{number}"));
            threads.push(thread.spawn(move || worker.run())?);
        }
        drop(responses);
        let acceptor = match listener {
            Some(listener) => {
                let census = shared.census.clone();
                Some(Acceptor::start(listener, census, mailboxes.clone())?)
            }
            None => None,
        };
        if let Some(discovery) = discovery {
            discovery.start(mailboxes.clone())?;
        }
        let inner = Inner {
            address,
            mailboxes,
            shared,
            next_viewer: AtomicUsize::new(0),
            next_ingest: AtomicU64::new(0),
            threads: Mutex::new(threads),
            acceptor: Mutex::new(acceptor),
            data: Mutex::new(Some(data_receiver)),
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            receiver,
        ))
    }

    /// The bound address, with port 0 resolved.
    pub fn media_addr(&self) -> SocketAddr {
        self.inner.address
    }

    /// The UDP addresses that answers name, now and as they change: public ones may be found later.
    pub fn media_addresses(&self) -> watch::Receiver<Vec<SocketAddr>> {
        self.inner.shared.addresses.subscribe()
    }

    /// The way in for datagrams from relayed addresses of a TURN server of this process.
    pub fn relay_in(&self) -> RelayIn {
        RelayIn::new(self.inner.mailboxes.clone(), self.inner.shared.clone())
    }

    /// The way out for what is sent to relayed addresses.
    pub fn relay_to(&self, out: &Arc<dyn RelayOut>) {
        for mailbox in &self.inner.mailboxes {
            if mailbox.send(Inbound::RelayTo(out.clone())).is_err() {
                tracing::error!("the media plane takes no relay: stopped or overloaded");
            }
        }
    }

    /// Takes a connection of media over TCP that somebody else has accepted, with its peer's address
    /// and what was read of it already: it goes on as if it had come to our own port, under the same
    /// limits. False when media over TCP is off, or too many such connections wait.
    pub fn take_tcp(&self, stream: std::net::TcpStream, peer: SocketAddr, read: &[u8]) -> bool {
        let acceptor = self.inner.acceptor.lock();
        let acceptor = acceptor.unwrap_or_else(PoisonError::into_inner);
        acceptor
            .as_ref()
            .is_some_and(|acceptor| acceptor.give(stream, peer, read))
    }

    /// A WHIP offer. The new publisher takes over from any other source of the stream with its first
    /// media packet.
    ///
    /// # Errors
    /// See [`OfferError`]; never [`OfferError::NotLive`].
    pub async fn publish(&self, stream: StreamId, offer: String) -> Result<Session, OfferError> {
        let shard = self.inner.home(stream);
        let id = session_id(shard);
        let ask = |reply| Inbound::Publish {
            stream,
            id,
            offer,
            reply,
        };
        let answer = self.inner.ask(shard, ask).await??;
        Ok(Session { id, answer })
    }

    /// A WHEP offer. Who cannot decode what the publisher sends gets the stream's transcode, where
    /// there is one ([`StreamId::transcoded`]).
    ///
    /// # Errors
    /// See [`OfferError`]; [`OfferError::NotLive`] when the stream has no source now.
    pub async fn view(&self, stream: StreamId, offer: String) -> Result<Session, OfferError> {
        match self.view_one(stream, offer.clone()).await {
            Err(OfferError::OtherCodec(why)) => {
                match self.view_one(stream.transcoded(), offer).await {
                    Err(OfferError::NotLive) => Err(OfferError::OtherCodec(why)),
                    answered => answered,
                }
            }
            answered => answered,
        }
    }

    async fn view_one(&self, stream: StreamId, offer: String) -> Result<Session, OfferError> {
        let Some(source) = self.inner.shared.source(stream) else {
            return Err(OfferError::NotLive);
        };
        let turn = self.inner.next_viewer.fetch_add(1, Ordering::Relaxed);
        let shard = turn % self.inner.mailboxes.len();
        let id = session_id(shard);
        let ask = |reply| Inbound::View {
            stream,
            id,
            source,
            offer,
            reply,
        };
        let answer = self.inner.ask(shard, ask).await??;
        Ok(Session { id, answer })
    }

    /// Our own offer of a stream, for a viewer whose offer does not do: WHEP's counter-offer. It may be
    /// answered for 30 s; there is no session before.
    ///
    /// # Errors
    /// [`OfferError::NotLive`] when the stream has no source now, [`OfferError::Unavailable`].
    pub async fn offer(&self, stream: StreamId) -> Result<Session, OfferError> {
        let Some(source) = self.inner.shared.source(stream) else {
            return Err(OfferError::NotLive);
        };
        let turn = self.inner.next_viewer.fetch_add(1, Ordering::Relaxed);
        let shard = turn % self.inner.mailboxes.len();
        let id = session_id(shard);
        let ask = |reply| Inbound::AskOffer {
            stream,
            id,
            source,
            reply,
        };
        let answer = self.inner.ask(shard, ask).await??;
        Ok(Session { id, answer })
    }

    /// The viewer's answer to [`offer`](Self::offer). None when no offer of that name waits for one.
    ///
    /// # Errors
    /// See [`OfferError`]; the offer may be answered again.
    pub async fn answer(
        &self,
        session: SessionId,
        answer: String,
    ) -> Option<Result<(), OfferError>> {
        let shard = shard_of(session);
        if shard >= self.inner.mailboxes.len() {
            return None;
        }
        let ask = |reply| Inbound::Answer {
            id: session,
            answer,
            reply,
        };
        let begun = self.inner.ask(shard, ask).await;
        begun.unwrap_or_else(|mute| Some(Err(mute.into())))
    }

    /// Ends a session; false when there is no such session.
    pub async fn end_session(&self, session: SessionId) -> bool {
        let shard = shard_of(session);
        if shard >= self.inner.mailboxes.len() {
            return false;
        }
        self.inner
            .ask(shard, |reply| Inbound::End { id: session, reply })
            .await
            .unwrap_or(false)
    }

    /// The client of a session restarts ICE (RFC 9725 section 4.3.3). Its media goes on where it is
    /// until the client has moved to the new parameters. Candidates of the client are not needed:
    /// ICE-lite learns its addresses from its checks, so trickled ones can be acknowledged and
    /// forgotten.
    ///
    /// # Errors
    /// See [`IceRestartError`]; the session goes on as it was.
    pub async fn restart_ice(
        &self,
        session: SessionId,
        remote: IceParameters,
    ) -> Result<IceAnswer, IceRestartError> {
        let shard = shard_of(session);
        if shard >= self.inner.mailboxes.len() {
            return Err(IceRestartError::NoSuchSession);
        }
        let ask = |reply| Inbound::IceRestart {
            id: session,
            remote,
            reply,
        };
        self.inner.ask(shard, ask).await?
    }

    /// What clients send and do on their data channels, once: the first caller gets it. Messages that
    /// came before were dropped and counted. When the queue is full, the channel whose message found
    /// it so is closed.
    pub fn data_events(&self) -> Option<mpsc::Receiver<DataEvent>> {
        let mut data = self
            .inner
            .data
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let receiver = data.take()?;
        self.inner.shared.rooms.store(true, Ordering::Relaxed);
        Some(receiver)
    }

    /// Sends a message to a client over its data channel: 1 to [`MAX_MESSAGE`](crate::MAX_MESSAGE)
    /// bytes. In order with all that one caller sends to the client.
    ///
    /// # Errors
    /// See [`SendDataError`]; [`SendDataError::Full`] when the client or the media plane does not
    /// keep up.
    pub async fn send_data(
        &self,
        session: SessionId,
        text: bool,
        bytes: Arc<[u8]>,
    ) -> Result<(), SendDataError> {
        let shard = shard_of(session);
        if shard >= self.inner.mailboxes.len() {
            return Err(SendDataError::NoSession);
        }
        let ask = |reply| Inbound::SendData {
            id: session,
            text,
            bytes,
            reply,
        };
        self.inner.ask(shard, ask).await?
    }

    /// A source that is not WebRTC: the bridge. It takes over from any other source of the stream at
    /// once, and is live from [`Ingest::start`] on. `keyframes` is told when viewers need a keyframe:
    /// of which layer ([`RtpPacket::layer`]), or of all.
    pub fn ingest(&self, stream: StreamId, keyframes: mpsc::Sender<Option<u8>>) -> Ingest {
        self.source(stream, |id, taken_over| Inbound::IngestBegin {
            stream,
            id,
            keyframes,
            taken_over,
        })
    }

    /// Layers that the bridge makes of what the stream's WebRTC publisher sends, and that join the
    /// publisher's own: viewers see a simulcast. The publisher must send a single layer; `keyframes` is
    /// told of which joined layer viewers need one.
    pub fn join(&self, stream: StreamId, keyframes: mpsc::Sender<Option<u8>>) -> Joined {
        Joined(self.source(stream, |id, taken_over| Inbound::JoinBegin {
            stream,
            id,
            keyframes,
            taken_over,
        }))
    }

    /// Which of the layers that the stream's bridge source, or what joined its publisher, announced are
    /// needed by viewers now: a bit for each, by [`RtpPacket::layer`].
    pub fn needed(&self, stream: StreamId) -> watch::Receiver<u8> {
        self.inner.shared.needed.watch(stream)
    }

    fn source(
        &self,
        stream: StreamId,
        begin: impl FnOnce(IngestId, watch::Sender<bool>) -> Inbound,
    ) -> Ingest {
        let id = IngestId(self.inner.next_ingest.fetch_add(1, Ordering::Relaxed));
        let (sender, taken_over) = watch::channel(false);
        let home = self.inner.home(stream);
        let mailbox = self.inner.mailboxes[home].clone();
        let begin = begin(id, sender);
        if mailbox.send(begin).is_err() {
            tracing::error!(%stream, "the media plane takes no source: stopped or overloaded");
        }
        Ingest {
            stream,
            id,
            mailbox,
            taken_over,
            dropping: AtomicU8::new(0),
            shared: self.inner.shared.clone(),
        }
    }

    /// The RTP of a stream's WebRTC publishers, present and future, for the bridge. Media of a bridge
    /// source does not appear here.
    pub fn tap(&self, stream: StreamId) -> Tap {
        let (sender, packets) = mpsc::channel(TAP_CAPACITY);
        let mailbox = self.inner.mailboxes[self.inner.home(stream)].clone();
        if mailbox
            .send(Inbound::Tap {
                stream,
                packets: sender,
            })
            .is_err()
        {
            tracing::error!(%stream, "the media plane takes no tap: stopped or overloaded");
        }
        Tap {
            stream,
            mailbox,
            packets,
        }
    }

    /// Ends a stream now: its source is over, and nobody waits for another.
    pub fn end_stream(&self, stream: StreamId) {
        let mailbox = &self.inner.mailboxes[self.inner.home(stream)];
        if mailbox.send(Inbound::EndStream { stream }).is_err() {
            tracing::error!(%stream, "the media plane ends no stream: stopped or overloaded");
        }
    }

    /// What a viewer wants to get of the video. False when there is no such viewer.
    pub async fn select_layer(&self, session: SessionId, choice: LayerChoice) -> bool {
        let shard = shard_of(session);
        if shard >= self.inner.mailboxes.len() {
            return false;
        }
        let ask = |reply| Inbound::Choice {
            id: session,
            choice,
            reply,
        };
        self.inner.ask(shard, ask).await.unwrap_or(false)
    }

    /// Least and most playout delay of a stream's players, from now on; none: the configured one.
    /// Up to 40.95 s in steps of 10 ms.
    pub fn set_playout_delay(&self, stream: StreamId, delay: Option<(Duration, Duration)>) {
        let delay = delay.map(playout_delay);
        for mailbox in &self.inner.mailboxes {
            if mailbox
                .send(Inbound::PlayoutDelay { stream, delay })
                .and_then(|()| {
                    let stream = stream.transcoded();
                    mailbox.send(Inbound::PlayoutDelay { stream, delay })
                })
                .is_err()
            {
                tracing::error!(%stream, "the media plane takes no playout delay: stopped or overloaded");
            }
        }
    }

    /// One viewer now; none when there is no such viewer.
    pub async fn viewer_stats(&self, session: SessionId) -> Option<ViewerStats> {
        let shard = shard_of(session);
        if shard >= self.inner.mailboxes.len() {
            return None;
        }
        let ask = |reply| Inbound::ViewerStats { id: session, reply };
        self.inner.ask(shard, ask).await.ok().flatten()
    }

    /// A stream's layers and viewers now, those of its transcode too. None when it has neither.
    pub async fn stream_stats(&self, stream: StreamId) -> Option<StreamStats> {
        let own = self.own_stats(stream.original()).await;
        let transcoded = self.own_stats(stream.transcoded()).await;
        match (own, transcoded) {
            (Some(mut own), Some(transcoded)) => {
                own.layers.extend(transcoded.layers);
                own.viewers.extend(transcoded.viewers);
                Some(own)
            }
            (own, transcoded) => own.or(transcoded),
        }
    }

    /// What a viewer of the stream can choose from, and who else does: of the stream itself, or of its
    /// transcode where the viewer gets that.
    pub async fn stats_for(&self, session: SessionId, stream: StreamId) -> Option<StreamStats> {
        let viewer = self.viewer_stats(session).await;
        let stream = match viewer {
            Some(viewer) if viewer.transcoded => stream.transcoded(),
            Some(_) | None => stream,
        };
        self.own_stats(stream).await
    }

    async fn own_stats(&self, stream: StreamId) -> Option<StreamStats> {
        let mut sum = StreamStats::default();
        for shard in 0..self.inner.mailboxes.len() {
            let ask = |reply| Inbound::StreamStats { stream, reply };
            let Ok(stats) = self.inner.ask(shard, ask).await else {
                continue;
            };
            sum.viewers.extend(stats.viewers);
            // A layer is the same at all shards but for who watches it there.
            for layer in stats.layers {
                match sum.layers.iter_mut().find(|l| l.name == layer.name) {
                    Some(known) => {
                        known.viewers += layer.viewers;
                        if shard == self.inner.home(stream) {
                            known.bitrate = layer.bitrate;
                        }
                    }
                    None => sum.layers.push(layer),
                }
            }
        }
        sum.layers
            .sort_by_key(|layer| std::cmp::Reverse((layer.height, layer.bitrate)));
        (!sum.layers.is_empty() || !sum.viewers.is_empty()).then_some(sum)
    }

    /// Whether the stream has a source with media.
    pub fn is_live(&self, stream: StreamId) -> bool {
        self.inner.shared.source(stream).is_some()
    }

    /// Returns when the stream [is live](Self::is_live).
    pub async fn sourced(&self, stream: StreamId) {
        self.inner.shared.sourced(stream).await;
    }

    /// Counters and gauges, at most 250 ms old.
    pub fn stats(&self) -> SfuStats {
        self.inner.shared.stats()
    }

    /// Closes all sessions, so that peers know at once, and joins the threads.
    pub async fn shutdown(&self) {
        for mailbox in &self.inner.mailboxes {
            let (reply, done) = oneshot::channel();
            let mut message = Inbound::Shutdown { reply: Some(reply) };
            loop {
                match mailbox.send(message) {
                    Ok(()) => {
                        // An error means that the thread had ended already.
                        let _ = done.await;
                        break;
                    }
                    Err(Refused::Gone) => break,
                    Err(Refused::Full(again)) => {
                        message = *again;
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        }
        let threads = std::mem::take(
            &mut *self
                .inner
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let acceptor = self
            .inner
            .acceptor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let join = tokio::task::spawn_blocking(move || {
            drop(acceptor);
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a shard had panicked");
                }
            }
        });
        let _ = join.await;
    }
}

impl Inner {
    fn home(&self, stream: StreamId) -> usize {
        usize::from(Shard::home(stream, self.mailboxes.len() as u16))
    }

    async fn ask<T>(
        &self,
        shard: usize,
        message: impl FnOnce(oneshot::Sender<T>) -> Inbound,
    ) -> Result<T, Mute> {
        let (reply, answer) = oneshot::channel();
        match self.mailboxes[shard].send(message(reply)) {
            Ok(()) => answer.await.map_err(|_| Mute::Stopping),
            Err(Refused::Full(_)) => Err(Mute::Busy),
            Err(Refused::Gone) => Err(Mute::Stopping),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for mailbox in &self.mailboxes {
            let _ = mailbox.send(Inbound::Shutdown { reply: None });
        }
    }
}

/// In units of 10 ms, 12 bits each, as the header extension has them.
fn playout_delay((least, most): (Duration, Duration)) -> (u16, u16) {
    let units = |delay: Duration| (delay.as_millis() / 10).min(0xfff) as u16;
    (units(least), units(most.max(least)))
}

/// A new random name whose last 16 bits are the shard, so that no table is needed to find it.
fn session_id(shard: usize) -> SessionId {
    SessionId((rand::random::<u128>() << 16) | shard as u128)
}

fn shard_of(session: SessionId) -> usize {
    (session.0 & 0xffff) as usize
}

/// The bridge's end of a source. Dropping it ends the source as one that broke off.
pub struct Ingest {
    stream: StreamId,
    id: IngestId,
    mailbox: Mailbox,
    taken_over: watch::Receiver<bool>,
    /// Video layers that are dropped to their next keyframes, a bit for each.
    dropping: AtomicU8,
    shared: Arc<Shared>,
}

impl Ingest {
    /// Tracks are known and start now; again after a worker restart or a codec change, with sequence
    /// numbers and timestamps that start anew. Viewers see one stream all along. `layers` are the
    /// video's in the order of [`RtpPacket::layer`], at most eight; none where there is but one of which
    /// nothing is known. Viewers choose by their names. A layer may have no packets until it is needed
    /// ([`Sfu::needed`]): its first is that of a keyframe, and its numbers may start anew.
    pub fn start(&self, tracks: RtpTracks, layers: &[RtpLayer]) {
        let start = Inbound::IngestStart {
            stream: self.stream,
            id: self.id,
            tracks,
            layers: layers.into(),
        };
        if self.mailbox.send(start).is_err() {
            tracing::error!(stream = %self.stream, "the media plane does not take the tracks");
        }
    }

    /// One packet; `flush` when nothing more waits right now: what was gathered then leaves at once.
    /// Never blocks: when the media plane is too far behind, video is dropped to its next keyframe.
    pub fn send(&self, packet: RtpPacket, flush: bool) {
        let video = packet.kind == Kind::Video;
        let layer = 1_u8.checked_shl(packet.layer.into()).unwrap_or(0);
        let dropping = video && self.dropping.load(Ordering::Relaxed) & layer != 0;
        if dropping && !packet.keyframe {
            self.shared.dropped_outside.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (stream, id) = (self.stream, self.id);
        let message = Inbound::IngestPacket {
            stream,
            id,
            packet,
            flush,
            gap: dropping,
        };
        let delivered = self.mailbox.send_media(message);
        if !delivered {
            self.shared.dropped_outside.fetch_add(1, Ordering::Relaxed);
        }
        if video && delivered {
            self.dropping.fetch_and(!layer, Ordering::Relaxed);
        } else if video {
            self.dropping.fetch_or(layer, Ordering::Relaxed);
        }
    }

    /// The publisher is done: the stream ends now. A source that is dropped without this was
    /// interrupted, and its viewers wait for another ([`SfuConfig::grace`]).
    pub fn finish(self) {
        // The drop that follows finds nothing any more.
        let _ = self.mailbox.send(Inbound::IngestEnd {
            stream: self.stream,
            id: self.id,
            for_good: true,
        });
    }

    /// Waits until a newer source of the stream took over, or the media plane stopped: nothing that
    /// is sent after reaches anybody.
    /// The future does not hold the source.
    pub fn taken_over(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut taken_over = self.taken_over.clone();
        async move {
            // An error means that the sender is gone: the media plane stopped.
            let _ = taken_over.wait_for(|over| *over).await;
        }
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        // When the inbox is full, the shard finds out by itself.
        let _ = self.mailbox.send(Inbound::IngestEnd {
            stream: self.stream,
            id: self.id,
            for_good: false,
        });
    }
}

/// The bridge's end of layers that join those of a WebRTC publisher. Dropping it ends them: viewers go
/// back to the publisher's own.
pub struct Joined(Ingest);

impl Joined {
    /// The layers start (again), with numbers that start anew. The first stands for the publisher's own
    /// and gives it a name; no packets of it are taken.
    pub fn start(&self, layers: &[RtpLayer]) {
        // The tracks are the publisher's.
        let tracks = RtpTracks {
            video: None,
            audio: false,
        };
        self.0.start(tracks, layers);
    }

    /// One packet, on the timeline of the publisher's as they came out of the [`Tap`]; see
    /// [`Ingest::send`].
    pub fn send(&self, packet: RtpPacket, flush: bool) {
        self.0.send(packet, flush);
    }

    /// Waits until nothing that is sent reaches anybody any more: the publisher is gone, sends several
    /// layers itself, or something else joined it.
    pub fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.taken_over()
    }
}

/// Receives the RTP of a WebRTC publisher: plain 12-byte headers, in sending order, audio and video
/// on one timeline. A new SSRC means a new publisher, whose numbers start anew.
pub struct Tap {
    stream: StreamId,
    mailbox: Mailbox,
    packets: mpsc::Receiver<RtpPacket>,
}

impl Tap {
    /// The next packet; none when the SFU has stopped.
    pub async fn recv(&mut self) -> Option<RtpPacket> {
        self.packets.recv().await
    }

    /// Asks the publisher for a keyframe; merged with those of viewers.
    pub fn request_keyframe(&self) {
        // When the inbox is full there is more to worry about; the caller asks again.
        let _ = self.mailbox.send(Inbound::TapKeyframe {
            stream: self.stream,
        });
    }
}
