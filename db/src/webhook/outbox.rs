//! What waits to be delivered.
//!
//! An event is written down together with one delivery for each endpoint that wants it. Deliveries of a
//! lane (of one stream) to one endpoint go one after the other. The lane's row says when its head may
//! be tried; whoever adds to a lane or takes from it locks that row first, so that a lane with
//! something in it always has one.

use sqlx::{Row, any::AnyRow};

use super::Attempt;
use crate::{Db, DbError, Result, StreamId, UnixMillis, UserId, WebhookEventId, WebhookId, id};

/// Something to tell.
#[derive(Debug, Clone)]
pub struct NewWebhookEvent {
    /// Like `stream.started`.
    pub kind: String,
    /// Whose endpoints hear of it, beside the site's own.
    pub owner: Option<UserId>,
    /// The stream that it is about.
    pub stream: Option<StreamId>,
    /// Deliveries with the same number keep their order. By default the stream's.
    pub lane: i64,
    /// The body that is delivered.
    pub payload: String,
}

/// The head of a lane, and all that is needed to deliver it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// To which endpoint.
    pub webhook: WebhookId,
    /// What.
    pub event: WebhookEventId,
    /// The lane that it heads.
    pub lane: i64,
    /// Where to.
    pub url: String,
    /// What the secret is computed from.
    pub salt: String,
    /// The same for the secret before, and until when that signs too.
    pub old_salt: Option<(String, UnixMillis)>,
    /// Since when nothing was delivered to it any more.
    pub failing_since: Option<UnixMillis>,
    /// Tries of this round so far.
    pub tries: u32,
    /// The body.
    pub payload: String,
}

/// What comes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It is tried again at this time; its lane waits.
    Again(UnixMillis),
    /// It is given up; its lane goes on.
    Failed,
}

impl Db {
    /// Writes an event down for everybody who wants it, for good; gives the number of endpoints that it
    /// will be delivered to. An event that nobody wants is not written.
    pub async fn add_webhook_event(&self, event: &NewWebhookEvent) -> Result<u64> {
        let like = format!("% {} %", event.kind);
        let owner = event.owner.map(|owner| owner.0);
        let stream = event.stream.map(|stream| stream.0);
        // Most sites have none, and then nothing is written.
        let wanted = sqlx::query(
            "SELECT 1 FROM webhooks WHERE (owner_id IS NULL OR owner_id = $1)
                 AND (stream_id IS NULL OR stream_id = $2) AND (types LIKE $3 OR types = ' * ') LIMIT 1",
        )
        .bind(owner)
        .bind(stream)
        .bind(like.clone())
        .fetch_optional(self.reads())
        .await?;
        if wanted.is_none() {
            return Ok(0);
        }
        let mut transaction = self.begin_write().await?;
        let now = id::now();
        let newest = sqlx::query("SELECT MAX(id) FROM webhook_events")
            .fetch_one(&mut *transaction)
            .await?;
        // Order is by id: it must grow also where the clock was set back.
        let newest = newest.try_get::<Option<i64>, _>(0)?.unwrap_or(0);
        let event_id = WebhookEventId::fresh().0.max(newest + 1);
        sqlx::query(
            "INSERT INTO webhook_events (id, type, owner_id, stream_id, lane, payload, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(event_id)
        .bind(event.kind.clone())
        .bind(owner)
        .bind(stream)
        .bind(event.lane)
        .bind(event.payload.clone())
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        // Those that are switched off have it in their log, and can ask for it when they are on again.
        sqlx::query(
            "INSERT INTO webhook_deliveries (webhook_id, event_id, lane, state)
             SELECT id, $1, $2, CASE WHEN enabled = 1 THEN 'waiting' ELSE 'skipped' END FROM webhooks
             WHERE (owner_id IS NULL OR owner_id = $3) AND (stream_id IS NULL OR stream_id = $4)
                 AND (types LIKE $5 OR types = ' * ')",
        )
        .bind(event_id)
        .bind(event.lane)
        .bind(owner)
        .bind(stream)
        .bind(like)
        .execute(&mut *transaction)
        .await?;
        let waiting = sqlx::query(
            "INSERT INTO webhook_lanes (webhook_id, lane, next_at)
             SELECT webhook_id, lane, $2 FROM webhook_deliveries
             WHERE event_id = $1 AND state = 'waiting'
             ON CONFLICT (webhook_id, lane) DO UPDATE SET lane = excluded.lane",
        )
        .bind(event_id)
        .bind(now)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(waiting)
    }

    /// Heads of lanes that may be tried at this time, those that wait longest first: at most `limit`, and
    /// at most `each` of one endpoint.
    pub async fn due_deliveries(&self, now: UnixMillis, each: u32, limit: u32) -> Result<Vec<Due>> {
        let rows = sqlx::query(
            "SELECT d.webhook_id, d.event_id, d.lane, d.round_attempts, e.payload, w.url, w.salt,
                 w.old_salt, w.old_salt_until, w.failing_since
             FROM (
                 SELECT l.webhook_id, l.lane, l.next_at,
                     ROW_NUMBER() OVER (PARTITION BY l.webhook_id ORDER BY l.next_at) AS place
                 FROM webhook_lanes AS l JOIN webhooks AS on_ ON on_.id = l.webhook_id
                 WHERE l.next_at <= $1 AND on_.enabled = 1
             ) AS due
             JOIN webhooks AS w ON w.id = due.webhook_id
             JOIN webhook_deliveries AS d ON d.webhook_id = due.webhook_id AND d.event_id = (
                 SELECT MIN(head.event_id) FROM webhook_deliveries AS head
                 WHERE head.webhook_id = due.webhook_id AND head.lane = due.lane
                     AND head.state = 'waiting')
             JOIN webhook_events AS e ON e.id = d.event_id
             WHERE due.place <= $2
             ORDER BY due.next_at LIMIT $3",
        )
        .bind(now)
        .bind(i64::from(each))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(due).collect::<sqlx::Result<_>>()?)
    }

    /// When the next lane may be tried that might not be tried at this time; `None` when there is none.
    pub async fn next_delivery_at(&self, now: UnixMillis) -> Result<Option<UnixMillis>> {
        let row = sqlx::query(
            "SELECT MIN(l.next_at) FROM webhook_lanes AS l
             JOIN webhooks AS w ON w.id = l.webhook_id WHERE w.enabled = 1 AND l.next_at > $1",
        )
        .bind(now)
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get(0)?)
    }

    /// Writes an attempt and what comes of it. `NotFound` when the endpoint was deleted meanwhile, or
    /// somebody else ended the delivery.
    pub async fn finish_attempt(
        &self,
        webhook: WebhookId,
        event: WebhookEventId,
        lane: i64,
        attempt: &Attempt,
        outcome: Outcome,
    ) -> Result<()> {
        let mut transaction = self.begin_write().await?;
        let next_at = match outcome {
            Outcome::Again(at) => at,
            Outcome::Delivered | Outcome::Failed => id::now(),
        };
        // First, since it locks the lane.
        sqlx::query("UPDATE webhook_lanes SET next_at = $3 WHERE webhook_id = $1 AND lane = $2")
            .bind(webhook.0)
            .bind(lane)
            .bind(next_at)
            .execute(&mut *transaction)
            .await?;
        let changed = sqlx::query(
            "UPDATE webhook_deliveries SET state = $3, attempts = attempts + 1,
                 round_attempts = round_attempts + 1, status = $4, error = $5, duration_ms = $6,
                 attempted_at = $7
             WHERE webhook_id = $1 AND event_id = $2 AND (state = 'waiting' OR attempts = 0)",
        )
        .bind(webhook.0)
        .bind(event.0)
        .bind(match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Again(_) => "waiting",
            Outcome::Failed => "failed",
        })
        .bind(attempt.status.map(i64::from))
        .bind(attempt.error.clone())
        .bind(attempt.duration_ms)
        .bind(attempt.at)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if changed == 0 {
            return Err(DbError::NotFound { what: "delivery" });
        }
        sqlx::query(
            "INSERT INTO webhook_attempts
                 (webhook_id, event_id, attempt, at, duration_ms, status, error, response)
             SELECT webhook_id, event_id, attempts, $3, $4, $5, $6, $7 FROM webhook_deliveries
             WHERE webhook_id = $1 AND event_id = $2",
        )
        .bind(webhook.0)
        .bind(event.0)
        .bind(attempt.at)
        .bind(attempt.duration_ms)
        .bind(attempt.status.map(i64::from))
        .bind(attempt.error.clone())
        .bind(attempt.response.clone())
        .execute(&mut *transaction)
        .await?;
        let health = match outcome {
            Outcome::Delivered => {
                "UPDATE webhooks SET failing_since = NULL
                 WHERE id = $1 AND failing_since IS NOT NULL AND $2 > 0"
            }
            Outcome::Again(_) | Outcome::Failed => {
                "UPDATE webhooks SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL"
            }
        };
        sqlx::query(health)
            .bind(webhook.0)
            .bind(attempt.at)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM webhook_lanes WHERE webhook_id = $1 AND lane = $2 AND NOT EXISTS (
                 SELECT 1 FROM webhook_deliveries
                 WHERE webhook_id = $1 AND lane = $2 AND state = 'waiting')",
        )
        .bind(webhook.0)
        .bind(lane)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Writes an event down for one endpoint, and its delivery, which does not wait for anybody: the
    /// caller delivers it.
    pub async fn add_test_event(
        &self,
        webhook: WebhookId,
        kind: &str,
        payload: &str,
    ) -> Result<WebhookEventId> {
        let event = WebhookEventId::fresh();
        let mut transaction = self.begin_write().await?;
        sqlx::query(
            "INSERT INTO webhook_events (id, type, lane, payload, created_at) VALUES ($1, $2, $1, $3, $4)",
        )
        .bind(event.0)
        .bind(kind.to_owned())
        .bind(payload.to_owned())
        .bind(id::now())
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO webhook_deliveries (webhook_id, event_id, lane, state)
             VALUES ($1, $2, $2, 'failed')",
        )
        .bind(webhook.0)
        .bind(event.0)
        .execute(&mut *transaction)
        .await
        .map_err(|error| match DbError::from(error) {
            DbError::NotFound { .. } => DbError::NotFound { what: "webhook" },
            other => other,
        })?;
        transaction.commit().await?;
        Ok(event)
    }
}

fn due(row: &AnyRow) -> sqlx::Result<Due> {
    let old_salt: Option<String> = row.try_get("old_salt")?;
    let tries: i64 = row.try_get("round_attempts")?;
    Ok(Due {
        webhook: WebhookId(row.try_get("webhook_id")?),
        event: WebhookEventId(row.try_get("event_id")?),
        lane: row.try_get("lane")?,
        url: row.try_get("url")?,
        salt: row.try_get("salt")?,
        old_salt: old_salt.zip(row.try_get("old_salt_until")?),
        failing_since: row.try_get("failing_since")?,
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
        payload: row.try_get("payload")?,
    })
}
