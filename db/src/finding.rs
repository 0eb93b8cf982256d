//! What was wrong with broadcasts.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{BroadcastId, Db, FindingId, Result, StreamId, UnixMillis, placeholders};

/// Rows in one statement: 11 values each.
const BATCH: usize = 400;

const COLUMNS: usize = 11;

/// A finding's row. The words of code, severity and facts are the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// Row id. Grows with time.
    pub id: FindingId,
    /// Of which stream.
    pub stream_id: StreamId,
    /// Of which broadcast.
    pub broadcast_id: BroadcastId,
    /// What; one row for each of a broadcast.
    pub code: String,
    /// How bad.
    pub severity: String,
    /// Figures and words, as JSON.
    pub facts: String,
    /// Whether it is mended for viewers.
    pub repaired: bool,
    /// When it was seen first.
    pub first_at: UnixMillis,
    /// When it was seen last.
    pub last_at: UnixMillis,
    /// When it was over, or its broadcast was.
    pub cleared_at: Option<UnixMillis>,
    /// How often it came.
    pub times: i64,
}

/// A fresh id for a finding.
pub fn new_finding_id() -> FindingId {
    FindingId::fresh()
}

impl Db {
    /// Writes findings down as they are now. Those of broadcasts that are deleted are left out.
    pub async fn put_findings(&self, rows: &[FindingRow]) -> Result<()> {
        for batch in rows.chunks(BATCH) {
            let text = format!(
                "INSERT INTO findings (id, stream_id, broadcast_id, code, severity, facts, repaired,
                     first_at, last_at, cleared_at, times)
                 SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7,
                     v.column8, v.column9, NULLIF(v.column10, -1), v.column11
                 FROM (VALUES {}) AS v
                 WHERE EXISTS (SELECT 1 FROM broadcasts WHERE id = v.column3)
                 ON CONFLICT (broadcast_id, code) DO UPDATE SET
                     severity = excluded.severity, facts = excluded.facts,
                     repaired = excluded.repaired, last_at = excluded.last_at,
                     cleared_at = excluded.cleared_at, times = excluded.times",
                placeholders(batch.len(), COLUMNS)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for row in batch {
                query = query
                    .bind(row.id.0)
                    .bind(row.stream_id.0)
                    .bind(row.broadcast_id.0)
                    .bind(&row.code)
                    .bind(&row.severity)
                    .bind(&row.facts)
                    .bind(i64::from(row.repaired))
                    .bind(row.first_at)
                    .bind(row.last_at)
                    // A list of values of which one is nothing has no type in PostgreSQL.
                    .bind(row.cleared_at.unwrap_or(-1))
                    .bind(row.times);
            }
            query.execute(self.writes()).await?;
        }
        Ok(())
    }

    /// A stream's findings, newest first: those before the one with the id `before`, at most `limit`.
    pub async fn list_findings(
        &self,
        stream: StreamId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FindingRow>> {
        let rows = sqlx::query(
            "SELECT f.id, f.stream_id, f.broadcast_id, f.code, f.severity, f.facts, f.repaired,
                 f.first_at, f.last_at, COALESCE(f.cleared_at, b.ended_at) AS cleared_at, f.times
             FROM findings f JOIN broadcasts b ON b.id = f.broadcast_id
             WHERE f.stream_id = $1 AND f.id < $2 ORDER BY f.id DESC LIMIT $3",
        )
        .bind(stream.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// A broadcast's findings, newest first, as [`Db::list_findings`]: each code once.
    pub async fn findings_of_broadcast(
        &self,
        stream: StreamId,
        broadcast: BroadcastId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FindingRow>> {
        let rows = sqlx::query(
            "SELECT f.id, f.stream_id, f.broadcast_id, f.code, f.severity, f.facts, f.repaired,
                 f.first_at, f.last_at, COALESCE(f.cleared_at, b.ended_at) AS cleared_at, f.times
             FROM findings f JOIN broadcasts b ON b.id = f.broadcast_id
             WHERE f.broadcast_id = $1 AND f.stream_id = $2 AND f.id < $3
             ORDER BY f.id DESC LIMIT $4",
        )
        .bind(broadcast.0)
        .bind(stream.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<FindingRow> {
    Ok(FindingRow {
        id: FindingId(row.try_get("id")?),
        stream_id: StreamId(row.try_get("stream_id")?),
        broadcast_id: BroadcastId(row.try_get("broadcast_id")?),
        code: row.try_get("code")?,
        severity: row.try_get("severity")?,
        facts: row.try_get("facts")?,
        repaired: row.try_get::<i64, _>("repaired")? != 0,
        first_at: row.try_get("first_at")?,
        last_at: row.try_get("last_at")?,
        cleared_at: row.try_get("cleared_at")?,
        times: row.try_get("times")?,
    })
}
