//! What is kept no longer goes, a little at a time.

use crate::{Db, Result, UnixMillis, id};

/// Rows that go at once: on SQLite nobody else writes meanwhile.
const BATCH: i64 = 500;

impl Db {
    /// Deletes some viewer sessions that began before `before`; gives how many. To be called until it
    /// gives 0.
    pub async fn forget_viewer_sessions(&self, before: UnixMillis) -> Result<u64> {
        // Ids begin with the time, so the primary key is the index for this.
        let gone = sqlx::query(
            "DELETE FROM viewer_sessions WHERE id IN
                 (SELECT id FROM viewer_sessions WHERE id < $1 ORDER BY id LIMIT $2)",
        )
        .bind(id::first_at(before))
        .bind(BATCH)
        .execute(self.writes())
        .await?;
        Ok(gone.rows_affected())
    }

    /// Deletes some minutes before `before`, the hours of which stay; gives how many. To be called
    /// until it gives 0.
    pub async fn forget_stream_minutes(&self, before: UnixMillis) -> Result<u64> {
        // The last of a batch of times, so that no more than about a batch goes at once.
        let gone = sqlx::query(
            "DELETE FROM stream_minutes WHERE at < $1 AND at <= COALESCE(
                 (SELECT at FROM stream_minutes ORDER BY at LIMIT 1 OFFSET $2), $1)",
        )
        .bind(before)
        .bind(BATCH)
        .execute(self.writes())
        .await?;
        Ok(gone.rows_affected())
    }
}
