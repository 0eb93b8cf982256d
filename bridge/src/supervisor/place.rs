//! Where a stream's worker runs.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    process::Child,
    time::timeout,
};

use tracing::info;

use super::{Bridge, local};

/// A worker whose link is closed is gone within this time.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// A worker that was started, and its link.
pub(super) struct Place {
    pub(super) read: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) write: Box<dyn AsyncWrite + Send + Unpin>,
    pub(super) worker: Worker,
}

/// A worker that was started.
pub(super) enum Worker {
    /// A child process.
    Local(Child),
    /// Somewhere else; the connection is all that there is of it here.
    Remote(SocketAddr),
}

/// Starts a worker for a stream.
///
/// # Errors
/// Why there is none.
pub(super) async fn start(bridge: &Bridge, slug: &str, only_local: bool) -> Result<Place, String> {
    if !only_local
        && let Some(pool) = &bridge.config.remote
        && let Some(slot) = pool.take().await
    {
        info!(slug, peer = %slot.peer, "stream placed on a remote worker");
        return Ok(Place {
            read: slot.read,
            write: slot.write,
            worker: Worker::Remote(slot.peer),
        });
    }
    let (child, link) = local::start(&bridge.config.worker, &bridge.config.limits, slug)
        .await
        .map_err(|error| format!("cannot start the worker: {error}"))?;
    let (read, write) = link.into_split();
    Ok(Place {
        read: Box::new(read),
        write: Box::new(write),
        worker: Worker::Local(child),
    })
}

impl Worker {
    /// How it went, after its link was closed; `ended` when the source had.
    ///
    /// # Errors
    /// Why it must be replaced.
    pub(super) async fn outcome(&mut self, ended: bool) -> Result<(), String> {
        match self {
            Self::Local(child) => match timeout(EXIT_TIMEOUT, child.wait()).await {
                Ok(Ok(status)) if status.success() && ended => Ok(()),
                Ok(Ok(status)) => Err(status.to_string()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("it closed the link but did not exit".to_owned()),
            },
            Self::Remote(_) if ended => Ok(()),
            Self::Remote(peer) => Err(format!("the remote worker at {peer} is gone")),
        }
    }

    /// Why it must be replaced, with where it is.
    pub(super) fn lost(&self, reason: String) -> String {
        match self {
            Self::Local(_) => reason,
            Self::Remote(peer) => format!("the remote worker at {peer} is gone: {reason}"),
        }
    }

    /// Ends it, whatever it does.
    pub(super) async fn end(&mut self) {
        match self {
            // Already dead or about to be; an error here says that it is dead.
            Self::Local(child) => {
                let _ = child.kill().await;
            }
            // The connection is closed by now, and the far end ends it.
            Self::Remote(_) => {}
        }
    }

    /// Whether it is on another machine.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }
}
