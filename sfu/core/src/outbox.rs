//! Datagrams on their way out, gathered so that a frame leaves in one system call.

use std::{collections::VecDeque, net::SocketAddr};

/// Datagrams to one address in one buffer, as UDP GSO takes them: all of `segment` bytes but the
/// last, which may be shorter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// How it travels.
    pub path: Path,
    /// The datagrams, one after the other.
    pub contents: Vec<u8>,
    /// Bytes of each datagram but the last.
    pub segment: usize,
}

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our candidate that the peer speaks to.
    pub source: SocketAddr,
    /// The peer.
    pub destination: SocketAddr,
    /// What carries it.
    pub via: Via,
}

/// What carries datagrams between a peer and us. Each has addresses of its own: the same one elsewhere is
/// another peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// The media port.
    Udp,
    /// A TCP connection (RFC 4571).
    Tcp,
    /// A TURN server of this process. The peer's address is a relayed one, where no socket is.
    Relay,
}

impl Transmit {
    /// How many datagrams are inside.
    pub fn segments(&self) -> usize {
        self.contents.len().div_ceil(self.segment.max(1))
    }
}

/// Most bytes of one GSO send: a UDP length field less headers.
const MAX_BYTES: usize = 65_000;

/// Sends that wait for a full socket. Media is written only when a send can follow, so these are answers
/// to checks, handshakes and retransmissions. Beyond, the newest is dropped and counted: all of
/// them are repeated by who needs them.
const MAX_QUEUE: usize = 4_096;

/// Buffers kept for reuse. One is enough while the socket takes what it gets; more only help after
/// it was full.
const MAX_SPARE: usize = 64;

/// Capacity of a fresh buffer: a usual frame of 2.5 Mbit/s. Grows when frames are larger.
const BUFFER: usize = 16 * 1024;

/// Largest capacity that is kept for reuse.
const MAX_SPARE_CAPACITY: usize = 128 * 1024;

#[derive(Debug)]
pub(crate) struct Outbox {
    queue: VecDeque<Transmit>,
    spare: Vec<Vec<u8>>,
    max_segments: usize,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) dropped: u64,
}

impl Outbox {
    /// `max_segments` is 1 where the kernel has no GSO.
    pub(crate) fn new(max_segments: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            spare: Vec::new(),
            max_segments: max_segments.max(1),
            packets: 0,
            bytes: 0,
            dropped: 0,
        }
    }

    pub(crate) fn push(&mut self, path: Path, datagram: &[u8]) {
        self.append(path, datagram.len(), |buffer| {
            buffer.extend_from_slice(datagram);
            true
        });
    }

    /// Adds a datagram of exactly `len` bytes that `write` puts at the buffer's end. When it says
    /// false, it has written nothing, and nothing is added.
    pub(crate) fn append(
        &mut self,
        path: Path,
        len: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        if let Some(last) = self.queue.back_mut()
            && last.path == path
            && len <= last.segment
            && is_open(last)
            && last.segments() < self.max_segments
            && last.contents.len() + len <= MAX_BYTES
        {
            let before = last.contents.len();
            if write(&mut last.contents) {
                debug_assert_eq!(last.contents.len(), before + len);
                self.packets += 1;
                self.bytes += len as u64;
            }
            return;
        }
        if self.queue.len() >= MAX_QUEUE {
            self.dropped += 1;
            return;
        }
        let mut contents = self
            .spare
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(BUFFER));
        contents.clear();
        if !write(&mut contents) {
            self.recycle(contents);
            return;
        }
        debug_assert_eq!(contents.len(), len);
        self.packets += 1;
        self.bytes += len as u64;
        self.queue.push_back(Transmit {
            path,
            contents,
            segment: len,
        });
    }

    /// The size that a datagram should have to ride with those gathered last, when it is at most
    /// `slack` bytes short of it.
    pub(crate) fn wanted_size(&self, path: Path, len: usize, slack: usize) -> Option<usize> {
        let last = self.queue.back()?;
        (last.path == path && is_open(last) && last.segment > len && last.segment - len <= slack)
            .then_some(last.segment)
    }

    pub(crate) fn set_max_segments(&mut self, segments: usize) {
        self.max_segments = segments.max(1);
    }

    pub(crate) fn pop(&mut self) -> Option<Transmit> {
        self.queue.pop_front()
    }

    /// Takes a buffer back for reuse.
    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < MAX_SPARE && buffer.capacity() <= MAX_SPARE_CAPACITY {
            self.spare.push(buffer);
        }
    }
}

/// No shorter datagram has closed it yet.
fn is_open(transmit: &Transmit) -> bool {
    transmit
        .contents
        .len()
        .is_multiple_of(transmit.segment.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sizes_and_one_shorter_make_one_send() {
        let (a, b) = (path(2), path(3));
        let mut outbox = Outbox::new(64);
        for (to, len) in [
            (a, 100),
            (a, 100),
            (a, 60),
            (a, 60),
            (a, 70),
            (b, 70),
            (b, 70),
        ] {
            outbox.push(to, &vec![0; len]);
        }
        let sends: Vec<_> = std::iter::from_fn(|| outbox.pop())
            .map(|t| (t.path, t.segment, t.segments()))
            .collect();
        assert_eq!(sends, [(a, 100, 3), (a, 60, 1), (a, 70, 1), (b, 70, 2)]);
        assert_eq!((outbox.packets, outbox.bytes), (7, 530));
    }

    #[test]
    fn the_kernels_limits_hold() {
        let mut outbox = Outbox::new(4);
        for _ in 0..10 {
            outbox.push(path(2), &[0; 10]);
        }
        let counts: Vec<_> = std::iter::from_fn(|| outbox.pop())
            .map(|t| t.segments())
            .collect();
        assert_eq!(counts, [4, 4, 2]);
        let mut outbox = Outbox::new(64);
        for _ in 0..64 {
            outbox.push(path(2), &[0; 1_200]);
        }
        assert!(std::iter::from_fn(|| outbox.pop()).all(|t| t.contents.len() <= MAX_BYTES));
    }

    #[test]
    fn what_was_not_written_leaves_no_trace() {
        let mut outbox = Outbox::new(64);
        outbox.append(path(2), 10, |_| false);
        assert!(outbox.pop().is_none());
        outbox.push(path(2), &[0; 10]);
        outbox.append(path(2), 10, |_| false);
        assert_eq!(outbox.wanted_size(path(2), 9, 2), Some(10));
        assert_eq!(outbox.wanted_size(path(2), 7, 2), None);
        assert_eq!(outbox.wanted_size(path(3), 9, 2), None);
        let sent = outbox.pop().unwrap();
        assert_eq!((sent.segments(), outbox.packets), (1, 1));
    }

    fn path(port: u16) -> Path {
        Path {
            source: SocketAddr::from(([127, 0, 0, 1], 1)),
            destination: SocketAddr::from(([127, 0, 0, 1], port)),
            via: Via::Udp,
        }
    }
}
