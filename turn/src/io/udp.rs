//! The UDP socket, with segmentation offload where the kernel has it.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use tokio::{io::Interest, net::UdpSocket};

use crate::server::{Client, Transport};

/// Bytes of one receive buffer: the most that GRO puts together.
const RECEIVE_BUFFER: usize = 65_536;

/// Most bytes of one send: a UDP length field less headers.
const MAX_SEND: usize = 65_000;

pub(crate) struct Udp {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

/// What datagrams are read into.
pub(crate) struct Buffers(Vec<u8>);

impl Default for Buffers {
    fn default() -> Self {
        Self(vec![0; RECEIVE_BUFFER * BATCH_SIZE])
    }
}

impl Udp {
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let local = socket.local_addr()?;
        let io = UdpSocket::from_std(socket)?;
        Ok(Self { io, state, local })
    }

    /// Waits until something may be read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Reads one batch. `WouldBlock` when there is nothing more.
    pub(crate) fn receive(
        &self,
        buffers: &mut Buffers,
        mut each: impl FnMut(&Client, &[u8]),
    ) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let count = {
            let mut chunks = buffers.0.chunks_exact_mut(RECEIVE_BUFFER);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
                IoSliceMut::new(chunks.next().expect("one buffer per slot of the batch"))
            });
            self.io.try_io(Interest::READABLE, || {
                self.state.recv((&self.io).into(), &mut slices, &mut metas)
            })?
        };
        let buffers = buffers.0.chunks_exact(RECEIVE_BUFFER);
        for (meta, buffer) in metas.iter().zip(buffers).take(count) {
            let local = match meta.dst_ip {
                Some(ip) if self.local.ip().is_unspecified() => {
                    SocketAddr::new(ip.to_canonical(), self.local.port())
                }
                Some(_) | None => self.local,
            };
            let client = Client {
                transport: Transport::Udp,
                peer: SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port()),
                local,
            };
            let read = buffer.get(..meta.len).unwrap_or_default();
            for datagram in read.chunks(meta.stride.max(1)) {
                each(&client, datagram);
            }
        }
        Ok(())
    }

    /// Sends datagrams of `segment` octets, the last of which may be shorter. What the kernel does not
    /// take is lost, as in a network; tells how many.
    pub(crate) fn send(&self, client: &Client, contents: &[u8], segment: usize) -> u64 {
        let segment = segment.max(1);
        let most = self.state.max_gso_segments().min(MAX_SEND / segment).max(1);
        let mut lost = 0;
        let mut batches = contents.chunks(segment * most);
        while let Some(batch) = batches.next() {
            let segments = (batch.len() > segment).then_some(segment);
            let sent = self.try_send(client, batch, segments);
            match sent {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let rest = batches.map(<[u8]>::len).sum::<usize>() + batch.len();
                    return lost + rest.div_ceil(segment) as u64;
                }
                // Not the batch but GSO itself may have been refused: one by one then.
                Err(error) if segments.is_some() => {
                    tracing::debug!(%error, "batch refused");
                    for datagram in batch.chunks(segment) {
                        lost += u64::from(self.try_send(client, datagram, None).is_err());
                    }
                }
                Err(error) => {
                    tracing::trace!(%error, client = %client.peer, "datagram refused");
                    lost += 1;
                }
            }
        }
        lost
    }

    fn try_send(&self, client: &Client, contents: &[u8], segment: Option<usize>) -> io::Result<()> {
        // The answer comes from where the question went to, on a machine with several addresses too.
        let unspecified = self.local.ip().is_unspecified();
        let known = unspecified && !client.local.ip().is_unspecified();
        let transmit = quinn_udp::Transmit {
            destination: SocketAddr::new(self.mapped(client.peer.ip()), client.peer.port()),
            ecn: None,
            contents,
            segment_size: segment,
            src_ip: known.then(|| self.mapped(client.local.ip())),
        };
        self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send((&self.io).into(), &transmit)
        })
    }

    /// An address as this socket takes it.
    fn mapped(&self, ip: IpAddr) -> IpAddr {
        match (self.local, ip) {
            (SocketAddr::V6(_), IpAddr::V4(v4)) => IpAddr::V6(v4.to_ipv6_mapped()),
            (_, ip) => ip,
        }
    }
}
