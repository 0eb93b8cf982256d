//! UDP sockets that receive and send several datagrams with one system call.

use std::{
    io::{self, ErrorKind, IoSliceMut},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// Receive buffer: half a second of a viewer's media, so that a generator thread that has to wait
/// for a core loses nothing.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Datagram trains taken with one system call.
const TRAINS: usize = 4;

/// Longest train: that of a GRO receive.
const TRAIN_BYTES: usize = 65_535;

/// A non-blocking socket.
#[derive(Debug)]
pub struct BatchSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
}

impl BatchSocket {
    /// Binds a free port of the loopback interface.
    ///
    /// # Errors
    /// When the system has no more sockets.
    pub fn bind() -> io::Result<Self> {
        Self::bind_to(Ipv4Addr::LOCALHOST.into())
    }

    /// Binds a free port of an address of this machine.
    ///
    /// # Errors
    /// When the system has no more sockets, or the address is not this machine's.
    pub fn bind_to(address: IpAddr) -> io::Result<Self> {
        let domain = if address.is_ipv4() {
            Domain::IPV4
        } else {
            Domain::IPV6
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        // The system may give less; what is lost is counted.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.bind(&SocketAddr::new(address, 0).into())?;
        let socket = UdpSocket::from(socket);
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            state,
            address,
        })
    }

    /// Where it receives.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Most datagrams in one send.
    pub fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends datagrams of `segment` bytes each, the last one as long as what is left. False when
    /// the socket's buffer is full.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn send(&self, contents: &[u8], segment: usize, to: SocketAddr) -> io::Result<bool> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: (segment < contents.len()).then_some(segment),
            src_ip: None,
        };
        match self
            .state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
        {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            // A peer that is gone tells so by ICMP; others must not suffer.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Sends one datagram in the plainest way there is.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn send_plain(&self, contents: &[u8], to: SocketAddr) -> io::Result<bool> {
        match self.socket.send_to(contents, to) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes everything that waits.
    ///
    /// # Errors
    /// Those of the socket, and those of `each`.
    pub fn receive(
        &self,
        buffers: &mut Buffers,
        mut each: impl FnMut(SocketAddr, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            let mut slices = buffers.bytes.each_mut().map(|b| IoSliceMut::new(b));
            let trains = match self.state.recv(
                UdpSockRef::from(&self.socket),
                &mut slices,
                &mut buffers.metas,
            ) {
                Ok(trains) => trains,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error.into()),
            };
            for (bytes, meta) in buffers.bytes.iter().zip(&buffers.metas).take(trains) {
                for datagram in bytes[..meta.len].chunks(meta.stride.max(1)) {
                    each(meta.addr, datagram)?;
                }
            }
            if trains < TRAINS {
                return Ok(());
            }
        }
    }
}

/// Room for one receive; one per thread.
pub struct Buffers {
    bytes: [Vec<u8>; TRAINS],
    metas: [RecvMeta; TRAINS],
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            bytes: std::array::from_fn(|_| vec![0; TRAIN_BYTES]),
            metas: std::array::from_fn(|_| RecvMeta::default()),
        }
    }
}
