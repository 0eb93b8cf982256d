//! What single users did: what they watched and said.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use super::{listed, placeholders};
use crate::{BroadcastId, Db, Result, StreamId, UnixMillis, UserId};

/// Rows in one statement: 5 values each.
const BATCH: usize = 1_000;

const COLUMNS: usize = 5;

/// What a user said in a broadcast since it was written down last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participation {
    /// Where.
    pub broadcast_id: BroadcastId,
    /// Who.
    pub user_id: UserId,
    /// When last.
    pub at: UnixMillis,
    /// Chat messages.
    pub messages: i64,
    /// Reactions.
    pub reactions: i64,
}

/// A user's part in a broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Which broadcast.
    pub broadcast_id: BroadcastId,
    /// Of which stream.
    pub slug: String,
    /// The stream's title.
    pub title: String,
    /// Who.
    pub user_id: UserId,
    /// Who, by name.
    pub user: String,
    /// When the broadcast began.
    pub broadcast_started_at: UnixMillis,
    /// When it ended; `None` while it is live.
    pub broadcast_ended_at: Option<UnixMillis>,
    /// When the user came first.
    pub first_at: UnixMillis,
    /// When the user was there last.
    pub last_at: UnixMillis,
    /// Viewer sessions.
    pub sessions: i64,
    /// Time watched.
    pub watch_ms: i64,
    /// Chat messages.
    pub messages: i64,
    /// Reactions.
    pub reactions: i64,
}

/// What a user did over some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActivitySum {
    /// Broadcasts that the user was part of.
    pub broadcasts: i64,
    /// How long these lasted, as far as they have.
    pub live_ms: i64,
    /// Viewer sessions.
    pub sessions: i64,
    /// Time watched.
    pub watch_ms: i64,
    /// Chat messages.
    pub messages: i64,
    /// Reactions.
    pub reactions: i64,
}

const ACTIVITY: &str =
    "SELECT a.broadcast_id, st.slug, st.title, a.user_id, u.name, b.started_at, b.ended_at,
     a.first_at, a.last_at, a.sessions, a.watch_ms, a.messages, a.reactions
     FROM broadcast_users a JOIN broadcasts b ON b.id = a.broadcast_id
     JOIN streams st ON st.id = b.stream_id JOIN users u ON u.id = a.user_id";

impl Db {
    /// Adds what users said. Broadcasts and users that are deleted are left out.
    pub async fn add_participation(&self, rows: &[Participation]) -> Result<()> {
        for batch in rows.chunks(BATCH) {
            let text = format!(
                "INSERT INTO broadcast_users (broadcast_id, user_id, first_at, last_at, messages, reactions)
                 SELECT v.column1, v.column2, v.column3, v.column3, v.column4, v.column5
                 FROM (VALUES {}) AS v
                 WHERE EXISTS (SELECT 1 FROM broadcasts WHERE id = v.column1)
                     AND EXISTS (SELECT 1 FROM users WHERE id = v.column2)
                 ON CONFLICT (broadcast_id, user_id) DO UPDATE SET
                     last_at = CASE WHEN broadcast_users.last_at > excluded.last_at
                         THEN broadcast_users.last_at ELSE excluded.last_at END,
                     messages = broadcast_users.messages + excluded.messages,
                     reactions = broadcast_users.reactions + excluded.reactions",
                placeholders(batch.len(), COLUMNS)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for row in batch {
                query = query
                    .bind(row.broadcast_id.0)
                    .bind(row.user_id.0)
                    .bind(row.at)
                    .bind(row.messages)
                    .bind(row.reactions);
            }
            query.execute(self.writes()).await?;
        }
        Ok(())
    }

    /// A user's part in broadcasts from `from` until before `to`, newest first: those before the one at
    /// `before` (when the user came, and the broadcast).
    pub async fn list_activity(
        &self,
        user: UserId,
        (from, to): (UnixMillis, UnixMillis),
        before: Option<(UnixMillis, i64)>,
        limit: u32,
    ) -> Result<Vec<Activity>> {
        let text = format!(
            "{ACTIVITY} WHERE a.user_id = $1 AND a.first_at >= $2 AND a.first_at < $3
                 AND (a.first_at < $4 OR (a.first_at = $4 AND a.broadcast_id < $5))
             ORDER BY a.first_at DESC, a.broadcast_id DESC LIMIT $6"
        );
        let (at, id) = before.unwrap_or((i64::MAX, i64::MAX));
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(user.0)
            .bind(from)
            .bind(to)
            .bind(at)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// What a user did from `from` until before `to`, added up. Broadcasts that go on count until `now`.
    pub async fn sum_activity(
        &self,
        user: UserId,
        (from, to): (UnixMillis, UnixMillis),
        now: UnixMillis,
    ) -> Result<ActivitySum> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS broadcasts,
                 CAST(COALESCE(SUM(COALESCE(b.ended_at, $4) - b.started_at), 0) AS BIGINT) AS live_ms,
                 CAST(COALESCE(SUM(a.sessions), 0) AS BIGINT) AS sessions,
                 CAST(COALESCE(SUM(a.watch_ms), 0) AS BIGINT) AS watch_ms,
                 CAST(COALESCE(SUM(a.messages), 0) AS BIGINT) AS messages,
                 CAST(COALESCE(SUM(a.reactions), 0) AS BIGINT) AS reactions
             FROM broadcast_users a JOIN broadcasts b ON b.id = a.broadcast_id
             WHERE a.user_id = $1 AND a.first_at >= $2 AND a.first_at < $3",
        )
        .bind(user.0)
        .bind(from)
        .bind(to)
        .bind(now)
        .fetch_one(self.reads())
        .await?;
        Ok(ActivitySum {
            broadcasts: row.try_get("broadcasts")?,
            live_ms: row.try_get("live_ms")?,
            sessions: row.try_get("sessions")?,
            watch_ms: row.try_get("watch_ms")?,
            messages: row.try_get("messages")?,
            reactions: row.try_get("reactions")?,
        })
    }

    /// Everybody's part in the broadcasts of some streams from `from` until before `to`, in no
    /// particular order: what an event's report is made of.
    pub async fn streams_activity(
        &self,
        streams: &[StreamId],
        (from, to): (UnixMillis, UnixMillis),
    ) -> Result<Vec<Activity>> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!(
            "{ACTIVITY} WHERE b.stream_id IN ({}) AND b.started_at < $2
                 AND COALESCE(b.ended_at, $2) > $1",
            listed(streams.iter().map(|id| id.0))
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(from)
            .bind(to)
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Activity> {
    Ok(Activity {
        broadcast_id: BroadcastId(row.try_get("broadcast_id")?),
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        user_id: UserId(row.try_get("user_id")?),
        user: row.try_get("name")?,
        broadcast_started_at: row.try_get("started_at")?,
        broadcast_ended_at: row.try_get("ended_at")?,
        first_at: row.try_get("first_at")?,
        last_at: row.try_get("last_at")?,
        sessions: row.try_get("sessions")?,
        watch_ms: row.try_get("watch_ms")?,
        messages: row.try_get("messages")?,
        reactions: row.try_get("reactions")?,
    })
}
