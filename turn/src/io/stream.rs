//! Clients over TCP and TLS.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, watch},
    time::{Instant, timeout, timeout_at},
};

use super::census::{Census, Place, Stranger};
use crate::server::{Client, Transport, framing::Deframer};

/// A client that says nothing whole for this long is gone: permissions must be renewed every five minutes.
const SILENT: Duration = Duration::from_secs(330);

/// The first message must be there this long after the connection.
const FIRST: Duration = Duration::from_secs(10);

/// A client that takes nothing for this long is cut off.
const STUCK: Duration = Duration::from_secs(10);

/// Bytes that wait for a client. Beyond, what is for it is dropped, as in a network: 0.8 s of 5 Mbit/s.
const MAX_WAITING: usize = 512 * 1024;

/// Messages that wait for a client.
const MAX_MESSAGES: usize = 4_096;

/// Bytes that the kernel may hold unsent: what waits there cannot be left out any more.
const UNSENT: u32 = 128 * 1024;

/// When no connection can be taken (no file descriptors), it is tried again after this.
const RETRY: Duration = Duration::from_millis(200);

/// Tells connections apart that one client makes from the same port, one after the other.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What a stream's task tells the thread.
pub(crate) enum StreamInput {
    Opened {
        client: Client,
        id: u64,
        out: StreamOut,
        stranger: Stranger,
    },
    Message {
        client: Client,
        id: u64,
        bytes: Box<[u8]>,
    },
    Closed {
        client: Client,
        id: u64,
    },
}

/// The way to a client. The connection is closed when this is dropped.
#[derive(Clone)]
pub(crate) struct StreamOut {
    queue: mpsc::Sender<Box<[u8]>>,
    waiting: Arc<AtomicUsize>,
}

impl StreamOut {
    /// The connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// False when too much waits.
    pub(crate) fn send(&self, bytes: &[u8]) -> bool {
        let len = bytes.len();
        if self.waiting.load(Ordering::Relaxed) + len > MAX_WAITING {
            return false;
        }
        self.waiting.fetch_add(len, Ordering::Relaxed);
        let sent = self.queue.try_send(bytes.into()).is_ok();
        if !sent {
            self.waiting.fetch_sub(len, Ordering::Relaxed);
        }
        sent
    }
}

/// Takes TCP connections.
pub(crate) struct Accepting {
    pub(crate) listener: TcpListener,
    pub(crate) streams: mpsc::WeakSender<StreamInput>,
    pub(crate) census: Arc<Census>,
    pub(crate) stopped: watch::Receiver<bool>,
}

impl Accepting {
    pub(crate) async fn run(mut self) {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "the TURN server takes no TCP connections");
                return;
            }
        };
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                // An error means that the last handle is gone.
                _ = self.stopped.wait_for(|stop| *stop) => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "a TCP connection cannot be taken");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            let (Ok(local), Some(streams)) = (stream.local_addr(), self.streams.upgrade()) else {
                continue;
            };
            let socket = SockRef::from(&stream);
            let _ = socket.set_tcp_nodelay(true);
            let _ = socket.set_tcp_notsent_lowat(UNSENT);
            let census = self.census.clone();
            tokio::spawn(async move { serve(&streams, &census, stream, peer, local).await });
        }
    }
}

/// Serves one client until either end closes.
pub(crate) async fn serve<S>(
    streams: &mpsc::Sender<StreamInput>,
    census: &Arc<Census>,
    stream: S,
    peer: SocketAddr,
    local: SocketAddr,
) where
    S: AsyncRead + AsyncWrite + Send,
{
    let canonical =
        |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let client = Client {
        transport: Transport::Stream,
        peer: canonical(peer),
        local: canonical(local),
    };
    let Some((place, stranger)) = census.admit(client.peer.ip()) else {
        tracing::debug!(client = %client.peer, "too many TURN connections");
        return;
    };
    let (queue, queued) = mpsc::channel(MAX_MESSAGES);
    let waiting = Arc::new(AtomicUsize::new(0));
    let out = StreamOut {
        queue,
        waiting: waiting.clone(),
    };
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let closed = Closed {
        streams: Some(streams.clone()),
        client,
        id,
        _place: place,
    };
    let opened = StreamInput::Opened {
        client,
        id,
        out,
        stranger,
    };
    if streams.send(opened).await.is_err() {
        return;
    }
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        () = read(streams, client, id, reader) => {}
        () = write(writer, queued, &waiting) => {}
    }
    closed.tell().await;
}

/// Tells the thread that a connection is closed, also when its task is dropped.
struct Closed {
    streams: Option<mpsc::Sender<StreamInput>>,
    client: Client,
    id: u64,
    _place: Place,
}

impl Closed {
    async fn tell(mut self) {
        if let Some(streams) = self.streams.take() {
            let (client, id) = (self.client, self.id);
            // An error means that the thread is gone.
            let _ = streams.send(StreamInput::Closed { client, id }).await;
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Some(streams) = self.streams.take() {
            let (client, id) = (self.client, self.id);
            // When the queue is full, the thread finds out by itself: nobody takes what it sends.
            let _ = streams.try_send(StreamInput::Closed { client, id });
        }
    }
}

/// Cuts messages out of what comes.
async fn read(
    streams: &mpsc::Sender<StreamInput>,
    client: Client,
    id: u64,
    mut reader: impl AsyncRead + Unpin,
) {
    let mut deframer = Deframer::default();
    let mut buffer = vec![0; 8 * 1024];
    // Single bytes gain no time, only messages do.
    let mut until = Instant::now() + FIRST;
    loop {
        let Ok(Ok(len @ 1..)) = timeout_at(until, reader.read(&mut buffer)).await else {
            return;
        };
        deframer.push(buffer.get(..len).unwrap_or_default());
        loop {
            let message = match deframer.message() {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(client = %client.peer, %error, "a TURN connection is cut");
                    return;
                }
            };
            until = Instant::now() + SILENT;
            let bytes = message.into();
            let message = StreamInput::Message { client, id, bytes };
            if streams.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// Writes what waits.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut queued: mpsc::Receiver<Box<[u8]>>,
    waiting: &AtomicUsize,
) {
    while let Some(bytes) = queued.recv().await {
        let written = timeout(STUCK, async {
            writer.write_all(&bytes).await?;
            // TLS keeps records until it is told.
            if queued.is_empty() {
                writer.flush().await?;
            }
            std::io::Result::Ok(())
        });
        if !matches!(written.await, Ok(Ok(()))) {
            return;
        }
        waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
    }
    // The thread wants it closed.
    let _ = timeout(STUCK, writer.shutdown()).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use weir_rtp::stun::binding_request;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_drips_is_cut() {
        let end = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let client = Client {
            transport: Transport::Stream,
            peer: end(5_000),
            local: end(3_478),
        };
        for (whole, patience) in [(false, FIRST), (true, SILENT)] {
            let (streams, mut came) = mpsc::channel(8);
            let (mut wire, server) = duplex(1_024);
            let dripping = tokio::spawn(async move {
                let message = binding_request(&[1; 12]);
                if whole {
                    wire.write_all(&message).await.unwrap();
                }
                for byte in message.iter().take(19) {
                    if wire.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_secs(30).min(patience / 4)).await;
                }
                std::future::pending::<()>().await;
            });
            let began = Instant::now();
            read(&streams, client, 1, server).await;
            assert_eq!(began.elapsed(), patience);
            assert_eq!(came.try_recv().is_ok(), whole);
            assert!(came.try_recv().is_err());
            dripping.abort();
        }
    }
}
