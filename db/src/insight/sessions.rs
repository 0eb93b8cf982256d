//! A row per viewer session.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use super::placeholders;
use crate::{
    BroadcastId, Db, DbError, Result, StreamId, UnixMillis, UserId, ViewerSessionId,
    error::storable,
};

/// Sessions in one statement: 16 values each, far below the 32,766 that SQLite takes.
const BATCH: usize = 500;

const COLUMNS: usize = 16;

/// How a viewer watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ViewProtocol {
    /// WHEP.
    WebRtc,
    /// HLS, low-latency or not.
    Hls,
}

impl ViewProtocol {
    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebRtc => "webrtc",
            Self::Hls => "hls",
        }
    }
}

/// A session's row.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewerSession {
    /// Row id, ordered by time.
    pub id: ViewerSessionId,
    /// What was watched.
    pub stream_id: StreamId,
    /// Which broadcast of it.
    pub broadcast_id: Option<BroadcastId>,
    /// Who, when known.
    pub user_id: Option<UserId>,
    /// How.
    pub protocol: ViewProtocol,
    /// Keyed hash that tells viewers of one day apart.
    pub viewer: String,
    /// Family of the player.
    pub agent: String,
    /// When it began.
    pub started_at: UnixMillis,
    /// Until when it is known to have gone on.
    pub seen_at: UnixMillis,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// Milliseconds by layer, as JSON.
    pub layers: String,
    /// How often the picture stood still.
    pub stalls: i64,
    /// For how long, in milliseconds.
    pub stall_ms: i64,
    /// Median of the reported distances to the publisher, in milliseconds.
    pub delay_ms: Option<i64>,
    /// Mean share of packets lost, 0 to 1.
    pub loss: Option<f64>,
    /// From asking for the stream to the first picture, in milliseconds.
    pub join_ms: Option<i64>,
}

impl Db {
    /// Writes sessions as they stand, new ones and known ones. Those of streams that are deleted are
    /// left out; users that are deleted become nobody.
    pub async fn put_viewer_sessions(&self, sessions: &[ViewerSession]) -> Result<()> {
        for batch in sessions.chunks(BATCH) {
            for session in batch {
                storable("viewer", &session.viewer)?;
                storable("agent", &session.agent)?;
                storable("layers", &session.layers)?;
            }
            // Rows are looked up instead of trusted: one that is gone must not fail the others.
            let text = format!(
                "INSERT INTO viewer_sessions (id, stream_id, broadcast_id, user_id, protocol, viewer,
                     agent, started_at, seen_at, ended_at, layers, stalls, stall_ms, delay_ms, loss, join_ms)
                 SELECT v.column1, v.column2,
                     (SELECT id FROM broadcasts WHERE id = v.column3),
                     (SELECT id FROM users WHERE id = v.column4),
                     v.column5, v.column6, v.column7, v.column8, v.column9, v.column10, v.column11,
                     v.column12, v.column13, v.column14, v.column15, v.column16
                 FROM (VALUES {}) AS v
                 WHERE EXISTS (SELECT 1 FROM streams WHERE id = v.column2)
                 ON CONFLICT (id) DO UPDATE SET
                     broadcast_id = COALESCE(excluded.broadcast_id, viewer_sessions.broadcast_id),
                     user_id = COALESCE(excluded.user_id, viewer_sessions.user_id),
                     seen_at = excluded.seen_at, ended_at = excluded.ended_at,
                     layers = excluded.layers, stalls = excluded.stalls,
                     stall_ms = excluded.stall_ms, delay_ms = excluded.delay_ms,
                     loss = excluded.loss, join_ms = excluded.join_ms",
                placeholders(batch.len(), COLUMNS)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for session in batch {
                query = query
                    .bind(session.id.0)
                    .bind(session.stream_id.0)
                    .bind(session.broadcast_id.map(|id| id.0))
                    .bind(session.user_id.map(|id| id.0))
                    .bind(session.protocol.as_str())
                    .bind(&*session.viewer)
                    .bind(&*session.agent)
                    .bind(session.started_at)
                    .bind(session.seen_at)
                    .bind(session.ended_at)
                    .bind(&*session.layers)
                    .bind(session.stalls)
                    .bind(session.stall_ms)
                    .bind(session.delay_ms)
                    .bind(session.loss)
                    .bind(session.join_ms);
            }
            query.execute(self.writes()).await?;
        }
        Ok(())
    }

    /// Ends the sessions that a crash left open, at the time that they were seen last; gives their
    /// number. For the start of the only server on this database.
    pub async fn end_open_viewer_sessions(&self) -> Result<u64> {
        let ended =
            sqlx::query("UPDATE viewer_sessions SET ended_at = seen_at WHERE ended_at IS NULL")
                .execute(self.writes())
                .await?;
        Ok(ended.rows_affected())
    }

    /// Sessions of a stream, newest first, with the names of known viewers: those before `before`, of
    /// one broadcast if asked.
    pub async fn list_viewer_sessions(
        &self,
        stream: StreamId,
        broadcast: Option<BroadcastId>,
        before: Option<ViewerSessionId>,
        limit: u32,
    ) -> Result<Vec<(ViewerSession, Option<String>)>> {
        // Two texts, so that each goes by its index.
        let which = match broadcast {
            Some(_) => "s.broadcast_id = $4 AND s.stream_id = $1",
            None => "s.stream_id = $1",
        };
        let text = format!(
            "SELECT s.id, s.stream_id, s.broadcast_id, s.user_id, s.protocol, s.viewer, s.agent,
                 s.started_at, s.seen_at, s.ended_at, s.layers, s.stalls, s.stall_ms, s.delay_ms,
                 s.loss, s.join_ms, u.name AS user_name
             FROM viewer_sessions s LEFT JOIN users u ON u.id = s.user_id
             WHERE {which} AND s.id < $2 ORDER BY s.id DESC LIMIT $3"
        );
        let mut query = sqlx::query(AssertSqlSafe(text))
            .bind(stream.0)
            .bind(before.map_or(i64::MAX, |id| id.0))
            .bind(i64::from(limit));
        if let Some(broadcast) = broadcast {
            query = query.bind(broadcast.0);
        }
        let rows = query.fetch_all(self.reads()).await?;
        let read = |row: &AnyRow| Ok((from_row(row)?, row.try_get("user_name")?));
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// The key of a day's viewer hashes: `fresh` unless there is one already. Keys of earlier days are
    /// thrown away, so that nobody can say any more whose the hashes were.
    pub async fn viewer_salt(&self, day: i64, fresh: &str) -> Result<String> {
        storable("salt", fresh)?;
        let mut tx = self.begin_write().await?;
        sqlx::query("DELETE FROM viewer_salts WHERE day < $1")
            .bind(day)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO viewer_salts (day, salt) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING",
        )
        .bind(day)
        .bind(fresh)
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query("SELECT salt FROM viewer_salts WHERE day = $1")
            .bind(day)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(row.try_get("salt")?)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<ViewerSession> {
    let protocol: String = row.try_get("protocol")?;
    Ok(ViewerSession {
        id: ViewerSessionId(row.try_get("id")?),
        stream_id: StreamId(row.try_get("stream_id")?),
        broadcast_id: row
            .try_get::<Option<i64>, _>("broadcast_id")?
            .map(BroadcastId),
        user_id: row.try_get::<Option<i64>, _>("user_id")?.map(UserId),
        protocol: protocol.parse().map_err(|_| sqlx::Error::ColumnDecode {
            index: "protocol".into(),
            source: format!("unknown protocol {protocol:?}").into(),
        })?,
        viewer: row.try_get("viewer")?,
        agent: row.try_get("agent")?,
        started_at: row.try_get("started_at")?,
        seen_at: row.try_get("seen_at")?,
        ended_at: row.try_get("ended_at")?,
        layers: row.try_get("layers")?,
        stalls: row.try_get("stalls")?,
        stall_ms: row.try_get("stall_ms")?,
        delay_ms: row.try_get("delay_ms")?,
        loss: row.try_get("loss")?,
        join_ms: row.try_get("join_ms")?,
    })
}

impl std::str::FromStr for ViewProtocol {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "webrtc" => Ok(Self::WebRtc),
            "hls" => Ok(Self::Hls),
            _ => Err(DbError::Invalid {
                what: "protocol",
                why: "must be webrtc or hls",
            }),
        }
    }
}
