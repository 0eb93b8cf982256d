//! What a broadcast, and what a creator's streams came to.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use super::{
    DAY_MS, Figures, listed,
    minutes::{figures, sums},
};
use crate::{Broadcast, BroadcastId, Db, Result, StreamId, UnixMillis, UserId, broadcast};

/// How long a session lasted.
const WATCHED: &str = "(COALESCE(s.ended_at, s.seen_at) - s.started_at)";

/// What a broadcast came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BroadcastTotals {
    /// Viewer sessions.
    pub sessions: i64,
    /// Different viewers.
    pub viewers: i64,
    /// Time watched over WebRTC, of all viewers together.
    pub webrtc_ms: i64,
    /// Time watched over HLS.
    pub hls_ms: i64,
    /// How often pictures stood still.
    pub stalls: i64,
    /// For how long.
    pub stall_ms: i64,
    /// Mean over the sessions of each one's median delay.
    pub delay_ms: Option<i64>,
    /// Mean share of packets lost.
    pub loss: Option<f64>,
    /// Mean time from asking for the stream to its first picture.
    pub join_ms: Option<i64>,
    /// Chat messages of known users.
    pub messages: i64,
    /// Different users who wrote them.
    pub chatters: i64,
    /// Reactions of known users.
    pub reactions: i64,
}

/// A broadcast with what it came to.
#[derive(Debug, Clone, PartialEq)]
pub struct BroadcastReport {
    /// Its row.
    pub broadcast: Broadcast,
    /// What it came to; all zero when nobody watched.
    pub totals: BroadcastTotals,
}

/// One of a creator's streams over some time.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatorStream {
    /// Its name.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What happened.
    pub figures: Figures,
    /// Different viewers, those of each day added up.
    pub viewers: i64,
    /// Different users who wrote chat messages.
    pub chatters: i64,
}

/// Broadcasts with their totals. Sums over users by sub-queries: joined, they would multiply.
const REPORTS: &str =
    "SELECT b.id, b.stream_id, b.protocol, b.started_at, b.ended_at, b.peak_viewers,
     COALESCE(t.sessions, 0) AS sessions, COALESCE(t.viewers, 0) AS viewers,
     COALESCE(t.webrtc_ms, 0) AS webrtc_ms, COALESCE(t.hls_ms, 0) AS hls_ms,
     COALESCE(t.stalls, 0) AS stalls, COALESCE(t.stall_ms, 0) AS stall_ms,
     t.delay_ms, t.loss, t.join_ms,
     (SELECT CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM broadcast_users u
         WHERE u.broadcast_id = b.id) AS messages,
     (SELECT COUNT(*) FROM broadcast_users u
         WHERE u.broadcast_id = b.id AND u.messages > 0) AS chatters,
     (SELECT CAST(COALESCE(SUM(reactions), 0) AS BIGINT) FROM broadcast_users u
         WHERE u.broadcast_id = b.id) AS reactions
     FROM broadcasts b LEFT JOIN broadcast_totals t ON t.broadcast_id = b.id";

impl Db {
    /// Computes the totals of these broadcasts anew out of their sessions, and what their users
    /// watched; also the different viewers of their streams on this day. Three statements, however
    /// many they are.
    pub async fn sum_up_broadcasts(&self, broadcasts: &[BroadcastId], day: i64) -> Result<()> {
        if broadcasts.is_empty() {
            return Ok(());
        }
        let ids = listed(broadcasts.iter().map(|id| id.0));
        let totals = format!(
            "INSERT INTO broadcast_totals (broadcast_id, sessions, viewers, webrtc_ms, hls_ms, stalls,
                 stall_ms, delay_ms, loss, join_ms)
             SELECT s.broadcast_id, COUNT(*), COUNT(DISTINCT s.viewer),
                 CAST(SUM(CASE WHEN s.protocol = 'webrtc' THEN {WATCHED} ELSE 0 END) AS BIGINT),
                 CAST(SUM(CASE WHEN s.protocol = 'hls' THEN {WATCHED} ELSE 0 END) AS BIGINT),
                 CAST(SUM(s.stalls) AS BIGINT), CAST(SUM(s.stall_ms) AS BIGINT),
                 CAST(SUM(s.delay_ms) AS BIGINT) / NULLIF(COUNT(s.delay_ms), 0), AVG(s.loss),
                 CAST(SUM(s.join_ms) AS BIGINT) / NULLIF(COUNT(s.join_ms), 0)
             FROM viewer_sessions s WHERE s.broadcast_id IN ({ids}) GROUP BY s.broadcast_id
             ON CONFLICT (broadcast_id) DO UPDATE SET
                 sessions = excluded.sessions, viewers = excluded.viewers,
                 webrtc_ms = excluded.webrtc_ms, hls_ms = excluded.hls_ms,
                 stalls = excluded.stalls, stall_ms = excluded.stall_ms,
                 delay_ms = excluded.delay_ms, loss = excluded.loss, join_ms = excluded.join_ms"
        );
        let users = format!(
            "INSERT INTO broadcast_users (broadcast_id, user_id, first_at, last_at, sessions, watch_ms)
             SELECT s.broadcast_id, s.user_id, MIN(s.started_at), MAX(s.seen_at), COUNT(*),
                 CAST(SUM({WATCHED}) AS BIGINT)
             FROM viewer_sessions s WHERE s.broadcast_id IN ({ids}) AND s.user_id IS NOT NULL
             GROUP BY s.broadcast_id, s.user_id
             ON CONFLICT (broadcast_id, user_id) DO UPDATE SET
                 first_at = CASE WHEN broadcast_users.first_at < excluded.first_at
                     THEN broadcast_users.first_at ELSE excluded.first_at END,
                 last_at = CASE WHEN broadcast_users.last_at > excluded.last_at
                     THEN broadcast_users.last_at ELSE excluded.last_at END,
                 sessions = excluded.sessions, watch_ms = excluded.watch_ms"
        );
        let days = format!(
            "INSERT INTO stream_days (stream_id, at, viewers)
             SELECT s.stream_id, {day}, COUNT(DISTINCT s.viewer) FROM viewer_sessions s
             WHERE s.stream_id IN (SELECT stream_id FROM broadcasts WHERE id IN ({ids}))
                 AND s.id >= {first} AND s.id < {last}
             GROUP BY s.stream_id
             ON CONFLICT (stream_id, at) DO UPDATE SET viewers = excluded.viewers",
            first = crate::id::first_at(day),
            last = crate::id::first_at(day.saturating_add(DAY_MS)),
        );
        let mut tx = self.begin_write().await?;
        for text in [totals, users, days] {
            sqlx::query(AssertSqlSafe(text)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Broadcasts of a stream that have sessions and no totals, or were still on when they were summed
    /// up: what a crash left behind.
    pub async fn broadcasts_to_sum_up(&self) -> Result<Vec<BroadcastId>> {
        let rows = sqlx::query(
            "SELECT DISTINCT broadcast_id FROM viewer_sessions
             WHERE ended_at IS NULL AND broadcast_id IS NOT NULL",
        )
        .fetch_all(self.reads())
        .await?;
        let read = |row: &AnyRow| row.try_get(0).map(BroadcastId);
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// A stream's broadcasts with their totals, newest first: those that began before the one at
    /// `before` (its start and id), from `from` until before `to`.
    pub async fn list_broadcast_reports(
        &self,
        stream: StreamId,
        (from, to): (UnixMillis, UnixMillis),
        before: Option<(UnixMillis, i64)>,
        limit: u32,
    ) -> Result<Vec<BroadcastReport>> {
        let text = format!(
            "{REPORTS} WHERE b.stream_id = $1 AND b.started_at >= $2 AND b.started_at < $3
                 AND (b.started_at < $4 OR (b.started_at = $4 AND b.id < $5))
             ORDER BY b.started_at DESC, b.id DESC LIMIT $6"
        );
        let (at, id) = before.unwrap_or((i64::MAX, i64::MAX));
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(stream.0)
            .bind(from)
            .bind(to)
            .bind(at)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(report).collect::<sqlx::Result<_>>()?)
    }

    /// A broadcast with its totals and the name of its stream; `None` when there is no such broadcast.
    pub async fn broadcast_report(
        &self,
        id: BroadcastId,
    ) -> Result<Option<(BroadcastReport, String)>> {
        let text = format!(
            "SELECT r.*, st.slug FROM ({REPORTS} WHERE b.id = $1) AS r
             JOIN streams st ON st.id = r.stream_id"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(id.0)
            .fetch_optional(self.reads())
            .await?;
        let read = |row: AnyRow| Ok((report(&row)?, row.try_get("slug")?));
        Ok(row
            .map(read)
            .transpose()
            .map_err(|error: sqlx::Error| error)?)
    }

    /// What a creator's streams came to from `from` until before `to`, by slug: whole hours.
    pub async fn creator_report(
        &self,
        owner: UserId,
        (from, to): (UnixMillis, UnixMillis),
    ) -> Result<Vec<CreatorStream>> {
        let text = format!(
            "SELECT st.slug, st.title, f.*,
                 (SELECT CAST(COALESCE(SUM(d.viewers), 0) AS BIGINT) FROM stream_days d
                     WHERE d.stream_id = st.id AND d.at >= $4 AND d.at < $3) AS viewers,
                 (SELECT COUNT(DISTINCT u.user_id) FROM broadcasts b
                     JOIN broadcast_users u ON u.broadcast_id = b.id AND u.messages > 0
                     WHERE b.stream_id = st.id AND b.started_at >= $2 AND b.started_at < $3) AS chatters
             FROM streams st
             JOIN (SELECT stream_id, {} FROM stream_hours
                   WHERE stream_id IN (SELECT id FROM streams WHERE owner_id = $1)
                       AND at >= $2 AND at < $3
                   GROUP BY stream_id) AS f ON f.stream_id = st.id",
            sums()
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(owner.0)
            .bind(from)
            .bind(to)
            .bind(from - from.rem_euclid(DAY_MS))
            .fetch_all(self.reads())
            .await?;
        let read = |row: &AnyRow| {
            Ok(CreatorStream {
                slug: row.try_get("slug")?,
                title: row.try_get("title")?,
                figures: figures(row)?,
                viewers: row.try_get("viewers")?,
                chatters: row.try_get("chatters")?,
            })
        };
        let mut streams = rows.iter().map(read).collect::<sqlx::Result<Vec<_>>>()?;
        // Here and not in SQL: PostgreSQL's order of '-' and '_' depends on the locale.
        streams.sort_by(|a: &CreatorStream, b| a.slug.cmp(&b.slug));
        Ok(streams)
    }

    /// Different users who wrote in the chat of a stream's broadcasts that began from `from` until
    /// before `to`.
    pub async fn stream_chatters(
        &self,
        stream: StreamId,
        (from, to): (UnixMillis, UnixMillis),
    ) -> Result<i64> {
        let row = sqlx::query(
            "SELECT COUNT(DISTINCT u.user_id) FROM broadcasts b
             JOIN broadcast_users u ON u.broadcast_id = b.id AND u.messages > 0
             WHERE b.stream_id = $1 AND b.started_at >= $2 AND b.started_at < $3",
        )
        .bind(stream.0)
        .bind(from)
        .bind(to)
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get(0)?)
    }
}

fn report(row: &AnyRow) -> sqlx::Result<BroadcastReport> {
    Ok(BroadcastReport {
        broadcast: broadcast::from_row(row)?,
        totals: BroadcastTotals {
            sessions: row.try_get("sessions")?,
            viewers: row.try_get("viewers")?,
            webrtc_ms: row.try_get("webrtc_ms")?,
            hls_ms: row.try_get("hls_ms")?,
            stalls: row.try_get("stalls")?,
            stall_ms: row.try_get("stall_ms")?,
            delay_ms: row.try_get("delay_ms")?,
            loss: row.try_get("loss")?,
            join_ms: row.try_get("join_ms")?,
            messages: row.try_get("messages")?,
            chatters: row.try_get("chatters")?,
            reactions: row.try_get("reactions")?,
        },
    })
}
