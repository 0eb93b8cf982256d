//! The one media port: a socket per shard, all bound to the same address.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use mio::net::{TcpListener, UdpSocket};
use nix::ifaddrs::getifaddrs;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use weir_sfu_core::Transmit;

/// Wanted kernel buffer per socket and direction, in bytes: 100 ms of 320 Mbit/s. The kernel gives
/// less where `net.core.rmem_max` and `wmem_max` say so; what was got is logged.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Bytes of one receive buffer: the most that GRO puts together.
const RECEIVE_BUFFER: usize = 65_536;

/// Most host candidates taken from the machine's interfaces.
const MAX_CANDIDATES: usize = 8;

/// Older arrivals are not believed: the clock that the kernel stamps with may be set.
const OLDEST_ARRIVAL: Duration = Duration::from_secs(1);

/// How often another free port is tried when TCP's of the same number is taken.
const FREE_PORT_ATTEMPTS: usize = 16;

/// Linux: the kernel has no such family of addresses.
const EAFNOSUPPORT: i32 = 97;

/// Opens the media port: a UDP socket per shard and, when wanted, a TCP listener of the same number.
/// Fails when anybody else holds either. `[::]` takes IPv4 too, and on a machine without IPv6 means
/// `0.0.0.0`.
pub(crate) fn open(
    address: SocketAddr,
    shards: usize,
    tcp: bool,
) -> io::Result<(Vec<UdpSocket>, Option<TcpListener>)> {
    match open_on(address, shards, tcp) {
        Err(error)
            if address.is_ipv6()
                && address.ip().is_unspecified()
                && (error.raw_os_error() == Some(EAFNOSUPPORT)
                    || error.kind() == io::ErrorKind::AddrNotAvailable) =>
        {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            open_on(address, shards, tcp)
        }
        opened => opened,
    }
}

fn open_on(
    address: SocketAddr,
    shards: usize,
    tcp: bool,
) -> io::Result<(Vec<UdpSocket>, Option<TcpListener>)> {
    for attempt in 1.. {
        let sockets = bind(address, shards)?;
        if !tcp {
            return Ok((sockets, None));
        }
        let bound = sockets[0].local_addr()?;
        match crate::tcp::listen(bound) {
            Ok(listener) => return Ok((sockets, Some(listener))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && address.port() == 0 => {
                if attempt == FREE_PORT_ATTEMPTS {
                    return Err(error);
                }
            }
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!(
                        "{error} (TCP, for clients without UDP; media.tcp = false does without)"
                    ),
                ));
            }
        }
    }
    unreachable!("the loop returns")
}

/// Binds one socket per shard. Fails when anybody else holds the port.
fn bind(address: SocketAddr, shards: usize) -> io::Result<Vec<UdpSocket>> {
    let mut sockets = Vec::with_capacity(shards);
    let mut address = address;
    for shard in 0..shards {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.set_nonblocking(true)?;
        // The first binds alone, so that a port in use is an error and port 0 gives one that nobody
        // shares; then the others may join it.
        if shard > 0 {
            socket.set_reuse_port(true)?;
        }
        socket.bind(&address.into())?;
        if shard == 0 {
            socket.set_reuse_port(true)?;
            let bound = socket.local_addr()?.as_socket();
            address = bound.ok_or_else(|| io::Error::other("bound to no IP address"))?;
            tracing::info!(
                %address,
                shards,
                receive_buffer = socket.recv_buffer_size().unwrap_or(0),
                send_buffer = socket.send_buffer_size().unwrap_or(0),
                "media port open"
            );
        }
        sockets.push(UdpSocket::from_std(socket.into()));
    }
    Ok(sockets)
}

/// What the kernel gives a media socket to put datagrams into, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketBuffers {
    /// What each socket asks for, each way.
    pub wanted: usize,
    /// For what arrives.
    pub receive: usize,
    /// For what leaves.
    pub send: usize,
}

impl SocketBuffers {
    /// Asks for them with a socket that is not used.
    ///
    /// # Errors
    /// When there are no sockets to be had.
    pub fn probe() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        // The kernel says twice what it was asked for, since its own bookkeeping counts (socket(7)).
        Ok(Self {
            wanted: SOCKET_BUFFER,
            receive: socket.recv_buffer_size()? / 2,
            send: socket.send_buffer_size()? / 2,
        })
    }
}

/// Addresses for answers, most useful first.
pub(crate) fn candidates(
    bound: SocketAddr,
    advertise: &[IpAddr],
    public: &[IpAddr],
) -> Vec<SocketAddr> {
    let mut ips = if !advertise.is_empty() {
        advertise.to_vec()
    } else if bound.ip().is_unspecified() {
        interface_addresses(bound.is_ipv6())
    } else {
        vec![bound.ip()]
    };
    for ip in public {
        if !ips.contains(ip) {
            ips.push(*ip);
        }
    }
    ips.into_iter()
        .map(|ip| SocketAddr::new(ip, bound.port()))
        .collect()
}

/// The same for TCP, where others take connections for us on more ports.
pub(crate) fn tcp_candidates(candidates: &[SocketAddr], more: &[u16]) -> Vec<SocketAddr> {
    let mut all = candidates.to_vec();
    for port in more {
        for candidate in candidates {
            let other = SocketAddr::new(candidate.ip(), *port);
            if !all.contains(&other) {
                all.push(other);
            }
        }
    }
    all
}

/// Addresses of this machine that others can reach, IPv4 first; loopback only when there is no other
/// (a browser on this machine reaches any of them).
pub fn interface_addresses(v6: bool) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    if let Ok(interfaces) = getifaddrs() {
        for interface in interfaces {
            let Some(address) = interface.address else {
                continue;
            };
            let ip = if let Some(v4) = address.as_sockaddr_in() {
                IpAddr::V4(v4.ip())
            } else if let Some(v6) = address.as_sockaddr_in6() {
                IpAddr::V6(v6.ip())
            } else {
                continue;
            };
            let usable = match ip {
                IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_unspecified(),
                IpAddr::V6(ip) => v6 && !ip.is_unicast_link_local() && !ip.is_unspecified(),
            };
            if usable && !found.contains(&ip) {
                found.push(ip);
            }
        }
    }
    found.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    if found.iter().any(|ip| !ip.is_loopback()) {
        found.retain(|ip| !ip.is_loopback());
    }
    found.truncate(MAX_CANDIDATES);
    if found.is_empty() {
        found.push(IpAddr::from([127, 0, 0, 1]));
    }
    found
}

/// One shard's socket with segmentation offload where the kernel has it.
pub(crate) struct MediaSocket {
    pub(crate) io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// Addresses that may be named as the source of a datagram; others are NAT's.
    own: Vec<IpAddr>,
    buffers: Vec<u8>,
}

/// What came of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is with the kernel, after this many system calls.
    Done(u64),
    /// The socket is full.
    Full,
    /// The kernel refused it for good (no route, too large).
    Refused,
}

impl MediaSocket {
    pub(crate) fn new(io: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&io).into())?;
        let local = io.local_addr()?;
        let own = if local.ip().is_unspecified() {
            interface_addresses(true)
        } else {
            Vec::new()
        };
        Ok(Self {
            io,
            state,
            local,
            own,
            buffers: vec![0; RECEIVE_BUFFER * BATCH_SIZE],
        })
    }

    /// Most datagrams that one send takes; 1 without GSO.
    pub(crate) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Receives one batch, giving each datagram with its source, our address and when the kernel had
    /// it: what a batch waited for this thread must not look like the network's delay. True when the
    /// batch was full, so that more may wait.
    pub(crate) fn receive(
        &mut self,
        mut each: impl FnMut(SocketAddr, SocketAddr, Instant, &[u8]),
    ) -> io::Result<bool> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let count = {
            let mut chunks = self.buffers.chunks_exact_mut(RECEIVE_BUFFER);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
                IoSliceMut::new(chunks.next().expect("one buffer per slot of the batch"))
            });
            self.state
                .recv((&self.io).into(), &mut slices, &mut metas)?
        };
        let (now, wall) = (Instant::now(), SystemTime::now());
        for (meta, buffer) in metas
            .iter()
            .zip(self.buffers.chunks_exact(RECEIVE_BUFFER))
            .take(count)
        {
            let local = match meta.dst_ip {
                Some(ip) if self.local.ip().is_unspecified() => {
                    SocketAddr::new(ip.to_canonical(), self.local.port())
                }
                Some(_) | None => self.local,
            };
            let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let arrived = arrival(meta.timestamp, now, wall);
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                each(source, local, arrived, datagram);
            }
        }
        Ok(count == BATCH_SIZE)
    }

    /// Sends one batch of datagrams.
    pub(crate) fn send(&self, transmit: &Transmit) -> Sent {
        let segments = transmit.segments();
        if segments > 1 && self.max_segments() > 1 {
            return match self.try_send(&transmit.contents, Some(transmit.segment), transmit) {
                Ok(()) => Sent::Done(1),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::Full,
                // Not the batch but GSO itself may have been refused: one by one then.
                Err(error) => {
                    tracing::debug!(%error, segments, "batch refused");
                    self.send_singly(transmit)
                }
            };
        }
        self.send_singly(transmit)
    }

    fn send_singly(&self, transmit: &Transmit) -> Sent {
        let mut sends = 0;
        for datagram in transmit.contents.chunks(transmit.segment.max(1)) {
            match self.try_send(datagram, None, transmit) {
                Ok(()) => sends += 1,
                // What left already is not sent again; the rest is lost, and NACK repairs it.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && sends == 0 => {
                    return Sent::Full;
                }
                Err(error) => {
                    tracing::trace!(%error, destination = %transmit.path.destination, "datagram refused");
                }
            }
        }
        if sends == 0 {
            Sent::Refused
        } else {
            Sent::Done(sends)
        }
    }

    fn try_send(&self, bytes: &[u8], segment: Option<usize>, to: &Transmit) -> io::Result<()> {
        let mapped = |ip| mapped(self.local, ip);
        let source = to.path.source.ip();
        let to = to.path;
        self.state.try_send(
            (&self.io).into(),
            &quinn_udp::Transmit {
                destination: SocketAddr::new(mapped(to.destination.ip()), to.destination.port()),
                ecn: None,
                contents: bytes,
                segment_size: segment,
                src_ip: self.own.contains(&source).then(|| mapped(source)),
            },
        )
    }
}

/// When a datagram came, by the kernel's stamp (since the Unix epoch) where it has one.
fn arrival(stamp: Option<Duration>, now: Instant, wall: SystemTime) -> Instant {
    stamp
        .and_then(|stamp| wall.duration_since(SystemTime::UNIX_EPOCH + stamp).ok())
        .filter(|age| *age <= OLDEST_ARRIVAL)
        .and_then(|age| now.checked_sub(age))
        .unwrap_or(now)
}

/// An address as a socket bound to `local` takes it.
pub(crate) fn mapped(local: SocketAddr, ip: IpAddr) -> IpAddr {
    match (local, ip) {
        (SocketAddr::V6(_), IpAddr::V4(v4)) => IpAddr::V6(v4.to_ipv6_mapped()),
        (_, ip) => ip,
    }
}

#[cfg(test)]
mod tests {
    use weir_sfu_core::{Path, Via};

    use super::*;

    #[test]
    fn shards_share_the_port_and_nobody_else_does() {
        let sockets = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert!(sockets.iter().all(|s| s.local_addr().unwrap() == address));
        let taken = bind(address, 1).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let (sockets, listener) = open(SocketAddr::from(([127, 0, 0, 1], 0)), 2, true).unwrap();
        let udp = sockets[0].local_addr().unwrap();
        assert_eq!(listener.unwrap().local_addr().unwrap(), udp);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let held = open(listener.local_addr().unwrap(), 1, true).unwrap_err();
        assert!(held.to_string().contains("media.tcp"), "{held}");
    }

    #[test]
    fn answers_name_reachable_addresses() {
        let bound = SocketAddr::from(([0, 0, 0, 0], 7882));
        let all = candidates(bound, &[], &[]);
        assert!(!all.is_empty());
        assert!(
            all.iter()
                .all(|c| c.port() == 7882 && !c.ip().is_unspecified())
        );
        let public = IpAddr::from([203, 0, 113, 9]);
        assert_eq!(
            candidates(bound, &[public], &[]),
            [SocketAddr::new(public, 7882)]
        );
        let both = candidates(bound, &[], &[public, public]);
        assert_eq!(both.len(), all.len() + 1, "beside the others");
        assert_eq!(both.last().unwrap().ip(), public);
        let one = SocketAddr::from(([127, 0, 0, 1], 5));
        let more = SocketAddr::from(([127, 0, 0, 1], 443));
        assert_eq!(tcp_candidates(&[one], &[443, 5]), [one, more]);
        assert_eq!(candidates(one, &[], &[]), [one]);
    }

    #[test]
    fn datagrams_arrive_when_the_kernel_has_them() {
        let mut sockets = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let mut socket = MediaSocket::new(sockets.remove(0)).unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let gap = Duration::from_millis(20);
        for number in 0..3 {
            peer.send_to(&[number], socket.local).unwrap();
            std::thread::sleep(gap);
        }
        let mut arrivals = Vec::new();
        while arrivals.len() < 3 {
            socket
                .receive(|_, _, arrived, datagram| arrivals.push((datagram[0], arrived)))
                .unwrap();
        }
        assert!(arrivals.iter().map(|(number, _)| *number).eq(0..3));
        for two in arrivals.windows(2) {
            assert!(two[1].1 - two[0].1 >= gap / 2, "{arrivals:?}");
        }
        assert!(arrivals[2].1 <= Instant::now() - gap / 2, "{arrivals:?}");
    }

    #[test]
    fn a_stamp_of_another_time_is_not_believed() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let epoch = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let ms = Duration::from_millis;
        assert_eq!(arrival(Some(epoch - ms(30)), now, wall), now - ms(30));
        for stamp in [None, Some(epoch + ms(5)), Some(epoch - ms(1_500))] {
            assert_eq!(arrival(stamp, now, wall), now);
        }
    }

    #[test]
    fn a_batch_arrives_as_its_datagrams() {
        let mut sockets = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let socket = MediaSocket::new(sockets.remove(0)).unwrap();
        let source = socket.local;
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let destination = peer.local_addr().unwrap();
        let contents = [vec![1; 500], vec![2; 500], vec![3; 20]].concat();
        let sent = socket.send(&Transmit {
            path: Path {
                source,
                destination,
                via: Via::Udp,
            },
            contents,
            segment: 500,
        });
        assert!(matches!(sent, Sent::Done(_)), "{sent:?}");
        let mut buffer = [0; 2_000];
        let lens = [(); 3].map(|()| peer.recv(&mut buffer).unwrap());
        assert_eq!(lens, [500, 500, 20]);
    }
}
