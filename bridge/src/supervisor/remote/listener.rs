//! The server's side: takes connections, and keeps those that wait for a stream.

use std::{
    fmt,
    io::{self, Cursor},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{BAD_TOKEN, MAGIC, OTHER_VERSION, TOKEN_MAX, WELCOME};
use crate::link::{Frames, VERSION, message::FromWorker};

/// From the connection to the end of the greeting.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that may be in their greeting at one time. Further ones wait to be accepted.
const GREETINGS: usize = 32;

/// A connection that waits says that it is alive every few seconds; one that does not is gone.
const SILENCE: Duration = Duration::from_secs(15);

/// Connections that may wait for streams. Further ones are closed.
const SLOTS: usize = 1024;

/// The SHA-256 of the token that workers must show.
pub type TokenHash = [u8; 32];

/// Connections that wait for streams. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    idle: Arc<Mutex<Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    number: u64,
    wanted: oneshot::Sender<oneshot::Sender<Slot>>,
}

/// A connection on which a stream may be placed.
pub(crate) struct Slot {
    pub(crate) peer: SocketAddr,
    pub(crate) read: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) write: Box<dyn AsyncWrite + Send + Unpin>,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Takes connections until `stop`. `token` gives what their token's hash must be now.
    pub async fn listen(
        self,
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        token: impl Fn() -> Option<TokenHash> + Send + Sync + 'static,
        stop: CancellationToken,
    ) {
        let acceptor = TlsAcceptor::from(tls);
        let token = Arc::new(token);
        let greetings = Arc::new(Semaphore::new(GREETINGS));
        let mut number = 0;
        loop {
            // The semaphore is never closed.
            let Ok(permit) = greetings.clone().acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a worker's connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            number += 1;
            let (pool, acceptor, token) = (self.clone(), acceptor.clone(), token.clone());
            let stop = stop.clone();
            tokio::spawn(async move {
                let greeted = timeout(GREETING_TIMEOUT, greet(tcp, &acceptor, &*token)).await;
                drop(permit);
                match greeted {
                    Ok(Ok(stream)) => tokio::select! {
                        () = stop.cancelled() => {}
                        () = pool.keep(stream, peer, number) => {}
                    },
                    Ok(Err(error)) => warn!(%peer, %error, "a worker's connection is refused"),
                    Err(_) => warn!(%peer, "a worker's connection did not greet in time"),
                }
            });
        }
    }

    /// Connections that wait.
    pub fn waiting(&self) -> usize {
        self.idle().len()
    }

    /// One that waits, if there is.
    pub(crate) async fn take(&self) -> Option<Slot> {
        loop {
            let idle = self.idle().pop()?;
            let (give, slot) = oneshot::channel();
            if idle.wanted.send(give).is_ok()
                && let Ok(slot) = slot.await
            {
                return Some(slot);
            }
        }
    }

    /// Keeps a connection until a stream is placed on it, or it goes.
    async fn keep(&self, mut stream: TlsStream<TcpStream>, peer: SocketAddr, number: u64) {
        let (wanted, mut taken) = oneshot::channel();
        {
            let mut idle = self.idle();
            if idle.len() >= SLOTS {
                warn!(%peer, "a worker's connection is closed: {SLOTS} wait already");
                return;
            }
            idle.push(Idle { number, wanted });
        }
        info!(%peer, "a remote worker waits for streams");
        let mut frames = Frames::default();
        let mut last_heard = tokio::time::Instant::now();
        loop {
            match frames.next_frame() {
                Ok(None) => {}
                Ok(Some((kind, body)))
                    if FromWorker::decode(kind, body.clone()) == Ok(FromWorker::Heartbeat) =>
                {
                    last_heard = tokio::time::Instant::now();
                    continue;
                }
                _ => break,
            }
            tokio::select! {
                give = &mut taken => {
                    if let Ok(give) = give {
                        // Half of a sign of life may have been read.
                        let begun = Cursor::new(std::mem::take(frames.space()).freeze());
                        let (read, write) = tokio::io::split(stream);
                        let slot = Slot {
                            peer,
                            read: Box::new(begun.chain(read)),
                            write: Box::new(write),
                        };
                        // Whoever asked may have gone; the connection goes with the slot.
                        let _ = give.send(slot);
                    }
                    return;
                }
                read = stream.read_buf(frames.space()) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                },
                () = tokio::time::sleep_until(last_heard + SILENCE) => break,
            }
        }
        self.idle().retain(|idle| idle.number != number);
        debug!(%peer, "a remote worker that waited is gone");
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// TLS, and the worker's token.
async fn greet(
    tcp: TcpStream,
    acceptor: &TlsAcceptor,
    token: &(dyn Fn() -> Option<TokenHash> + Send + Sync),
) -> io::Result<TlsStream<TcpStream>> {
    tcp.set_nodelay(true)?;
    let mut stream = acceptor.accept(tcp).await?;
    let mut magic = [0; MAGIC.len()];
    stream.read_exact(&mut magic).await?;
    if &magic != MAGIC {
        return Err(io::Error::other("it is no worker"));
    }
    let version = stream.read_u16().await?;
    let length = usize::from(stream.read_u16().await?);
    if length > TOKEN_MAX {
        return Err(io::Error::other("its token is too long"));
    }
    let mut shown = vec![0; length];
    stream.read_exact(&mut shown).await?;
    let shown = digest(&SHA256, &shown);
    // Before anything else is told: who has no token learns nothing.
    let known = token().is_some_and(|hash| verify_slices_are_equal(&hash, shown.as_ref()).is_ok());
    let (answer, refusal) = match (known, version) {
        (false, _) => (BAD_TOKEN, Some("it has another token".to_owned())),
        (true, VERSION) => (WELCOME, None),
        (true, other) => (
            OTHER_VERSION,
            Some(format!(
                "it speaks version {other} of the link, this server {VERSION}"
            )),
        ),
    };
    stream.write_all(&[answer]).await?;
    stream.flush().await?;
    match refusal {
        None => Ok(stream),
        Some(why) => {
            // It hears why before the connection goes.
            let _ = stream.shutdown().await;
            Err(io::Error::other(why))
        }
    }
}
