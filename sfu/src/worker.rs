//! The thread of one shard: sockets and clock around [`Shard`].

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use mio::{Events, Interest, Poll, Token};
use tokio::sync::{mpsc, oneshot, watch};
use weir_media::{Kind, RtpPacket};
use weir_sfu_core::{
    IngestId, Output, SfuEvent, SfuStats, Shard, ShardMessage, StreamId, Transmit, Via, Wallclock,
};

use crate::{
    discovery::Responses,
    inbox::{Inbound, Inbox, Mailbox, Refused},
    relay::{self, RelayOut},
    rooms::{Overflow, Rooms},
    shared::Shared,
    socket::{MediaSocket, Sent},
    tcp::Connections,
};

/// The socket's token; the waker has the other.
const SOCKET: Token = Token(0);
/// The waker's token.
pub(crate) const WAKER: Token = Token(1);

/// The first token of TCP connections.
const CONNECTIONS: usize = 2;

/// Messages taken in one turn, so that the socket has its turn too.
const MESSAGES_PER_TURN: usize = 1_024;

/// Receive batches taken in one turn, so that the inbox has its turn too.
const RECEIVES_PER_TURN: usize = 16;

/// How often statistics are published and what was abandoned is looked for.
const HOUSEKEEPING: Duration = Duration::from_millis(250);

/// How often sender reports' wall clock is set anew, and by how much it may be wrong before it is:
/// players take a step for a change of the delay.
const CLOCK_INTERVAL: Duration = Duration::from_secs(30);

/// A shard whose socket woke it more often than this in a second reads it by time instead, so that
/// feedback of a thousand viewers is read in batches; it goes back below a quarter of that.
const BUSY_READS: u32 = 1_500;

/// How often a busy socket is read. Bounds the delay that this costs a publisher's packet.
const READ_INTERVAL: Duration = Duration::from_millis(1);

/// How soon what found a full queue is tried again.
const RETRY: Duration = Duration::from_millis(10);

pub(crate) struct Worker {
    shard: Shard,
    number: u16,
    poll: Poll,
    socket: MediaSocket,
    inbox: Inbox,
    /// All shards' mailboxes, this one's too.
    peers: Vec<Mailbox>,
    shared: Arc<Shared>,
    events: mpsc::Sender<SfuEvent>,
    /// Events that found the receiver's queue full. At most two per session ever wait here.
    events_waiting: VecDeque<SfuEvent>,
    /// Control for other shards that found their inbox full, in order. Media is never kept.
    control_waiting: Vec<VecDeque<ShardMessage>>,
    /// Streams whose video is being dropped toward a shard until its next keyframe.
    dropping: HashSet<(u16, StreamId)>,
    connections: Connections,
    /// Who takes what is for relayed addresses.
    relay: Option<Arc<dyn RelayOut>>,
    rooms: Rooms,
    responses: Option<Responses>,
    bridges: HashMap<IngestId, Bridge>,
    taps: HashMap<StreamId, Vec<TapEnd>>,
    /// What found the socket full. Until it leaves nothing more is taken from the shard, which writes
    /// datagrams only when it is asked for them.
    unsent: Option<Transmit>,
    sends: u64,
    overflow_drops: u64,
    readable: bool,
    /// The socket is read by time: when next.
    read_at: Option<Instant>,
    /// Reads since the last housekeeping that found something.
    reads: u32,
    housekeeping: Instant,
    clock_set: Instant,
    stopping: bool,
}

struct Bridge {
    stream: StreamId,
    keyframes: mpsc::Sender<Option<u8>>,
    taken_over: watch::Sender<bool>,
}

struct TapEnd {
    packets: mpsc::Sender<RtpPacket>,
    dropping: bool,
}

pub(crate) struct WorkerParts {
    pub(crate) shard: Shard,
    pub(crate) number: u16,
    pub(crate) poll: Poll,
    pub(crate) socket: MediaSocket,
    pub(crate) inbox: Inbox,
    pub(crate) peers: Vec<Mailbox>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: mpsc::Sender<SfuEvent>,
    pub(crate) rooms: Rooms,
    pub(crate) responses: Option<Responses>,
}

impl Worker {
    pub(crate) fn new(parts: WorkerParts) -> io::Result<Self> {
        let WorkerParts {
            shard,
            number,
            poll,
            mut socket,
            inbox,
            peers,
            shared,
            events,
            rooms,
            responses,
        } = parts;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut socket.io, SOCKET, interest)?;
        Ok(Self {
            shard,
            number,
            poll,
            socket,
            inbox,
            control_waiting: peers.iter().map(|_| VecDeque::new()).collect(),
            peers,
            shared,
            events,
            events_waiting: VecDeque::new(),
            dropping: HashSet::new(),
            connections: Connections::new(CONNECTIONS),
            relay: None,
            rooms,
            responses,
            bridges: HashMap::new(),
            taps: HashMap::new(),
            unsent: None,
            sends: 0,
            overflow_drops: 0,
            readable: true,
            read_at: None,
            reads: 0,
            housekeeping: Instant::now(),
            clock_set: Instant::now(),
            stopping: false,
        })
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut replies = Vec::new();
        while !self.stopping {
            let wait = self.wait(Instant::now());
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "polling failed; the shard stops");
                    return;
                }
            }
            for event in &events {
                match event.token() {
                    SOCKET => self.readable |= event.is_readable(),
                    WAKER => {}
                    token => {
                        if event.is_readable() || event.is_error() || event.is_read_closed() {
                            self.connections.readable(token);
                        }
                        if event.is_writable() {
                            self.connections.writable(token, &mut self.shard);
                        }
                    }
                }
            }
            self.inbox.awake();
            self.take_messages(&mut replies);
            self.receive();
            self.connections.receive(Instant::now(), &mut self.shard);
            self.shard.handle_timeout(Instant::now());
            self.carry_out();
            self.send();
            // Writing to viewers may have found that keyframes are needed.
            self.carry_out();
            self.keep_house();
            // Whoever was answered may act at once: what the answer stands for is done.
            for reply in replies.drain(..) {
                reply();
            }
        }
        self.shared.set_stats(self.number, SfuStats::default());
    }

    fn wait(&self, now: Instant) -> Duration {
        if self.readable || self.connections.is_ready() || !self.inbox.queue.is_empty() {
            return Duration::ZERO;
        }
        let mut until = self.housekeeping;
        if let Some(read_at) = self.read_at {
            until = until.min(read_at);
        }
        if let Some(timer) = self.shard.poll_timeout() {
            until = until.min(timer);
        }
        let waiting = !self.events_waiting.is_empty()
            || self.rooms.is_behind()
            || self.control_waiting.iter().any(|queue| !queue.is_empty());
        if waiting {
            until = until.min(now + RETRY);
        }
        until.saturating_duration_since(now)
    }

    fn take_messages(&mut self, replies: &mut Vec<Box<dyn FnOnce() + Send>>) {
        let now = Instant::now();
        for _ in 0..MESSAGES_PER_TURN {
            let Ok(message) = self.inbox.queue.try_recv() else {
                return;
            };
            match message {
                Inbound::Shard(message) => self.shard.handle_message(now, message),
                Inbound::Publish {
                    stream,
                    id,
                    offer,
                    reply,
                } => {
                    let answer = self.shard.handle_publish(now, stream, id, &offer);
                    replies.push(answer_later(reply, answer));
                }
                Inbound::View {
                    stream,
                    id,
                    source,
                    offer,
                    reply,
                } => {
                    let answer = self.shard.handle_view(now, stream, id, &source, &offer);
                    replies.push(answer_later(reply, answer));
                }
                Inbound::AskOffer {
                    stream,
                    id,
                    source,
                    reply,
                } => {
                    let offer = self.shard.handle_ask_offer(now, stream, id, &source);
                    replies.push(answer_later(reply, offer));
                }
                Inbound::Answer { id, answer, reply } => {
                    let begun = self.shard.handle_answer(now, id, &answer);
                    replies.push(answer_later(reply, begun));
                }
                Inbound::End { id, reply } => {
                    let found = self.shard.handle_end(now, id);
                    replies.push(answer_later(reply, found));
                }
                Inbound::IceRestart { id, remote, reply } => {
                    let answer = self.shard.handle_ice_restart(id, &remote);
                    replies.push(answer_later(reply, answer));
                }
                Inbound::SendData {
                    id,
                    text,
                    bytes,
                    reply,
                } => {
                    let sent = self.shard.handle_send_data(now, id, text, &bytes);
                    replies.push(answer_later(reply, sent));
                }
                Inbound::Tcp(accepted) => {
                    let registry = self.poll.registry();
                    self.connections
                        .add(now, registry, &mut self.shard, *accepted);
                }
                Inbound::Relayed {
                    relayed,
                    media,
                    arrived,
                    contents,
                } => {
                    let shard = &mut self.shard;
                    shard.handle_packet(now, Via::Relay, relayed, media, arrived, &contents);
                }
                Inbound::RelayedClosed { relayed } => {
                    self.shard.handle_closed(Via::Relay, relayed);
                }
                Inbound::RelayTo(out) => self.relay = Some(out),
                Inbound::Candidates { udp, tcp } => {
                    self.shared.set_addresses(&udp);
                    self.shard.set_candidates(udp, tcp);
                }
                Inbound::IngestBegin {
                    stream,
                    id,
                    keyframes,
                    taken_over,
                } => {
                    self.bridges.insert(
                        id,
                        Bridge {
                            stream,
                            keyframes,
                            taken_over,
                        },
                    );
                    self.shard.handle_ingest_begin(now, stream, id);
                }
                Inbound::JoinBegin {
                    stream,
                    id,
                    keyframes,
                    taken_over,
                } => {
                    let bridge = Bridge {
                        stream,
                        keyframes,
                        taken_over,
                    };
                    self.bridges.insert(id, bridge);
                    self.shard.handle_join_begin(stream, id);
                }
                Inbound::IngestStart {
                    stream,
                    id,
                    tracks,
                    layers,
                } => {
                    self.shard
                        .handle_ingest_start(now, stream, id, tracks, &layers);
                }
                Inbound::IngestPacket {
                    stream,
                    id,
                    packet,
                    flush,
                    gap,
                } => {
                    self.shard
                        .handle_ingest_packet(now, stream, id, &packet, flush, gap);
                }
                Inbound::IngestEnd {
                    stream,
                    id,
                    for_good,
                } => {
                    self.bridges.remove(&id);
                    self.shard.handle_ingest_end(now, stream, id, for_good);
                }
                Inbound::EndStream { stream } => self.shard.handle_stream_end(now, stream),
                Inbound::Choice { id, choice, reply } => {
                    let found = self.shard.handle_choice(now, id, choice);
                    replies.push(answer_later(reply, found));
                }
                Inbound::PlayoutDelay { stream, delay } => {
                    self.shard.handle_playout_delay(stream, delay);
                }
                Inbound::ViewerStats { id, reply } => {
                    let stats = self.shard.handle_viewer_stats(now, id);
                    replies.push(answer_later(reply, stats));
                }
                Inbound::StreamStats { stream, reply } => {
                    let stats = self.shard.handle_stream_stats(now, stream);
                    replies.push(answer_later(reply, stats));
                }
                Inbound::Tap { stream, packets } => {
                    let ends = self.taps.entry(stream).or_default();
                    ends.push(TapEnd {
                        packets,
                        dropping: false,
                    });
                    self.shard.handle_tap(stream, true);
                    self.shard.handle_keyframe_request(now, stream);
                }
                Inbound::TapKeyframe { stream } => self.shard.handle_keyframe_request(now, stream),
                Inbound::Shutdown { reply } => {
                    self.stopping = true;
                    self.shard.handle_shutdown(now);
                    if let Some(reply) = reply {
                        replies.push(answer_later(reply, ()));
                    }
                    return;
                }
            }
        }
    }

    fn receive(&mut self) {
        if let Some(read_at) = self.read_at {
            let now = Instant::now();
            self.readable = now >= read_at;
            if self.readable {
                self.read_at = Some(now + READ_INTERVAL);
            }
        }
        for _ in 0..RECEIVES_PER_TURN {
            if !self.readable {
                return;
            }
            let now = Instant::now();
            let shard = &mut self.shard;
            let responses = self.responses.as_ref();
            let received = self.socket.receive(|source, local, arrived, datagram| {
                if responses.is_none_or(|responses| !responses.take(source, datagram)) {
                    shard.handle_datagram(now, source, local, arrived, datagram);
                }
            });
            match received {
                Ok(full) => {
                    self.reads += 1;
                    // Read by time, the socket need not be found empty.
                    self.readable = full || self.read_at.is_none();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) => {
                    tracing::debug!(%error, "receive failed");
                    return;
                }
            }
        }
    }

    /// Whether the socket wakes this thread or is read by time.
    fn choose_reading(&mut self) {
        let reads = std::mem::take(&mut self.reads) * (1_000 / HOUSEKEEPING.as_millis() as u32);
        let interest = match self.read_at {
            None if reads > BUSY_READS => {
                self.read_at = Some(Instant::now());
                Interest::WRITABLE
            }
            // By time there are a thousand reads a second at most, found empty or not.
            Some(_) if reads < BUSY_READS / 4 => {
                self.read_at = None;
                self.readable = true;
                Interest::READABLE | Interest::WRITABLE
            }
            None | Some(_) => return,
        };
        let registry = self.poll.registry();
        if let Err(error) = registry.reregister(&mut self.socket.io, SOCKET, interest) {
            tracing::error!(%error, "the socket's readiness cannot be watched");
        }
    }

    /// Does what the shard asks for.
    fn carry_out(&mut self) {
        for peer in 0..self.control_waiting.len() {
            while let Some(message) = self.control_waiting[peer].pop_front() {
                if let Err(message) = self.send_control(peer, message) {
                    self.control_waiting[peer].push_front(message);
                    break;
                }
            }
        }
        while let Some(output) = self.shard.poll_output() {
            match output {
                Output::Event(event) => self.events_waiting.push_back(event),
                Output::Data(event) => {
                    if let Err(Overflow(session)) = self.rooms.take(event) {
                        tracing::warn!(%session, "the rooms do not keep up; a channel is closed");
                        self.shard.handle_close_data(Instant::now(), session);
                    }
                }
                Output::CloseTcp { peer } => self.connections.finish(Instant::now(), peer),
                Output::Live { stream, info } => {
                    let is_over = info.is_none() && !stream.is_transcoded();
                    self.shared.set_source(stream, info);
                    if is_over {
                        self.end_transcode(stream.transcoded());
                    }
                }
                Output::Forward { shard, message } => self.forward(shard, message),
                Output::BridgeKeyframe { ingest, layer } => {
                    if let Some(bridge) = self.bridges.get(&ingest) {
                        // A full queue means that many were asked for just now; whoever misses
                        // the keyframe asks again.
                        let _ = bridge.keyframes.try_send(layer.map(|layer| layer.0));
                    }
                }
                Output::BridgeReplaced { ingest } => {
                    if let Some(bridge) = self.bridges.remove(&ingest) {
                        bridge.taken_over.send_replace(true);
                    }
                }
                Output::Needed { stream, layers } => {
                    self.shared.needed.set(stream, self.number, layers);
                }
                Output::Tap { stream, packet } => self.tap(stream, packet),
            }
        }
        self.rooms.retry();
        while let Some(event) = self.events_waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.events_waiting.push_front(event);
                    break;
                }
                // Nobody listens any more.
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
    }

    /// What was made of a stream does not outlive it.
    fn end_transcode(&mut self, stream: StreamId) {
        if self.shared.source(stream).is_none() {
            return;
        }
        let home = Shard::home(stream, self.peers.len() as u16);
        if self.peers[usize::from(home)]
            .send(Inbound::EndStream { stream })
            .is_err()
        {
            tracing::error!(%stream, "a transcode outlives its stream: a shard is overloaded");
        }
    }

    fn forward(&mut self, shard: u16, message: ShardMessage) {
        let peer = usize::from(shard);
        if peer >= self.peers.len() {
            return;
        }
        match message {
            ShardMessage::Media {
                stream,
                packet,
                flush,
                gap,
            } => {
                let video = packet.kind == Kind::Video;
                let dropping = video && self.dropping.contains(&(shard, stream));
                if dropping && !packet.keyframe_start {
                    self.overflow_drops += 1;
                    return;
                }
                let gap = gap || dropping;
                let message = ShardMessage::Media {
                    stream,
                    packet,
                    flush,
                    gap,
                };
                let delivered = self.control_waiting[peer].is_empty()
                    && self.peers[peer].send_media(Inbound::Shard(message));
                if delivered && dropping {
                    self.dropping.remove(&(shard, stream));
                } else if !delivered {
                    self.overflow_drops += 1;
                    if video {
                        self.dropping.insert((shard, stream));
                    }
                }
            }
            message @ ShardMessage::Datagram { .. } => {
                if !self.peers[peer].send_media(Inbound::Shard(message)) {
                    self.overflow_drops += 1;
                }
            }
            message @ (ShardMessage::Subscribe { .. }
            | ShardMessage::Unsubscribe { .. }
            | ShardMessage::Source { .. }
            | ShardMessage::Backlog { .. }
            | ShardMessage::KeyframeRequest { .. }
            | ShardMessage::Address { .. }) => {
                if !self.control_waiting[peer].is_empty() {
                    self.control_waiting[peer].push_back(message);
                } else if let Err(message) = self.send_control(peer, message) {
                    self.control_waiting[peer].push_back(message);
                }
            }
        }
    }

    fn send_control(&self, peer: usize, message: ShardMessage) -> Result<(), ShardMessage> {
        match self.peers[peer].send(Inbound::Shard(message)) {
            Ok(()) | Err(Refused::Gone) => Ok(()),
            Err(Refused::Full(message)) => match *message {
                Inbound::Shard(message) => Err(message),
                _ => Ok(()),
            },
        }
    }

    fn tap(&mut self, stream: StreamId, packet: RtpPacket) {
        let Some(ends) = self.taps.get_mut(&stream) else {
            return;
        };
        for end in ends {
            let video = packet.kind == Kind::Video;
            if video && end.dropping && !packet.keyframe {
                self.overflow_drops += 1;
                continue;
            }
            match end.packets.try_send(packet.clone()) {
                Ok(()) => end.dropping &= !video,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.overflow_drops += 1;
                    end.dropping |= video;
                }
                // Removed at the next housekeeping.
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
    }

    fn send(&mut self) {
        loop {
            let next = self.unsent.take();
            let Some(transmit) = next.or_else(|| self.shard.poll_transmit(Instant::now())) else {
                break;
            };
            let sent = match transmit.path.via {
                Via::Udp => self.socket.send(&transmit),
                Via::Tcp => self.connections.send(&transmit, &mut self.shard),
                Via::Relay => relay::send(self.relay.as_deref(), &transmit),
            };
            match sent {
                Sent::Done(sends) => self.sends += sends,
                Sent::Full if transmit.path.via == Via::Udp => {
                    self.unsent = Some(transmit);
                    break;
                }
                Sent::Full | Sent::Refused => self.overflow_drops += transmit.segments() as u64,
            }
            self.shard.recycle(transmit);
        }
        self.shard.set_max_gso_segments(self.socket.max_segments());
    }

    fn keep_house(&mut self) {
        let now = Instant::now();
        if now < self.housekeeping {
            return;
        }
        self.housekeeping = now + HOUSEKEEPING;
        self.choose_reading();
        if now >= self.clock_set + CLOCK_INTERVAL {
            self.clock_set = now;
            self.shard
                .set_wallclock(Wallclock::new(now, SystemTime::now()));
        }
        let mut stats = self.shard.stats();
        stats.sends = self.sends;
        stats.overflow_drops += self.overflow_drops;
        stats.data_dropped = self.rooms.dropped();
        self.connections.keep_house(now);
        self.shared.set_stats(self.number, stats);
        // An `Ingest` or `Tap` that was dropped while the inbox was full said nothing.
        let shard = &mut self.shard;
        self.bridges.retain(|id, bridge| {
            let held = !bridge.taken_over.is_closed();
            if !held {
                shard.handle_ingest_end(now, bridge.stream, *id, false);
            }
            held
        });
        self.taps.retain(|stream, ends| {
            ends.retain(|end| !end.packets.is_closed());
            if ends.is_empty() {
                shard.handle_tap(*stream, false);
            }
            !ends.is_empty()
        });
    }
}

/// Replies wait until the turn's output is carried out.
fn answer_later<T: Send + 'static>(
    reply: oneshot::Sender<T>,
    answer: T,
) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        // The caller may have gone away; its session then ends by timeout.
        let _ = reply.send(answer);
    })
}
