//! Takes connections and finds out whose they are.

use std::{
    collections::HashMap,
    io::{self, Read},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
use weir_sfu_core::Shard;

use super::{Accepted, Census, MAX_PACKET, Place, Stranger};
use crate::inbox::{Inbound, Mailbox};

/// The first check must be there this long after the connection. Clients send it at once, and again
/// after half a second.
const FIRST_CHECK: Duration = Duration::from_secs(5);

/// When no connection can be taken (no file descriptors), it is tried again after this.
const RETRY: Duration = Duration::from_millis(200);

/// The shortest STUN message is its header (RFC 8489 section 5).
const MIN_PACKET: usize = 20;

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

/// Connections that others accepted and that wait for the thread. Beyond, they are closed at once.
const GIVEN: usize = 256;

/// A connection that somebody else accepted.
struct Given {
    stream: TcpStream,
    peer: SocketAddr,
    read: Vec<u8>,
}

pub(crate) struct Acceptor {
    poll: Poll,
    given: Receiver<Given>,
    listener: TcpListener,
    census: Arc<Census>,
    mailboxes: Vec<Mailbox>,
    strangers: HashMap<Token, Waiting>,
    next: usize,
    /// More connections may wait in the kernel.
    waiting: bool,
    /// Told that none can be taken; not again until one was.
    told: bool,
    stop: Arc<AtomicBool>,
}

struct Waiting {
    stream: TcpStream,
    peer: SocketAddr,
    read: Vec<u8>,
    deadline: Instant,
    place: Place,
    stranger: Stranger,
}

/// Stops the thread when dropped.
pub(crate) struct AcceptorHandle {
    waker: Waker,
    give: Sender<Given>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for AcceptorHandle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that accepts TCP connections had panicked");
        }
    }
}

impl AcceptorHandle {
    /// Takes a connection that somebody else accepted, of which this was read.
    pub(crate) fn give(&self, stream: std::net::TcpStream, peer: SocketAddr, read: &[u8]) -> bool {
        let given = Given {
            stream: TcpStream::from_std(stream),
            peer,
            read: read.to_vec(),
        };
        self.give.try_send(given).is_ok() && self.waker.wake().is_ok()
    }
}

/// What is known of a connection after a read.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Wait,
    Shard(usize),
    Close,
}

impl Acceptor {
    /// Starts the thread.
    pub(crate) fn start(
        mut listener: TcpListener,
        census: Arc<Census>,
        mailboxes: Vec<Mailbox>,
    ) -> io::Result<AcceptorHandle> {
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (give, given) = bounded(GIVEN);
        let acceptor = Self {
            poll,
            given,
            listener,
            census,
            mailboxes,
            strangers: HashMap::new(),
            next: WAKER.0 + 1,
            waiting: false,
            told: false,
            stop: stop.clone(),
        };
        let thread = thread::Builder::new().name("sfu-tcp".to_owned());
        Ok(AcceptorHandle {
            waker,
            give,
            stop,
            thread: Some(thread.spawn(move || acceptor.run())?),
        })
    }

    fn run(mut self) {
        let mut events = Events::with_capacity(256);
        while !self.stop.load(Ordering::Acquire) {
            let now = Instant::now();
            let until = self.strangers.values().map(|s| s.deadline).min();
            let mut wait = until.map(|until| until.saturating_duration_since(now));
            if self.waiting {
                wait = Some(wait.map_or(RETRY, |wait| wait.min(RETRY)));
            }
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "polling failed; no more TCP connections are taken");
                    return;
                }
            }
            let now = Instant::now();
            for event in &events {
                match event.token() {
                    LISTENER => self.waiting = true,
                    WAKER => {}
                    token => self.read(token),
                }
            }
            if self.waiting {
                self.accept(now);
            }
            while let Ok(given) = self.given.try_recv() {
                self.welcome(now, given);
            }
            self.strangers.retain(|_, waiting| now < waiting.deadline);
        }
    }

    fn accept(&mut self, now: Instant) {
        loop {
            let (stream, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting = false;
                    return;
                }
                // That one is gone already; the next may be fine.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) =>
                {
                    continue;
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.told, true) {
                        tracing::warn!(%error, "TCP connections for media cannot be taken now");
                    }
                    return;
                }
            };
            self.told = false;
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            let read = Vec::new();
            self.welcome(now, Given { stream, peer, read });
        }
    }

    fn welcome(&mut self, now: Instant, given: Given) {
        let Given { stream, peer, read } = given;
        let Some((place, stranger)) = self.census.admit(peer.ip()) else {
            tracing::debug!(%peer, "too many TCP connections");
            return;
        };
        let token = Token(self.next);
        self.next += 1;
        let mut waiting = Waiting {
            stream,
            peer,
            read,
            deadline: now + FIRST_CHECK,
            place,
            stranger,
        };
        let registered =
            self.poll
                .registry()
                .register(&mut waiting.stream, token, Interest::READABLE);
        if registered.is_ok() {
            self.strangers.insert(token, waiting);
            // What came with the connection may have come before it was registered.
            self.read(token);
        }
    }

    fn read(&mut self, token: Token) {
        let Some(waiting) = self.strangers.get_mut(&token) else {
            return;
        };
        let verdict = waiting.read(self.mailboxes.len());
        if verdict == Verdict::Wait {
            return;
        }
        let Some(mut waiting) = self.strangers.remove(&token) else {
            return;
        };
        let Verdict::Shard(shard) = verdict else {
            tracing::debug!(peer = %waiting.peer, "a TCP connection that is no session's");
            return;
        };
        let Ok(local) = waiting.stream.local_addr() else {
            return;
        };
        if self
            .poll
            .registry()
            .deregister(&mut waiting.stream)
            .is_err()
        {
            return;
        }
        let accepted = Accepted {
            stream: waiting.stream,
            peer: waiting.peer,
            local: SocketAddr::new(local.ip().to_canonical(), local.port()),
            read: waiting.read,
            stranger: waiting.stranger,
            place: waiting.place,
        };
        // A full inbox closes the connection; the client connects again.
        let _ = self.mailboxes[shard].send(Inbound::Tcp(Box::new(accepted)));
    }
}

impl Waiting {
    fn read(&mut self, shards: usize) -> Verdict {
        let mut buffer = [0; 2 + MAX_PACKET];
        loop {
            // Somebody else may have read all that decides.
            match verdict(&self.read, shards) {
                Verdict::Wait => {}
                verdict => return verdict,
            }
            let room = buffer.len().saturating_sub(self.read.len());
            match self.stream.read(&mut buffer[..room]) {
                Ok(0) => return Verdict::Close,
                Ok(len) => self.read.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Verdict::Wait,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Verdict::Close,
            }
        }
    }
}

/// Whose a connection is that begins with these bytes.
fn verdict(read: &[u8], shards: usize) -> Verdict {
    let [l0, l1, rest @ ..] = read else {
        return Verdict::Wait;
    };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if !(MIN_PACKET..=MAX_PACKET).contains(&length) {
        return Verdict::Close;
    }
    let Some(packet) = rest.get(..length) else {
        return Verdict::Wait;
    };
    match Shard::of_check(packet).map(usize::from) {
        Some(shard) if shard < shards => Verdict::Shard(shard),
        Some(_) | None => Verdict::Close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_decides() {
        let mut check = vec![0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42];
        check.extend([7; 12]);
        check.extend([0, 6, 0, 12]);
        check.extend(b"0002abcd:xyz");
        let mut read = (check.len() as u16).to_be_bytes().to_vec();
        read.extend(&check);
        for len in 0..read.len() {
            assert_eq!(verdict(&read[..len], 4), Verdict::Wait);
        }
        assert_eq!(verdict(&read, 4), Verdict::Shard(2));
        assert_eq!(verdict(&read, 2), Verdict::Close, "no such shard");
        read.extend([0, 1]);
        assert_eq!(verdict(&read, 4), Verdict::Shard(2), "more follows");
        assert_eq!(verdict(b"GET / HTTP/1.1\r\n\r\n", 4), Verdict::Close);
        assert_eq!(verdict(&[0, 0], 4), Verdict::Close);
        read[2] = 0x80;
        assert_eq!(verdict(&read, 4), Verdict::Close, "not STUN");
    }
}
