//! One shard's TCP connections.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, net::TcpStream};
use socket2::SockRef;
use weir_rtp::rfc4571::{self, Deframer};
use weir_sfu_core::{Shard, Transmit, Via};

use super::{Accepted, MAX_PACKET, Place};
use crate::socket::Sent;

/// Bytes that wait for a connection beyond which its video stops: 0.4 s of 2.5 Mbit/s. It begins
/// again at a keyframe when no more than `RELIEVED` wait.
const CONGESTED: usize = 128 * 1024;
const RELIEVED: usize = 16 * 1024;

/// Most bytes that wait for a connection. Beyond, packets are dropped and counted, sound too.
const MAX_WAITING: usize = 512 * 1024;

/// Bytes that the kernel may hold unsent: what waits there can no longer be left out.
const UNSENT: u32 = 64 * 1024;

/// Bytes read from one connection in one turn, so that the others have their turn too.
const READ_PER_TURN: usize = 64 * 1024;

/// A connection that does not take what is left for it this long after its session's end is cut off.
const GOODBYE: Duration = Duration::from_secs(2);

/// A peer that acknowledges nothing for this long is gone, as by consent.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

pub(crate) struct Connections {
    by_token: HashMap<Token, Connection>,
    by_peer: HashMap<SocketAddr, Token>,
    next: usize,
    /// Those with something to read, or to close.
    ready: Vec<Token>,
    /// Those of the turn before; kept for its memory.
    turn: Vec<Token>,
    input: Vec<u8>,
    framed: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    deframer: Deframer,
    /// Framed bytes that the kernel did not take; those before `written` it has.
    waiting: Vec<u8>,
    written: usize,
    congested: bool,
    /// Closed at this time or when nothing waits any more.
    closing: Option<Instant>,
    _place: Place,
}

/// The connection is of no more use.
struct Broken;

impl Connections {
    /// `first` is the first token that is theirs.
    pub(crate) fn new(first: usize) -> Self {
        Self {
            by_token: HashMap::new(),
            by_peer: HashMap::new(),
            next: first,
            ready: Vec::new(),
            turn: Vec::new(),
            input: vec![0; 16 * 1024],
            framed: Vec::new(),
        }
    }

    /// Something waits to be read: do not sleep.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A connection whose first packet is a check for this shard.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        registry: &Registry,
        shard: &mut Shard,
        accepted: Accepted,
    ) {
        let Accepted {
            mut stream,
            peer,
            local,
            read,
            stranger,
            place,
        } = accepted;
        let token = Token(self.next);
        self.next += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = registry.register(&mut stream, token, interest) {
            tracing::warn!(%error, "cannot watch a TCP connection");
            return;
        }
        let socket = SockRef::from(&stream);
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
        let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let mut connection = Connection {
            stream,
            peer,
            local,
            deframer: Deframer::new(MAX_PACKET),
            waiting: Vec::new(),
            written: 0,
            congested: false,
            closing: None,
            _place: place,
        };
        let mut first = true;
        let taken = connection.packets(&read, |packet| {
            let proven = shard.handle_packet(now, Via::Tcp, peer, local, now, packet);
            // The first must be authentic, and makes the peer known.
            proven || !std::mem::take(&mut first)
        });
        drop(stranger);
        if taken.is_err() {
            tracing::debug!(%peer, "a TCP connection with a check that is not authentic");
            if !self.by_peer.contains_key(&peer) {
                shard.handle_closed(Via::Tcp, peer);
            }
            return;
        }
        // The peer may have connected from the same address before, and we have not heard of its end.
        if let Some(old) = self.by_peer.insert(peer, token) {
            self.by_token.remove(&old);
        }
        tracing::debug!(%peer, "TCP connection");
        self.by_token.insert(token, connection);
        self.ready.push(token);
    }

    /// The poll says that something can be read.
    pub(crate) fn readable(&mut self, token: Token) {
        if self.by_token.contains_key(&token) && !self.ready.contains(&token) {
            self.ready.push(token);
        }
    }

    /// The poll says that something can be written.
    pub(crate) fn writable(&mut self, token: Token, shard: &mut Shard) {
        let Some(connection) = self.by_token.get_mut(&token) else {
            return;
        };
        match connection.flush() {
            Ok(()) => connection.relieve(shard),
            Err(Broken) => self.close(token, shard),
        }
    }

    /// Reads what came.
    pub(crate) fn receive(&mut self, now: Instant, shard: &mut Shard) {
        std::mem::swap(&mut self.ready, &mut self.turn);
        for index in 0..self.turn.len() {
            let token = self.turn[index];
            let Some(connection) = self.by_token.get_mut(&token) else {
                continue;
            };
            match connection.receive(now, shard, &mut self.input) {
                Ok(true) => self.ready.push(token),
                Ok(false) => {}
                Err(Broken) => self.close(token, shard),
            }
        }
        self.turn.clear();
    }

    /// Sends what is for a peer, or keeps it.
    pub(crate) fn send(&mut self, transmit: &Transmit, shard: &mut Shard) -> Sent {
        let peer = transmit.path.destination;
        let Some(&token) = self.by_peer.get(&peer) else {
            return Sent::Refused;
        };
        let Some(connection) = self.by_token.get_mut(&token) else {
            return Sent::Refused;
        };
        self.framed.clear();
        for packet in transmit.contents.chunks(transmit.segment.max(1)) {
            // Ours are never too long.
            let _ = rfc4571::frame(&mut self.framed, packet);
        }
        match connection.send(&self.framed) {
            Ok(sent) => {
                if connection.is_over(CONGESTED) && !connection.congested {
                    connection.congested = true;
                    tracing::debug!(%peer, "a TCP connection does not keep up");
                    shard.handle_congestion(peer, true);
                }
                sent
            }
            Err(Broken) => {
                self.close(token, shard);
                Sent::Refused
            }
        }
    }

    /// Closes the connection with a peer when it has taken what waits.
    pub(crate) fn finish(&mut self, now: Instant, peer: SocketAddr) {
        if let Some(token) = self.by_peer.get(&peer)
            && let Some(connection) = self.by_token.get_mut(token)
        {
            connection.closing = Some(now + GOODBYE);
        }
    }

    /// Drops what has said goodbye. Cheap when there is nothing; called each turn's end would be a
    /// waste, now and then is enough.
    pub(crate) fn keep_house(&mut self, now: Instant) {
        let by_peer = &mut self.by_peer;
        self.by_token.retain(|token, connection| {
            let over = connection
                .closing
                .is_some_and(|at| now >= at || !connection.is_over(0));
            if over && by_peer.get(&connection.peer) == Some(token) {
                by_peer.remove(&connection.peer);
            }
            !over
        });
    }

    fn close(&mut self, token: Token, shard: &mut Shard) {
        let Some(connection) = self.by_token.remove(&token) else {
            return;
        };
        if self.by_peer.get(&connection.peer) == Some(&token) {
            self.by_peer.remove(&connection.peer);
            shard.handle_closed(Via::Tcp, connection.peer);
        }
        tracing::debug!(peer = %connection.peer, "TCP connection closed");
    }
}

impl Connection {
    /// True when more may be there.
    fn receive(
        &mut self,
        now: Instant,
        shard: &mut Shard,
        input: &mut [u8],
    ) -> Result<bool, Broken> {
        let (peer, local) = (self.peer, self.local);
        let mut total = 0;
        while total < READ_PER_TURN {
            match self.stream.read(input) {
                Ok(0) => return Err(Broken),
                Ok(len) => {
                    total += len;
                    let read = input.get(..len).unwrap_or_default();
                    self.packets(read, |packet| {
                        // What is refused is counted, and later packets may be fine.
                        shard.handle_packet(now, Via::Tcp, peer, local, now, packet);
                        true
                    })?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken),
            }
        }
        Ok(true)
    }

    fn packets(
        &mut self,
        mut read: &[u8],
        mut each: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Broken> {
        while let Some(packet) = self.deframer.next(&mut read).map_err(|_| Broken)? {
            if !each(packet) {
                return Err(Broken);
            }
        }
        Ok(())
    }

    fn send(&mut self, framed: &[u8]) -> Result<Sent, Broken> {
        if self.is_over(0) {
            // All or nothing: half a packet would break the framing.
            if self.is_over(MAX_WAITING.saturating_sub(framed.len())) {
                return Ok(Sent::Refused);
            }
            self.waiting.extend_from_slice(framed);
            return Ok(Sent::Done(0));
        }
        let taken = self.write(framed)?;
        self.waiting
            .extend_from_slice(framed.get(taken..).unwrap_or_default());
        Ok(Sent::Done(1))
    }

    fn flush(&mut self) -> Result<(), Broken> {
        let waiting = std::mem::take(&mut self.waiting);
        let taken = self.write(waiting.get(self.written..).unwrap_or_default());
        self.waiting = waiting;
        self.written += taken?;
        if self.written >= self.waiting.len() {
            self.waiting.clear();
            self.written = 0;
            self.waiting.shrink_to(RELIEVED);
        } else if self.written > CONGESTED {
            self.waiting.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Writes until the kernel takes no more. How much it took.
    fn write(&mut self, mut bytes: &[u8]) -> Result<usize, Broken> {
        let all = bytes.len();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(Broken),
                Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken),
            }
        }
        Ok(all - bytes.len())
    }

    fn relieve(&mut self, shard: &mut Shard) {
        if self.congested && !self.is_over(RELIEVED) {
            self.congested = false;
            shard.handle_congestion(self.peer, false);
        }
    }

    /// More than this many bytes wait.
    fn is_over(&self, bytes: usize) -> bool {
        self.waiting.len() - self.written > bytes
    }
}
