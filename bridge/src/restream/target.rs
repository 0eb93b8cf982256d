//! The task of one target: a connection after the other, until it is told to stop.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use weir_media::{Kind, MediaTime};
use weir_protocol::{RestreamState, RestreamStatus};

use super::{
    Target,
    connect::{AnyClient, ConnectError, Connector},
    queue::{About, Item, Queue},
    status::Meter,
};
use crate::rtmp::{ClientError, Metadata};

/// Wait after the first failure; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A connection that lived so long was a good one: its end is a first failure.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);

/// A server that refuses so often in a row will not change its mind. Some refuse for a while after a
/// connection broke, since they take the old one for alive.
const REFUSALS: u32 = 8;

/// While no media comes, the server's pings are answered this often.
const ATTEND: Duration = Duration::from_secs(2);

/// A server that is told goodbye may take so long to hear it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a target's task and its readers share.
#[derive(Debug, Default)]
pub struct Shared {
    /// What waits to be sent.
    pub queue: Queue,
    meter: Mutex<Meter>,
}

impl Shared {
    /// How it goes.
    pub fn status(&self) -> RestreamStatus {
        let dropped = self.queue.dropped();
        self.meter().read(dropped, Instant::now())
    }

    /// In one word.
    pub fn state(&self) -> RestreamState {
        self.meter().state()
    }

    /// This rendition is sent.
    pub fn rendition(&self, name: Option<String>) {
        self.meter().rendition(name);
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task.
pub struct Task {
    /// For logs.
    pub slug: String,
    /// Where to.
    pub target: Target,
    /// Makes connections.
    pub connector: Connector,
    /// Shared with the stream.
    pub shared: Arc<Shared>,
    /// Told of each change of state.
    pub changes: watch::Sender<u64>,
    /// When it ends.
    pub stop: CancellationToken,
}

impl Task {
    /// Sends until it is stopped.
    pub async fn run(self) {
        let stop = self.stop.clone();
        let mut wait = FIRST_WAIT;
        let mut refusals = 0;
        loop {
            if self.shared.state() != RestreamState::Retrying {
                self.set(RestreamState::Idle, None);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.shared.queue.flowing() => {}
            }
            self.set(RestreamState::Connecting, None);
            let connected = tokio::select! {
                () = stop.cancelled() => return,
                connected = self.connector.publish(&self.target) => connected,
            };
            let (reason, lived) = match connected {
                Ok(client) => {
                    info!(slug = %self.slug, target = %self.target.name, "restream is live");
                    refusals = 0;
                    let began = Instant::now();
                    self.set(RestreamState::Live, None);
                    self.shared.queue.open();
                    let ended = self.send(client).await;
                    self.shared.queue.close();
                    match ended {
                        Ok(()) => return,
                        Err(error) => (error.to_string(), began.elapsed()),
                    }
                }
                Err(ConnectError::Forbidden(reason)) => return self.fail(reason).await,
                Err(error @ ConnectError::Refused { .. }) => {
                    refusals += 1;
                    if refusals >= REFUSALS {
                        return self.fail(error.to_string()).await;
                    }
                    (error.to_string(), Duration::ZERO)
                }
                Err(error) => (error.to_string(), Duration::ZERO),
            };
            if lived >= HEALTHY_AFTER {
                wait = FIRST_WAIT;
            }
            let this = jitter(wait);
            warn!(slug = %self.slug, target = %self.target.name, reason, ?this, "restream is tried again");
            self.shared.meter().retry(reason, this);
            self.tell();
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(this) => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Sends until the connection fails; `Ok` when the task is to end.
    async fn send(&self, mut client: AnyClient) -> Result<(), ClientError> {
        // A session's times begin at zero.
        let mut origin = None;
        loop {
            let item = tokio::select! {
                () = self.stop.cancelled() => {
                    // The server is told, if it still listens.
                    let _ = timeout(CLOSE_TIMEOUT, client.close()).await;
                    return Ok(());
                }
                item = self.shared.queue.next() => item,
                () = sleep(ATTEND) => {
                    client.attend().await?;
                    continue;
                }
            };
            let sending = deliver(&mut client, item, &mut origin);
            let (bytes, keyframe) = tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                sent = sending => sent?,
            };
            let mut meter = self.shared.meter();
            meter.sent(bytes, Instant::now());
            if let Some(time) = keyframe {
                meter.keyframe(time);
            }
        }
    }

    /// It will not work as it is.
    async fn fail(&self, reason: String) {
        warn!(slug = %self.slug, target = %self.target.name, reason, "restream has failed");
        self.set(RestreamState::Failed, Some(reason));
        self.stop.cancelled().await;
    }

    fn set(&self, state: RestreamState, reason: Option<String>) {
        {
            let mut meter = self.shared.meter();
            if meter.state() == state && state == RestreamState::Idle {
                return;
            }
            meter.set(state, reason);
        }
        self.tell();
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// Sends one item; gives its bytes, and its time when it is a keyframe.
async fn deliver(
    client: &mut AnyClient,
    item: Item,
    origin: &mut Option<MediaTime>,
) -> Result<(usize, Option<MediaTime>), ClientError> {
    match item {
        Item::About(about) => {
            client.send_metadata(&metadata(&about)).await?;
            Ok((0, None))
        }
        Item::Format(format) => {
            client.send_format(&format).await?;
            Ok((0, None))
        }
        Item::Unit(mut unit) => {
            let first = *origin.get_or_insert(unit.dts);
            unit.dts = unit.dts.saturating_sub(first);
            unit.pts = unit.pts.saturating_sub(first);
            client.send(&unit).await?;
            let keyframe = unit.keyframe && unit.kind == Kind::Video;
            Ok((unit.data.len(), keyframe.then_some(unit.dts)))
        }
    }
}

fn metadata(about: &About) -> Metadata {
    Metadata {
        video: about.video.then_some((about.width, about.height)),
        frame_rate: about.frame_rate,
        video_bitrate: about.video_bitrate,
        audio: about.audio.then_some(about.channels),
        audio_bitrate: about.audio_bitrate,
    }
}

/// Three quarters to five quarters of the time: many that fail together do not come back together.
fn jitter(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.75..1.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_differ_around_their_mean() {
        let waits: Vec<_> = (0..100).map(|_| jitter(Duration::from_secs(4))).collect();
        assert!(waits.iter().all(|wait| (3..=5).contains(&wait.as_secs())));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
