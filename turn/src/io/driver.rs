//! The thread's loop: whatever comes goes into the state machine, and what that says goes out.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::{mpsc, watch};

use super::{
    Media,
    census::Stranger,
    stream::{StreamInput, StreamOut},
    udp::{Buffers, Udp},
};
use crate::server::{Client, Now, Outlet, Server, ServerConfig, ServerStats, Transport};

/// Batches and messages taken in one turn, so that all have their turn.
const PER_TURN: usize = 256;

/// Receive batches taken in one turn.
const RECEIVES_PER_TURN: usize = 8;

/// How often what has ended is looked for, and figures are published.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// A connection without an allocation is closed after this.
const LONELY: Duration = Duration::from_secs(30);

/// Datagrams for a relayed address.
pub(crate) struct Batch {
    pub(crate) relayed: SocketAddr,
    pub(crate) media: SocketAddr,
    pub(crate) contents: Box<[u8]>,
    pub(crate) segment: usize,
}

pub(crate) struct DriverParts {
    pub(crate) config: ServerConfig,
    pub(crate) udp: std::net::UdpSocket,
    pub(crate) from_media: mpsc::Receiver<Batch>,
    pub(crate) from_streams: mpsc::Receiver<StreamInput>,
    pub(crate) sessions_ended: mpsc::Receiver<Box<str>>,
    pub(crate) media_addresses: watch::Receiver<Vec<SocketAddr>>,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) stats: Arc<Mutex<ServerStats>>,
}

pub(crate) struct Driver<M> {
    server: Server,
    io: Io<M>,
    buffers: Buffers,
    from_media: mpsc::Receiver<Batch>,
    from_streams: mpsc::Receiver<StreamInput>,
    sessions_ended: mpsc::Receiver<Box<str>>,
    media_addresses: watch::Receiver<Vec<SocketAddr>>,
    stopped: watch::Receiver<bool>,
    stats: Arc<Mutex<ServerStats>>,
}

/// Everything that the state machine speaks to.
struct Io<M> {
    udp: Arc<Udp>,
    streams: HashMap<Client, Stream>,
    media: M,
    now: Instant,
    /// Datagrams for clients that were not taken.
    dropped: u64,
}

struct Stream {
    id: u64,
    out: StreamOut,
    /// When it had an allocation last, or came.
    used: Instant,
    /// Until it has an allocation.
    stranger: Option<Stranger>,
}

impl<M: Media> Outlet for Io<M> {
    fn to_client(&mut self, client: &Client, contents: &[u8], segment: usize) {
        match client.transport {
            Transport::Udp => self.dropped += self.udp.send(client, contents, segment),
            Transport::Stream => {
                // What does not fit is dropped whole: half a message would break the stream.
                let stream = self.streams.get(client);
                if !stream.is_some_and(|stream| stream.out.send(contents)) {
                    self.dropped += contents.len().div_ceil(segment.max(1)) as u64;
                }
            }
        }
    }

    fn to_peer(&mut self, relayed: SocketAddr, peer: SocketAddr, datagram: &[u8]) {
        self.media.deliver(relayed, peer, self.now, datagram);
    }

    fn released(&mut self, relayed: SocketAddr) {
        self.media.closed(relayed);
    }
}

/// Both clocks.
fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    Now {
        at: Instant::now(),
        // A clock before 1970 must not make ended credentials good.
        unix: unix.map_or(u64::MAX, |since| since.as_secs()),
    }
}

/// Waits until it is to stop.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the last handle is gone.
    let _ = stopped.wait_for(|stop| *stop).await;
}

impl<M: Media> Driver<M> {
    pub(crate) fn new(parts: DriverParts, media: M) -> io::Result<Self> {
        let DriverParts {
            config,
            udp,
            from_media,
            from_streams,
            sessions_ended,
            mut media_addresses,
            stopped,
            stats,
        } = parts;
        let now = now();
        let addresses = media_addresses.borrow_and_update().clone();
        Ok(Self {
            server: Server::new(now, config, addresses),
            io: Io {
                udp: Arc::new(Udp::new(udp)?),
                streams: HashMap::new(),
                media,
                now: now.at,
                dropped: 0,
            },
            buffers: Buffers::default(),
            from_media,
            from_streams,
            sessions_ended,
            media_addresses,
            stopped,
            stats,
        })
    }

    /// Runs until it is stopped, or nobody can speak to it any more.
    pub(crate) async fn run(mut self) {
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batches = Vec::with_capacity(PER_TURN);
        let mut inputs = Vec::with_capacity(PER_TURN);
        loop {
            tokio::select! {
                count = self.from_media.recv_many(&mut batches, PER_TURN) => {
                    if count == 0 {
                        return;
                    }
                    let now = self.now();
                    for batch in batches.drain(..) {
                        self.batch(now, &batch);
                    }
                }
                _ = self.from_streams.recv_many(&mut inputs, PER_TURN) => {
                    let now = self.now();
                    for input in inputs.drain(..) {
                        self.stream(now, input);
                    }
                }
                Some(session) = self.sessions_ended.recv() => {
                    let now = self.now();
                    self.server.session_ended(now, &session);
                }
                readable = self.io.udp.readable() => {
                    if let Err(error) = readable {
                        tracing::error!(%error, "the TURN server's socket failed");
                        return;
                    }
                    self.receive();
                }
                _ = housekeeping.tick() => self.keep_house(),
                changed = self.media_addresses.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let addresses = self.media_addresses.borrow_and_update().clone();
                    self.server.set_media(addresses);
                }
                () = stop(&mut self.stopped) => return,
            }
        }
    }

    fn now(&mut self) -> Now {
        let now = now();
        self.io.now = now.at;
        now
    }

    fn batch(&mut self, now: Now, batch: &Batch) {
        let Batch {
            relayed,
            media,
            contents,
            segment,
        } = batch;
        let io = &mut self.io;
        self.server
            .from_peer(now, *relayed, *media, contents, *segment, io);
    }

    fn stream(&mut self, now: Now, input: StreamInput) {
        match input {
            StreamInput::Opened {
                client,
                id,
                out,
                stranger,
            } => {
                // One from the same port whose end we have not heard of.
                self.server.disconnected(&client, &mut self.io);
                let stream = Stream {
                    id,
                    out,
                    used: now.at,
                    stranger: Some(stranger),
                };
                self.io.streams.insert(client, stream);
            }
            StreamInput::Message { client, id, bytes } => {
                let stream = self.io.streams.get(&client);
                if stream.is_some_and(|stream| stream.id == id) {
                    self.server.from_client(now, &client, &bytes, &mut self.io);
                    self.greet(&client);
                }
            }
            StreamInput::Closed { client, id } => {
                let stream = self.io.streams.get(&client);
                if stream.is_some_and(|stream| stream.id == id) {
                    self.io.streams.remove(&client);
                    self.server.disconnected(&client, &mut self.io);
                }
            }
        }
    }

    /// Who has an allocation is no stranger any more.
    fn greet(&mut self, client: &Client) {
        if let Some(stream) = self.io.streams.get_mut(client)
            && stream.stranger.is_some()
            && self.server.has_allocation(client)
        {
            stream.stranger = None;
        }
    }

    fn receive(&mut self) {
        let now = self.now();
        let udp = self.io.udp.clone();
        for _ in 0..RECEIVES_PER_TURN {
            let (server, io) = (&mut self.server, &mut self.io);
            let received = udp.receive(&mut self.buffers, |client, datagram| {
                server.from_client(now, client, datagram, io);
            });
            match received {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::debug!(%error, "receive failed");
                    return;
                }
            }
        }
    }

    fn keep_house(&mut self) {
        let now = self.now();
        self.server.handle_timeout(now, &mut self.io);
        let server = &self.server;
        let mut lonely = Vec::new();
        self.io.streams.retain(|client, stream| {
            if server.has_allocation(client) {
                stream.used = now.at;
            }
            let keep =
                now.at.saturating_duration_since(stream.used) < LONELY && !stream.out.is_closed();
            if !keep {
                lonely.push(*client);
            }
            keep
        });
        for client in lonely {
            self.server.disconnected(&client, &mut self.io);
        }
        self.io.media.tick();
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        *stats = self.server.stats();
        stats.dropped += self.io.dropped;
    }
}
