//! How publishers are sent elsewhere before the server stops ("Reconnect Request" of Enhanced RTMP).

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Shared by the listeners, their sessions, and whoever stops the server. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    begun: CancellationToken,
    /// Sessions whose client goes when it is asked to.
    movable: TaskTracker,
}

impl Drain {
    /// Closes the listeners, asks the publishers that understand it to connect elsewhere, and waits
    /// until they have gone, but not longer than `limit`. Their media is taken meanwhile. Publishers
    /// that do not understand it are left alone. Returns whether all that were asked have gone.
    pub async fn run(&self, limit: Duration) -> bool {
        self.begun.cancel();
        self.movable.close();
        tokio::time::timeout(limit, self.movable.wait())
            .await
            .is_ok()
    }

    /// Ends when the server is about to stop.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Counts a session for as long as the token lives.
    pub(super) fn movable(&self) -> TaskTrackerToken {
        self.movable.token()
    }
}
