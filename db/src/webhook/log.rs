//! What came of deliveries, and sending them again.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{Db, DbError, Result, UnixMillis, WebhookEventId, WebhookId, id};

/// Events that are removed in one statement, so that a large log does not keep others from writing.
const PRUNE_BATCH: i64 = 1000;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: UnixMillis,
    /// How long it took.
    pub duration_ms: i64,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub response: Option<String>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be tried, or tried again.
    Waiting,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
    /// The endpoint was switched off.
    Skipped,
}

impl DeliveryState {
    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    fn read(text: &str) -> sqlx::Result<Self> {
        let all = [Self::Waiting, Self::Delivered, Self::Failed, Self::Skipped];
        let known = all.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| sqlx::Error::ColumnDecode {
            index: "state".into(),
            source: format!("unknown state {text:?}").into(),
        })
    }
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What.
    pub event: WebhookEventId,
    /// The event's type.
    pub kind: String,
    /// When it happened.
    pub created_at: UnixMillis,
    /// How it stands.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// When it may be tried next; `None` when it is not, or waits for one before it.
    pub next_at: Option<UnixMillis>,
    /// When it was tried last.
    pub attempted_at: Option<UnixMillis>,
    /// HTTP status of the last attempt.
    pub status: Option<u16>,
    /// What went wrong with the last attempt.
    pub error: Option<String>,
    /// How long the last attempt took.
    pub duration_ms: Option<i64>,
}

/// A delivery with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// The body that is sent.
    pub payload: String,
    /// Its tries, oldest first.
    pub attempts: Vec<Attempt>,
}

/// What to send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// One event, however it stands.
    One(WebhookEventId),
    /// What failed or was skipped since a time.
    MissedSince(UnixMillis),
    /// Everything since a time, what arrived too.
    AllSince(UnixMillis),
}

/// A head's time is its lane's; what is behind it has none.
const SELECT: &str = "SELECT d.event_id, e.type, e.created_at, d.state, d.attempts, d.attempted_at,
        d.status, d.error, d.duration_ms, e.payload,
        CASE WHEN d.state = 'waiting' AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries AS before
            WHERE before.webhook_id = d.webhook_id AND before.lane = d.lane
                AND before.state = 'waiting' AND before.event_id < d.event_id)
        THEN l.next_at END AS next_at
    FROM webhook_deliveries AS d
    JOIN webhook_events AS e ON e.id = d.event_id
    LEFT JOIN webhook_lanes AS l ON l.webhook_id = d.webhook_id AND l.lane = d.lane";

impl Db {
    /// Deliveries to an endpoint, newest first, those before `before`, at most `limit`.
    pub async fn list_deliveries(
        &self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        before: Option<WebhookEventId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let query = format!(
            "{SELECT} WHERE d.webhook_id = $1 AND d.event_id < $2 AND ($3 = '' OR d.state = $3)
             ORDER BY d.event_id DESC LIMIT $4"
        );
        let rows = sqlx::query(AssertSqlSafe(query))
            .bind(webhook.0)
            .bind(before.map_or(i64::MAX, |before| before.0))
            .bind(state.map_or("", DeliveryState::as_str))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(delivery).collect::<sqlx::Result<_>>()?)
    }

    /// One delivery with its tries; `None` when there is none.
    pub async fn delivery(
        &self,
        webhook: WebhookId,
        event: WebhookEventId,
    ) -> Result<Option<DeliveryDetail>> {
        let query = format!("{SELECT} WHERE d.webhook_id = $1 AND d.event_id = $2");
        let row = sqlx::query(AssertSqlSafe(query))
            .bind(webhook.0)
            .bind(event.0)
            .fetch_optional(self.reads())
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let attempts = sqlx::query(
            "SELECT at, duration_ms, status, error, response FROM webhook_attempts
             WHERE webhook_id = $1 AND event_id = $2 ORDER BY attempt",
        )
        .bind(webhook.0)
        .bind(event.0)
        .fetch_all(self.reads())
        .await?;
        Ok(Some(DeliveryDetail {
            delivery: delivery(&row)?,
            payload: row.try_get("payload")?,
            attempts: attempts.iter().map(attempt).collect::<sqlx::Result<_>>()?,
        }))
    }

    /// Puts deliveries back into their lanes, as if they had never been tried, and gives their number.
    pub async fn replay(&self, webhook: WebhookId, what: Replay) -> Result<u64> {
        let (which, value) = match what {
            Replay::One(event) => ("event_id = $2", event.0),
            Replay::MissedSince(at) => (
                "state IN ('failed', 'skipped')
                 AND event_id IN (SELECT id FROM webhook_events WHERE created_at >= $2)",
                at,
            ),
            Replay::AllSince(at) => (
                "state <> 'waiting'
                 AND event_id IN (SELECT id FROM webhook_events WHERE created_at >= $2)",
                at,
            ),
        };
        let mut transaction = self.begin_write().await?;
        // The lanes first: that locks them.
        let lanes = format!(
            "INSERT INTO webhook_lanes (webhook_id, lane, next_at)
             SELECT DISTINCT webhook_id, lane, $3 FROM webhook_deliveries
             WHERE webhook_id = $1 AND {which}
             ON CONFLICT (webhook_id, lane) DO UPDATE SET next_at = excluded.next_at"
        );
        sqlx::query(AssertSqlSafe(lanes))
            .bind(webhook.0)
            .bind(value)
            .bind(id::now())
            .execute(&mut *transaction)
            .await?;
        let deliveries = format!(
            "UPDATE webhook_deliveries SET state = 'waiting', round_attempts = 0
             WHERE webhook_id = $1 AND {which}"
        );
        let count = sqlx::query(AssertSqlSafe(deliveries))
            .bind(webhook.0)
            .bind(value)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        if count == 0 && matches!(what, Replay::One(_)) {
            return Err(DbError::NotFound { what: "delivery" });
        }
        transaction.commit().await?;
        Ok(count)
    }

    /// Forgets events from before this time with their deliveries, whatever came of them; gives their
    /// number.
    pub async fn prune_webhook_log(&self, before: UnixMillis) -> Result<u64> {
        let mut all = 0;
        loop {
            let removed = sqlx::query(
                "DELETE FROM webhook_events WHERE id IN (
                     SELECT id FROM webhook_events WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
            )
            .bind(before)
            .bind(PRUNE_BATCH)
            .execute(self.writes())
            .await?
            .rows_affected();
            all += removed;
            if removed < PRUNE_BATCH.unsigned_abs() {
                break;
            }
        }
        if all > 0 {
            sqlx::query(
                "DELETE FROM webhook_lanes WHERE next_at < $1 AND NOT EXISTS (
                     SELECT 1 FROM webhook_deliveries AS d
                     WHERE d.webhook_id = webhook_lanes.webhook_id AND d.lane = webhook_lanes.lane
                         AND d.state = 'waiting')",
            )
            .bind(before)
            .execute(self.writes())
            .await?;
        }
        Ok(all)
    }
}

fn delivery(row: &AnyRow) -> sqlx::Result<Delivery> {
    let attempts: i64 = row.try_get("attempts")?;
    let state: String = row.try_get("state")?;
    Ok(Delivery {
        event: WebhookEventId(row.try_get("event_id")?),
        kind: row.try_get("type")?,
        created_at: row.try_get("created_at")?,
        state: DeliveryState::read(&state)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        next_at: row.try_get("next_at")?,
        attempted_at: row.try_get("attempted_at")?,
        status: status(row)?,
        error: row.try_get("error")?,
        duration_ms: row.try_get("duration_ms")?,
    })
}

fn attempt(row: &AnyRow) -> sqlx::Result<Attempt> {
    Ok(Attempt {
        at: row.try_get("at")?,
        duration_ms: row.try_get("duration_ms")?,
        status: status(row)?,
        error: row.try_get("error")?,
        response: row.try_get("response")?,
    })
}

fn status(row: &AnyRow) -> sqlx::Result<Option<u16>> {
    let status: Option<i64> = row.try_get("status")?;
    Ok(status.and_then(|status| u16::try_from(status).ok()))
}
