//! ICE over TCP (RFC 6544), for clients whose network lets no UDP through: we listen, they connect,
//! and each datagram goes behind its length (RFC 4571).
//!
//! A connection is nobody's until its first packet, a STUN check, names a session's fragment
//! (`acceptor`, on a thread of its own); then it belongs to that session's shard (`connections`).

mod acceptor;
mod connections;

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, Socket, Type};

pub(crate) use acceptor::{Acceptor, AcceptorHandle};
pub(crate) use connections::Connections;

/// Longest packet in bytes; what is longer breaks the connection. As for datagrams.
pub(crate) const MAX_PACKET: usize = 2_000;

/// Connections of the process, but no more than half of the files that it may have open. Beyond, new
/// ones are closed at once.
const MAX_CONNECTIONS: usize = 20_000;

/// Connections that have not named a session yet, but no more than an eighth of the files. Beyond, new
/// ones are closed at once.
const MAX_STRANGERS: usize = 1_024;

/// The same from one address (IPv6: from one /64). A whole office may share one, but a client sends
/// its first check as soon as it is connected.
const MAX_STRANGERS_PER_ADDRESS: u32 = 32;

/// Files that a process may have open where its limit cannot be read: what Linux gives by default.
const DEFAULT_OPEN_FILES: usize = 1_024;

/// Connections that wait in the kernel.
const BACKLOG: i32 = 512;

/// Binds the listener.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Connections of an earlier run that are still closing do not hold the port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// A connection whose first bytes are a check for a session.
pub(crate) struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    /// Our address that it came to.
    local: SocketAddr,
    /// What was read of it.
    read: Vec<u8>,
    stranger: Stranger,
    place: Place,
}

/// How many connections there are.
#[derive(Debug)]
pub(crate) struct Census {
    max_connections: usize,
    max_strangers: usize,
    all: AtomicUsize,
    strangers: Mutex<HashMap<IpAddr, u32>>,
}

/// Holds a connection's place until it is closed.
#[derive(Debug)]
struct Place(Arc<Census>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a connection as a stranger until it has proven itself.
#[derive(Debug)]
struct Stranger {
    census: Arc<Census>,
    address: IpAddr,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut strangers = self
            .census
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = strangers.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                strangers.remove(&self.address);
            }
        }
    }
}

impl Census {
    /// With the limits that this process has.
    pub(crate) fn of_process() -> Self {
        let limits = std::fs::read_to_string("/proc/self/limits");
        let files = limits.ok().and_then(|limits| open_files(&limits));
        Self::new(files.unwrap_or(DEFAULT_OPEN_FILES))
    }

    fn new(open_files: usize) -> Self {
        Self {
            max_connections: MAX_CONNECTIONS.min(open_files / 2),
            max_strangers: MAX_STRANGERS.min(open_files / 8),
            all: AtomicUsize::new(0),
            strangers: Mutex::default(),
        }
    }

    /// Connections now.
    pub(crate) fn connections(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// A place for a new connection, or none.
    fn admit(self: &Arc<Self>, from: IpAddr) -> Option<(Place, Stranger)> {
        let before = self.all.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        if before >= self.max_connections {
            return None;
        }
        let address = match from {
            IpAddr::V4(_) => from,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        };
        let mut strangers = self
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if strangers.values().sum::<u32>() as usize >= self.max_strangers {
            return None;
        }
        let count = strangers.entry(address).or_default();
        if *count >= MAX_STRANGERS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        drop(strangers);
        let stranger = Stranger {
            census: self.clone(),
            address,
        };
        Some((place, stranger))
    }
}

/// The soft limit in `/proc/self/limits`. None also when there is no limit.
fn open_files(limits: &str) -> Option<usize> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        let census = Census::new(open_files(limits).unwrap());
        assert_eq!((census.max_connections, census.max_strangers), (512, 128));
        assert!(Census::of_process().max_connections > 0);
        assert_eq!(open_files("Max open files  unlimited"), None);
    }

    #[test]
    fn strangers_have_limits_and_leave_no_trace() {
        let census = Arc::new(Census::new(1 << 20));
        let office = IpAddr::from([192, 0, 2, 1]);
        let admit = |ip| census.admit(ip);
        let mut held: Vec<_> = (0..MAX_STRANGERS_PER_ADDRESS)
            .map(|_| admit(office).unwrap())
            .collect();
        assert!(admit(office).is_none());
        assert_eq!(census.connections(), held.len());
        // One /64 is one address.
        let v6 = |low: u128| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | low));
        held.extend((0..MAX_STRANGERS_PER_ADDRESS).map(|n| admit(v6(n.into())).unwrap()));
        assert!(admit(v6(99_999)).is_none());
        let (place, stranger) = held.pop().unwrap();
        drop(stranger);
        held.push(admit(v6(7)).unwrap());
        drop(place);
        for n in 0.. {
            match admit(v6(n << 64 | 1 << 70)) {
                Some(one) => held.push(one),
                None => break,
            }
        }
        assert_eq!(held.len(), MAX_STRANGERS);
        drop(held);
        assert_eq!(census.connections(), 0);
        assert!(census.strangers.lock().unwrap().is_empty());
    }
}
