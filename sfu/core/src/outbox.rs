//! Datagrams on their way out, gathered so that a frame leaves in one system call.

use std::{collections::VecDeque, net::SocketAddr};

/// Datagrams to one address in one buffer, as UDP GSO takes them: all of `segment` bytes but the
/// last, which may be shorter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Our candidate that the peer speaks to.
    pub source: SocketAddr,
    /// The peer.
    pub destination: SocketAddr,
    /// The datagrams, one after the other.
    pub contents: Vec<u8>,
    /// Bytes of each datagram but the last.
    pub segment: usize,
}

impl Transmit {
    /// How many datagrams are inside.
    pub fn segments(&self) -> usize {
        self.contents.len().div_ceil(self.segment.max(1))
    }
}

/// Most bytes of one GSO send: a UDP length field less headers.
const MAX_BYTES: usize = 65_000;

#[derive(Debug)]
pub(crate) struct Outbox {
    queue: VecDeque<Transmit>,
    max_segments: usize,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl Outbox {
    /// `max_segments` is 1 where the kernel has no GSO.
    pub(crate) fn new(max_segments: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            max_segments: max_segments.max(1),
            packets: 0,
            bytes: 0,
        }
    }

    pub(crate) fn push(&mut self, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) {
        self.packets += 1;
        self.bytes += datagram.len() as u64;
        if let Some(last) = self.queue.back_mut()
            && last.destination == destination
            && last.source == source
            && datagram.len() <= last.segment
            // A shorter one closes a send: only the last segment may be short.
            && last.contents.len().is_multiple_of(last.segment)
            && last.segments() < self.max_segments
            && last.contents.len() + datagram.len() <= MAX_BYTES
        {
            last.contents.extend_from_slice(datagram);
            return;
        }
        let mut contents = Vec::with_capacity(datagram.len() * self.max_segments.min(8));
        contents.extend_from_slice(datagram);
        self.queue.push_back(Transmit {
            source,
            destination,
            contents,
            segment: datagram.len(),
        });
    }

    pub(crate) fn set_max_segments(&mut self, segments: usize) {
        self.max_segments = segments.max(1);
    }

    pub(crate) fn pop(&mut self) -> Option<Transmit> {
        self.queue.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sizes_and_one_shorter_make_one_send() {
        let (us, a, b) = (address(1), address(2), address(3));
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
            outbox.push(us, to, &vec![0; len]);
        }
        let sends: Vec<_> = std::iter::from_fn(|| outbox.pop())
            .map(|t| (t.destination, t.segment, t.segments()))
            .collect();
        assert_eq!(sends, [(a, 100, 3), (a, 60, 1), (a, 70, 1), (b, 70, 2)]);
        assert_eq!((outbox.packets, outbox.bytes), (7, 530));
    }

    #[test]
    fn the_kernels_limits_hold() {
        let mut outbox = Outbox::new(4);
        for _ in 0..10 {
            outbox.push(address(1), address(2), &[0; 10]);
        }
        let counts: Vec<_> = std::iter::from_fn(|| outbox.pop())
            .map(|t| t.segments())
            .collect();
        assert_eq!(counts, [4, 4, 2]);
        let mut outbox = Outbox::new(64);
        for _ in 0..64 {
            outbox.push(address(1), address(2), &[0; 1_200]);
        }
        assert!(std::iter::from_fn(|| outbox.pop()).all(|t| t.contents.len() <= MAX_BYTES));
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }
}
