//! Delivers what waits in the outbox.
//!
//! The outbox is the state; what is in memory is only which lanes are being tried now. A crash in the
//! middle of a try means that it is tried again: at least once, never lost.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use weir_db::{Db, DbError, Due, Outcome, WebhookId};

use super::{Shared, retry};
use crate::{
    happenings::{Bus, Happening},
    live,
};

/// Tries at one time. More wait in the outbox.
const AT_ONCE: usize = 64;

/// Tries at one time to one endpoint, so that a slow one does not take all places.
const EACH: usize = 4;

/// Longest wait before the outbox is looked at without anybody asking: for retries that another process
/// made due.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// How often old events are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

pub(super) struct Worker {
    pub(super) db: Db,
    pub(super) bus: Bus,
    pub(super) shared: Arc<Shared>,
    /// Rung when something may have become due.
    pub(super) bell: Arc<Notify>,
    pub(super) stop: CancellationToken,
}

/// Lanes that are being tried.
#[derive(Default)]
struct Busy {
    lanes: HashSet<(WebhookId, i64)>,
    each: HashMap<WebhookId, usize>,
    /// Lanes that were left since the outbox was looked at last: what was read of them may be what has
    /// just been delivered.
    left: HashSet<(WebhookId, i64)>,
}

impl Busy {
    fn enter(&mut self, due: &Due) -> bool {
        if self.left.contains(&(due.webhook, due.lane)) {
            return false;
        }
        let each = self.each.entry(due.webhook).or_default();
        let free = self.lanes.len() < AT_ONCE && *each < EACH;
        if !free || !self.lanes.insert((due.webhook, due.lane)) {
            return false;
        }
        *each += 1;
        true
    }

    fn leave(&mut self, due: &Due) {
        self.lanes.remove(&(due.webhook, due.lane));
        self.left.insert((due.webhook, due.lane));
        if let Some(each) = self.each.get_mut(&due.webhook) {
            *each -= 1;
            if *each == 0 {
                self.each.remove(&due.webhook);
            }
        }
    }
}

impl Worker {
    /// Works until told to stop, and then to the end of the tries that have begun.
    pub(super) async fn run(self) {
        let worker = Arc::new(self);
        let tries = TaskTracker::new();
        let busy = Arc::new(Mutex::new(Busy::default()));
        let mut prune_at = Instant::now();
        loop {
            if Instant::now() >= prune_at {
                worker.prune().await;
                prune_at = Instant::now() + PRUNE_INTERVAL;
            }
            let wait = match worker.start_due(&tries, &busy).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "the outbox of the webhooks cannot be read");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = worker.stop.cancelled() => break,
                () = worker.bell.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        tries.close();
        tries.wait().await;
    }

    /// Begins all tries that may begin, and says how long nothing more is to do.
    async fn start_due(
        self: &Arc<Self>,
        tries: &TaskTracker,
        busy: &Arc<Mutex<Busy>>,
    ) -> Result<Duration, DbError> {
        // Twice the places: those that are being tried now are among them.
        let (each, limit) = (2 * EACH, 4 * AT_ONCE);
        let each = u32::try_from(each).unwrap_or(u32::MAX);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        lock(busy).left.clear();
        // One time for both questions: a lane that becomes due between them is not forgotten.
        let now = live::now();
        for due in self.db.due_deliveries(now, each, limit).await? {
            if !lock(busy).enter(&due) {
                continue;
            }
            let (worker, busy) = (self.clone(), busy.clone());
            tries.spawn(async move {
                let written = worker.attempt(&due).await;
                if let Err(error) = &written {
                    tracing::warn!(%error, webhook = %due.webhook, "an attempt could not be written");
                    // Its place stays taken for a moment: it would be tried again at once.
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
                lock(&busy).leave(&due);
                worker.bell.notify_one();
            });
        }
        let next = self.db.next_delivery_at(now).await?;
        let until =
            next.map(|next| Duration::from_millis((next - live::now()).max(1).unsigned_abs()));
        Ok(until.map_or(LOOK_AGAIN, |until| until.min(LOOK_AGAIN)))
    }

    async fn attempt(&self, due: &Due) -> Result<(), DbError> {
        let shared = &self.shared;
        let secrets = shared.secrets(due.webhook, &due.salt, due.old_salt.as_ref());
        let id = due.event.to_string();
        let answer = shared
            .sender
            .post(&due.url, &id, due.payload.clone(), &secrets)
            .await;
        let tries = due.tries.saturating_add(1);
        let outcome = if answer.delivered() {
            Outcome::Delivered
        } else if answer.gone() {
            Outcome::Failed
        } else {
            let wait = retry::wait(
                &shared.config.retry,
                tries,
                answer.retry_after,
                rand::random(),
            );
            let millis = |wait: Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
            wait.map_or(Outcome::Failed, |wait| {
                Outcome::Again(live::now() + millis(wait))
            })
        };
        let written = self
            .db
            .finish_attempt(due.webhook, due.event, due.lane, &answer.attempt, outcome)
            .await;
        match written {
            // Deleted meanwhile.
            Err(DbError::NotFound { .. }) => return Ok(()),
            other => other?,
        }
        tracing::debug!(
            webhook = %due.webhook, event = %due.event, status = ?answer.attempt.status, tries, ?outcome,
            "webhook"
        );
        let since = due.failing_since.unwrap_or(answer.attempt.at);
        let limit = i64::try_from(shared.config.disable_after.as_millis()).unwrap_or(i64::MAX);
        if answer.gone() {
            self.disable(due.webhook, "the endpoint said that it is gone (410)")
                .await?;
        } else if !answer.delivered() && live::now() - since > limit {
            self.disable(due.webhook, "nothing could be delivered for days")
                .await?;
        }
        Ok(())
    }

    async fn disable(&self, id: WebhookId, why: &str) -> Result<(), DbError> {
        if let Some(webhook) = self.db.disable_webhook(id, why).await? {
            tracing::info!(webhook = %id, why, "webhook switched off");
            self.bus.emit(Happening::WebhookDisabled { webhook }).await;
        }
        Ok(())
    }

    async fn prune(&self) {
        let keep = i64::try_from(self.shared.config.retention.as_millis()).unwrap_or(i64::MAX);
        match self
            .db
            .prune_webhook_log(live::now().saturating_sub(keep))
            .await
        {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old webhook events were removed"),
            Err(error) => tracing::warn!(%error, "old webhook events cannot be removed"),
        }
    }
}

fn lock(busy: &Mutex<Busy>) -> std::sync::MutexGuard<'_, Busy> {
    busy.lock().expect("nothing panics under this lock")
}
