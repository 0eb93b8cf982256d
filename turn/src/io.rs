//! Sockets around the [`Server`]: a thread of its own, so that neither the media plane nor HTTP waits for
//! it. It holds the one UDP socket; streams have a task each, there or elsewhere, that cuts out messages.

mod census;
mod driver;
mod stream;
mod udp;

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Instant,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, watch},
};

use crate::server::{ServerConfig, ServerStats};
use census::Census;
use driver::{Batch, Driver, DriverParts};
use stream::StreamInput;

/// Batches that the media plane may be ahead. Beyond, they are dropped, as a network would.
const BATCHES: usize = 4_096;

/// Messages of streams that wait; their tasks then wait too, and so do their clients.
const STREAM_INPUTS: usize = 1_024;

/// Sessions that ended and that the thread has not heard of. Beyond, credentials work to their own end.
const ENDED: usize = 16_384;

/// Wanted kernel buffer of the UDP socket and direction, in bytes.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Connections that wait in the kernel.
const BACKLOG: i32 = 512;

/// How often another free port is tried when TCP's of the same number is taken.
const FREE_PORT_ATTEMPTS: usize = 16;

/// The media plane, which relayed addresses speak to. None of these blocks.
pub trait Media: Send + 'static {
    /// A datagram from a relayed address to a media address, and when it came.
    fn deliver(
        &mut self,
        relayed: SocketAddr,
        media: SocketAddr,
        arrived: Instant,
        datagram: &[u8],
    );

    /// Nobody has this relayed address any more.
    fn closed(&mut self, relayed: SocketAddr);

    /// Called every second.
    fn tick(&mut self);
}

/// A running TURN server. Cheap to clone; it stops by [`stop`](Self::stop), or when the last clone is
/// dropped.
#[derive(Clone)]
pub struct Turn {
    address: SocketAddr,
    batches: mpsc::Sender<Batch>,
    streams: mpsc::Sender<StreamInput>,
    ended: mpsc::Sender<Box<str>>,
    media: watch::Sender<Vec<SocketAddr>>,
    stop: Arc<watch::Sender<bool>>,
    census: Arc<Census>,
    stats: Arc<Mutex<ServerStats>>,
}

impl Turn {
    /// Listens on a UDP and a TCP port of the same number, and relays to these media addresses. Port 0
    /// takes a free one.
    ///
    /// # Errors
    /// When the address cannot be bound for either, or the thread cannot start.
    pub fn start(
        listen: SocketAddr,
        config: ServerConfig,
        media: Vec<SocketAddr>,
        peer: impl Media,
    ) -> io::Result<Self> {
        let (udp, tcp) = bind(listen)?;
        let address = udp.local_addr()?;
        let (batches, from_media) = mpsc::channel(BATCHES);
        let (streams, from_streams) = mpsc::channel(STREAM_INPUTS);
        let (ended, sessions_ended) = mpsc::channel(ENDED);
        let (media, media_addresses) = watch::channel(media);
        let (stop, stopped) = watch::channel(false);
        let census = Arc::new(Census::default());
        let stats = Arc::new(Mutex::default());
        let parts = DriverParts {
            config,
            udp,
            from_media,
            from_streams,
            sessions_ended,
            media_addresses,
            stopped: stopped.clone(),
            stats: Arc::clone(&stats),
        };
        let accepting = stream::Accepting {
            listener: tcp,
            // Weak, so that the last clone of `Turn` ends the thread.
            streams: streams.downgrade(),
            census: census.clone(),
            stopped,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new().name("turn".to_owned());
        thread.spawn(move || {
            runtime.block_on(async move {
                tokio::spawn(accepting.run());
                match Driver::new(parts, peer) {
                    Ok(driver) => driver.run().await,
                    Err(error) => tracing::error!(%error, "the TURN server cannot run"),
                }
            });
        })?;
        Ok(Self {
            address,
            batches,
            streams,
            ended,
            media,
            stop: Arc::new(stop),
            census,
            stats,
        })
    }

    /// Where it listens, with port 0 resolved.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Datagrams that the media plane sends from one of its addresses to a relayed one: all of `segment`
    /// octets but the last, which may be shorter. Never blocks. False when they were dropped, since the
    /// thread does not keep up.
    pub fn send(
        &self,
        relayed: SocketAddr,
        media: SocketAddr,
        contents: &[u8],
        segment: usize,
    ) -> bool {
        let batch = Batch {
            relayed,
            media,
            contents: contents.into(),
            segment,
        };
        self.batches.try_send(batch).is_ok()
    }

    /// A session is over, and so are its credentials. Never blocks.
    pub fn session_ended(&self, session: &str) {
        // A queue that is full costs no more than that they work to their own end.
        let _ = self.ended.try_send(session.into());
    }

    /// The media plane has these addresses from now on.
    pub fn set_media(&self, addresses: Vec<SocketAddr>) {
        self.media.send_replace(addresses);
    }

    /// Serves a client over a stream that somebody else accepted, TLS for example, until either end
    /// closes it. `peer` and `local` are the addresses of its two ends. What comes must begin with a STUN
    /// message; see [`is_turn`](crate::server::framing::is_turn).
    pub async fn serve_stream<S>(&self, stream: S, peer: SocketAddr, local: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let mut stopped = self.stop.subscribe();
        let serve = stream::serve(&self.streams, &self.census, stream, peer, local);
        tokio::select! {
            () = serve => {}
            // An error means that nobody can stop it any more.
            Ok(_) = stopped.wait_for(|stop| *stop) => {}
        }
    }

    /// Counters and gauges, at most a second old.
    pub fn stats(&self) -> ServerStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections now, of TCP and TLS.
    pub fn connections(&self) -> usize {
        self.census.connections()
    }

    /// Closes all connections and ends the thread.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// A UDP socket and a TCP listener on one port number.
fn bind(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    for attempt in 1.. {
        let udp = socket(listen, Type::DGRAM, Protocol::UDP)?;
        let _ = udp.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = udp.set_send_buffer_size(SOCKET_BUFFER);
        udp.bind(&listen.into())?;
        let udp = UdpSocket::from(udp);
        let bound = udp.local_addr()?;
        let tcp = socket(listen, Type::STREAM, Protocol::TCP)?;
        // Connections of an earlier run that are still closing do not hold the port.
        tcp.set_reuse_address(true)?;
        match tcp.bind(&bound.into()).and_then(|()| tcp.listen(BACKLOG)) {
            Ok(()) => return Ok((udp, tcp.into())),
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && listen.port() == 0
                    && attempt < FREE_PORT_ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("the loop returns")
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
