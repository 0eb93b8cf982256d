//! The task of one stream: a worker after the other until the source ends.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tracing::{debug, error, info, warn};
use weir_protocol::finding::{FindingCode, FindingReport, Severity};

use super::{
    Bridge, SourceUnit,
    feed::{Link, feed},
    history::History,
    place::{self, Place},
    queue::SourceReader,
    take::take,
};
use crate::output::{Requests, StreamOutput};

/// A worker that lived this long died by itself; one that did not is in a loop of crashes.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// Wait before the second start in a row of crashes; it doubles up to [`LONGEST_WAIT`]. The first
/// restart is at once.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Longest wait between two starts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub(super) async fn run(
    bridge: Bridge,
    slug: String,
    output: Box<dyn StreamOutput>,
    requests: Requests,
    source: SourceReader,
    wanted: Arc<Notify>,
) {
    let mut stream = Stream {
        bridge,
        slug,
        output,
        requests,
        source,
        wanted,
        history: History::default(),
        remote: false,
        only_local: false,
    };
    let mut wait = Duration::ZERO;
    // An earlier publisher's media may have crashed workers a moment ago.
    if stream.quarantine("").await.is_continue() {
        loop {
            let started = Instant::now();
            let reason = match stream.serve().await {
                Ok(()) => break,
                Err(reason) => reason,
            };
            warn!(slug = %stream.slug, %reason, "bridge worker replaced");
            stream
                .bridge
                .counters
                .worker_restarts
                .fetch_add(1, Ordering::Relaxed);
            stream.output.worker_restarted(&reason);
            let healthy = started.elapsed() >= HEALTHY_AFTER;
            if healthy {
                wait = Duration::ZERO;
            }
            stream.only_local = stream.remote && !healthy;
            let pause = match stream.crashed() {
                true => stream.quarantine(&reason).await,
                false => stream.pause(wait, |_| false).await,
            };
            if pause.is_break() {
                break;
            }
            wait = (wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
        }
    }
    info!(slug = %stream.slug, "bridge stream ended");
}

struct Stream {
    bridge: Bridge,
    slug: String,
    output: Box<dyn StreamOutput>,
    requests: Requests,
    source: SourceReader,
    wanted: Arc<Notify>,
    history: History,
    /// Whether the last worker was on another machine.
    remote: bool,
    /// The next worker is started here: the last one elsewhere did not live long.
    only_local: bool,
}

impl Stream {
    /// Runs one worker. `Ok` at the source's end, else why the worker must be replaced.
    async fn serve(&mut self) -> Result<(), String> {
        let Place {
            read,
            write,
            mut worker,
        } = place::start(&self.bridge, &self.slug, self.only_local).await?;
        self.remote = worker.is_remote();
        let _running = Running::new(self.bridge.clone());
        let link = Link {
            bridge: &self.bridge,
            wanted: &self.wanted,
            ended: AtomicBool::new(false),
            progress: Mutex::default(),
        };
        let taken = {
            let feed = feed(
                write,
                &self.source,
                &mut self.requests,
                &mut self.history,
                &link,
            );
            let take = take(read, &self.source, &mut *self.output, &link);
            tokio::pin!(feed, take);
            let mut feeding = true;
            loop {
                tokio::select! {
                    // When feeding fails the worker is gone, and the reading end says how.
                    result = &mut feed, if feeding => {
                        feeding = false;
                        if let Err(error) = result {
                            debug!(slug = %self.slug, %error, "cannot write to the worker");
                        }
                    }
                    result = &mut take => break result,
                }
            }
        };
        let ended = link.ended.into_inner();
        let reason = match taken {
            // The link is closed: the worker is about to be gone.
            Ok(()) => match worker.outcome(ended).await {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            },
            Err(reason) => worker.lost(reason),
        };
        worker.end().await;
        if ended {
            warn!(slug = %self.slug, %reason, "bridge worker did not end in order");
            return Ok(());
        }
        Err(reason)
    }

    /// Notes a crash; whether the stream is left alone from now on.
    fn crashed(&self) -> bool {
        let formats = self.history.formats().cloned().collect();
        let (now, config) = (Instant::now().into(), &self.bridge.config.quarantine);
        let quarantines = &self.bridge.quarantines;
        quarantines
            .crashed(&self.slug, formats, now, config)
            .is_some()
    }

    /// Waits while the stream is left alone, until that is over or the source becomes another one.
    async fn quarantine(&mut self, reason: &str) -> ControlFlow<()> {
        let bridge = self.bridge.clone();
        let Some(left) = bridge.quarantines.left(&self.slug, Instant::now().into()) else {
            return ControlFlow::Continue(());
        };
        error!(
            slug = %self.slug, %reason, ?left,
            "this stream crashes its workers: it is left alone, and its viewers see nothing new meanwhile"
        );
        bridge.counters.quarantines.fetch_add(1, Ordering::Relaxed);
        let _quarantined = Quarantined::new(bridge.clone());
        self.output.finding(self.finding(true, left, reason));
        let slug = self.slug.clone();
        let ends = |unit: &SourceUnit| match unit {
            SourceUnit::Format(format) => bridge.quarantines.ends_with(&slug, format),
            SourceUnit::AccessUnit(_) | SourceUnit::Rtp(_) | SourceUnit::Finding(_) => false,
        };
        self.pause(left, ends).await?;
        self.output.finding(self.finding(false, left, reason));
        info!(slug = %self.slug, "the stream is tried again");
        ControlFlow::Continue(())
    }

    fn finding(&self, active: bool, left: Duration, reason: &str) -> FindingReport {
        let config = &self.bridge.config.quarantine;
        let mut words = BTreeMap::new();
        if !reason.is_empty() {
            words.insert("reason".to_owned(), reason.to_owned());
        }
        FindingReport {
            code: FindingCode::WorkerQuarantined,
            severity: Severity::Error,
            active,
            values: BTreeMap::from([
                ("crashes".to_owned(), f64::from(config.crashes)),
                ("seconds".to_owned(), left.as_secs_f64().ceil()),
            ]),
            words,
            repaired: false,
        }
    }

    /// Waits before the next start, while what the source sends becomes history, or until a unit ends
    /// the wait.
    async fn pause(
        &mut self,
        wait: Duration,
        ends: impl Fn(&SourceUnit) -> bool,
    ) -> ControlFlow<()> {
        let deadline = sleep(wait);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                () = &mut deadline => return ControlFlow::Continue(()),
                unit = self.source.next() => match unit {
                    Some(unit) => {
                        self.history.note(&unit);
                        if ends(&unit) {
                            return ControlFlow::Continue(());
                        }
                    }
                    None => return ControlFlow::Break(()),
                },
                report = self.source.finding() => self.output.finding(report),
            }
        }
    }
}

/// Counts a worker while it lives.
struct Running(Bridge);

impl Running {
    fn new(bridge: Bridge) -> Self {
        bridge.counters.workers.fetch_add(1, Ordering::Relaxed);
        Self(bridge)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.counters.workers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a stream while it is left alone.
struct Quarantined(Bridge);

impl Quarantined {
    fn new(bridge: Bridge) -> Self {
        bridge.counters.quarantined.fetch_add(1, Ordering::Relaxed);
        Self(bridge)
    }
}

impl Drop for Quarantined {
    fn drop(&mut self) {
        self.0.counters.quarantined.fetch_sub(1, Ordering::Relaxed);
    }
}
