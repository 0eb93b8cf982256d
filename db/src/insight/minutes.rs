//! A row per stream and minute, and what is summed up of them: hours for ever, days when asked.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use super::{DAY_MS, HOUR_MS, placeholders};
use crate::{Db, Result, StreamId, UnixMillis};

/// Minutes in one statement: 16 values each.
const BATCH: usize = 500;

const COLUMNS: usize = 16;

/// Sums over rows; casts since PostgreSQL's sums of BIGINT are NUMERIC. A delay or loss counts as
/// often as it was reported.
const SUMS: &str = "CAST(SUM(live_ms) AS BIGINT) AS live_ms,
     CAST(SUM(webrtc_ms) AS BIGINT) AS webrtc_ms, CAST(SUM(hls_ms) AS BIGINT) AS hls_ms,
     MAX(peak) AS peak, CAST(SUM(joins) AS BIGINT) AS joins,
     CAST(SUM(failed_joins) AS BIGINT) AS failed_joins,
     CAST(SUM(stalls) AS BIGINT) AS stalls, CAST(SUM(stall_ms) AS BIGINT) AS stall_ms,
     CAST(SUM(delay_ms * delays) AS BIGINT)
         / CASE WHEN SUM(delays) = 0 THEN 1 ELSE CAST(SUM(delays) AS BIGINT) END AS delay_ms,
     CAST(SUM(delays) AS BIGINT) AS delays,
     CAST(SUM(loss * losses) / CASE WHEN SUM(losses) = 0 THEN 1 ELSE SUM(losses) END AS DOUBLE PRECISION) AS loss,
     CAST(SUM(losses) AS BIGINT) AS losses,
     CAST(SUM(messages) AS BIGINT) AS messages, CAST(SUM(reactions) AS BIGINT) AS reactions";

/// What is known of a stream over some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// How long it was on the air.
    pub live_ms: i64,
    /// Time watched over WebRTC, of all viewers together.
    pub webrtc_ms: i64,
    /// Time watched over HLS.
    pub hls_ms: i64,
    /// Most viewers at one moment.
    pub peak: i64,
    /// Sessions that began.
    pub joins: i64,
    /// WebRTC sessions that were answered and never connected.
    pub failed_joins: i64,
    /// How often pictures stood still.
    pub stalls: i64,
    /// For how long.
    pub stall_ms: i64,
    /// Median of the reported delays; over more than a minute, the mean of the minutes' medians.
    pub delay_ms: i64,
    /// How many delays were reported.
    pub delays: i64,
    /// Mean share of packets lost.
    pub loss: f64,
    /// Of how many samples.
    pub losses: i64,
    /// Chat messages.
    pub messages: i64,
    /// Reactions.
    pub reactions: i64,
}

/// Figures of a stream from `at` on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamMinute {
    /// Which.
    pub stream_id: StreamId,
    /// Start of the minute.
    pub at: UnixMillis,
    /// What happened in it.
    pub figures: Figures,
}

/// How finely time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Kept for about a year.
    Minute,
    /// Kept for ever.
    Hour,
    /// UTC.
    Day,
}

impl Grain {
    /// Length of one step.
    pub fn millis(self) -> i64 {
        match self {
            Self::Minute => super::MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }
}

impl Db {
    /// Adds what happened in minutes; a minute that is there already (the server was started again
    /// within it) is added to. Streams that are deleted are left out.
    pub async fn add_stream_minutes(&self, minutes: &[StreamMinute]) -> Result<()> {
        for batch in minutes.chunks(BATCH) {
            let text = format!(
                "INSERT INTO stream_minutes (stream_id, at, live_ms, webrtc_ms, hls_ms, peak, joins,
                     failed_joins, stalls, stall_ms, delay_ms, delays, loss, losses, messages, reactions)
                 SELECT v.* FROM (VALUES {}) AS v
                 WHERE EXISTS (SELECT 1 FROM streams WHERE id = v.column1)
                 ON CONFLICT (stream_id, at) DO UPDATE SET
                     live_ms = stream_minutes.live_ms + excluded.live_ms,
                     webrtc_ms = stream_minutes.webrtc_ms + excluded.webrtc_ms,
                     hls_ms = stream_minutes.hls_ms + excluded.hls_ms,
                     peak = CASE WHEN stream_minutes.peak < excluded.peak THEN excluded.peak
                         ELSE stream_minutes.peak END,
                     joins = stream_minutes.joins + excluded.joins,
                     failed_joins = stream_minutes.failed_joins + excluded.failed_joins,
                     stalls = stream_minutes.stalls + excluded.stalls,
                     stall_ms = stream_minutes.stall_ms + excluded.stall_ms,
                     delay_ms = CASE WHEN excluded.delays = 0 THEN stream_minutes.delay_ms
                         ELSE (stream_minutes.delay_ms * stream_minutes.delays
                             + excluded.delay_ms * excluded.delays)
                             / (stream_minutes.delays + excluded.delays) END,
                     delays = stream_minutes.delays + excluded.delays,
                     loss = CASE WHEN excluded.losses = 0 THEN stream_minutes.loss
                         ELSE (stream_minutes.loss * stream_minutes.losses
                             + excluded.loss * excluded.losses)
                             / (stream_minutes.losses + excluded.losses) END,
                     losses = stream_minutes.losses + excluded.losses,
                     messages = stream_minutes.messages + excluded.messages,
                     reactions = stream_minutes.reactions + excluded.reactions",
                placeholders(batch.len(), COLUMNS)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for StreamMinute {
                stream_id,
                at,
                figures,
            } in batch
            {
                query = query
                    .bind(stream_id.0)
                    .bind(*at)
                    .bind(figures.live_ms)
                    .bind(figures.webrtc_ms)
                    .bind(figures.hls_ms)
                    .bind(figures.peak)
                    .bind(figures.joins)
                    .bind(figures.failed_joins)
                    .bind(figures.stalls)
                    .bind(figures.stall_ms)
                    .bind(figures.delay_ms)
                    .bind(figures.delays)
                    .bind(figures.loss)
                    .bind(figures.losses)
                    .bind(figures.messages)
                    .bind(figures.reactions);
            }
            query.execute(self.writes()).await?;
        }
        Ok(())
    }

    /// Sums up minutes into hours, for all streams: the newest hour that is there, and those since. So
    /// nothing is left out after a crash, and doing it again changes nothing.
    pub async fn roll_up_hours(&self) -> Result<()> {
        let text = format!(
            "INSERT INTO stream_hours (stream_id, at, live_ms, webrtc_ms, hls_ms, peak, joins,
                 failed_joins, stalls, stall_ms, delay_ms, delays, loss, losses, messages, reactions)
             SELECT stream_id, at - at % {HOUR_MS}, {SUMS} FROM stream_minutes
             WHERE at >= (SELECT COALESCE(MAX(at), 0) FROM stream_hours)
             GROUP BY stream_id, at - at % {HOUR_MS}
             ON CONFLICT (stream_id, at) DO UPDATE SET
                 live_ms = excluded.live_ms, webrtc_ms = excluded.webrtc_ms,
                 hls_ms = excluded.hls_ms, peak = excluded.peak, joins = excluded.joins,
                 failed_joins = excluded.failed_joins, stalls = excluded.stalls,
                 stall_ms = excluded.stall_ms, delay_ms = excluded.delay_ms,
                 delays = excluded.delays, loss = excluded.loss, losses = excluded.losses,
                 messages = excluded.messages, reactions = excluded.reactions"
        );
        sqlx::query(AssertSqlSafe(text))
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// A stream's figures from `from` until before `to`, in order. Steps in which nothing happened
    /// have no row.
    pub async fn stream_series(
        &self,
        stream: StreamId,
        from: UnixMillis,
        to: UnixMillis,
        grain: Grain,
    ) -> Result<Vec<StreamMinute>> {
        let text = match grain {
            Grain::Minute | Grain::Hour => {
                let table = match grain {
                    Grain::Minute => "stream_minutes",
                    Grain::Hour | Grain::Day => "stream_hours",
                };
                format!(
                    "SELECT stream_id, at, live_ms, webrtc_ms, hls_ms, peak, joins, failed_joins,
                         stalls, stall_ms, delay_ms, delays, loss, losses, messages, reactions
                     FROM {table} WHERE stream_id = $1 AND at >= $2 AND at < $3 ORDER BY at"
                )
            }
            Grain::Day => format!(
                "SELECT $1 AS stream_id, at - at % {DAY_MS} AS at, {SUMS} FROM stream_hours
                 WHERE stream_id = $1 AND at >= $2 AND at < $3
                 GROUP BY at - at % {DAY_MS} ORDER BY 2"
            ),
        };
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(stream.0)
            .bind(from)
            .bind(to)
            .fetch_all(self.reads())
            .await?;
        let read = |row: &AnyRow| {
            Ok(StreamMinute {
                stream_id: stream,
                at: row.try_get("at")?,
                figures: figures(row)?,
            })
        };
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// Different viewers of a stream: those of each day from `from` until before `to`, added up.
    pub async fn stream_viewers(
        &self,
        stream: StreamId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<i64> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(viewers), 0) AS BIGINT) FROM stream_days
             WHERE stream_id = $1 AND at >= $2 AND at < $3",
        )
        .bind(stream.0)
        .bind(from)
        .bind(to)
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get(0)?)
    }
}

pub(super) fn sums() -> &'static str {
    SUMS
}

pub(super) fn figures(row: &AnyRow) -> sqlx::Result<Figures> {
    Ok(Figures {
        live_ms: row.try_get("live_ms")?,
        webrtc_ms: row.try_get("webrtc_ms")?,
        hls_ms: row.try_get("hls_ms")?,
        peak: row.try_get("peak")?,
        joins: row.try_get("joins")?,
        failed_joins: row.try_get("failed_joins")?,
        stalls: row.try_get("stalls")?,
        stall_ms: row.try_get("stall_ms")?,
        delay_ms: row.try_get("delay_ms")?,
        delays: row.try_get("delays")?,
        loss: row.try_get("loss")?,
        losses: row.try_get("losses")?,
        messages: row.try_get("messages")?,
        reactions: row.try_get("reactions")?,
    })
}
