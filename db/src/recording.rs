//! What was recorded.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use weir_protocol::RecordingState;

use crate::{
    BroadcastId, Db, DbError, RecordingId, Result, StreamId, UnixMillis, UserId, error::storable,
    id,
};

/// A recording's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Row id.
    pub id: RecordingId,
    /// What was recorded.
    pub stream: StreamId,
    /// When it was live.
    pub broadcast: BroadcastId,
    /// For people.
    pub title: String,
    /// How far it is. What was deleted has a row until its files are gone.
    pub state: RecordingState,
    /// Why it failed.
    pub why: Option<String>,
    /// From when.
    pub started_at: UnixMillis,
    /// Until when; `None` while it goes on.
    pub ended_at: Option<UnixMillis>,
    /// How long it plays.
    pub duration_ms: i64,
    /// Size of its files.
    pub bytes: i64,
    /// Files to download.
    pub movies: i64,
    /// Whether its files are in the bucket.
    pub in_bucket: bool,
    /// Never removed by age or size.
    pub protected: bool,
    /// Counts changes, for entity tags.
    pub version: i64,
}

/// What a finished recording has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingFigures {
    /// How long it plays.
    pub duration_ms: i64,
    /// Size of its files.
    pub bytes: i64,
    /// Files to download.
    pub movies: i64,
}

const SELECT: &str =
    "SELECT r.id, r.stream_id, r.broadcast_id, r.title, r.state, r.why, r.started_at,
        r.ended_at, r.duration_ms, r.bytes, r.movies, r.in_bucket, r.protected, r.version
     FROM recordings r";

impl Db {
    /// A recording begins. `Conflict` when the stream is being recorded; `NotFound` when it is gone.
    pub async fn begin_recording(
        &self,
        stream: StreamId,
        broadcast: BroadcastId,
        title: &str,
        started_at: UnixMillis,
    ) -> Result<Recording> {
        storable("title", title)?;
        let id = RecordingId::fresh();
        sqlx::query(
            "INSERT INTO recordings (id, stream_id, broadcast_id, title, state, started_at, updated_at)
             VALUES ($1, $2, $3, $4, 'recording', $5, $6)",
        )
        .bind(id.0)
        .bind(stream.0)
        .bind(broadcast.0)
        .bind(title)
        .bind(started_at)
        .bind(id::now())
        .execute(self.writes())
        .await
        .map_err(|error| match DbError::from(error) {
            DbError::Conflict { .. } => DbError::Conflict { what: "recording" },
            other => other,
        })?;
        self.recording(id)
            .await?
            .ok_or(DbError::NotFound { what: "recording" })
    }

    /// A recording, also one whose files are being removed.
    pub async fn recording(&self, id: RecordingId) -> Result<Option<Recording>> {
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE r.id = $1")))
            .bind(id.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// The one that goes on in a stream.
    pub async fn open_recording(&self, stream: StreamId) -> Result<Option<Recording>> {
        let row = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE r.stream_id = $1 AND r.state = 'recording'"
        )))
        .bind(stream.0)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// A stream's recordings, the newest first, those before `before`. Others than those who manage the
    /// stream see what is ready.
    pub async fn recordings_of_stream(
        &self,
        stream: StreamId,
        only_ready: bool,
        before: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<Recording>> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE r.stream_id = $1 AND r.id < $2
                AND (r.state = 'ready' OR ($3 = 0 AND r.state <> 'deleted'))
             ORDER BY r.id DESC LIMIT $4"
        )))
        .bind(stream.0)
        .bind(before.map_or(i64::MAX, |id| id.0))
        .bind(i64::from(only_ready))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// What is ready of a user's streams, the newest first, those before `before`; of public streams only,
    /// or of all.
    pub async fn recordings_of_user(
        &self,
        owner: UserId,
        only_public: bool,
        before: Option<RecordingId>,
        limit: u32,
    ) -> Result<Vec<Recording>> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE r.stream_id IN (SELECT id FROM streams WHERE owner_id = $1
                    AND ($2 = 0 OR visibility = 'public'))
                AND r.id < $3 AND r.state = 'ready'
             ORDER BY r.id DESC LIMIT $4"
        )))
        .bind(owner.0)
        .bind(i64::from(only_public))
        .bind(before.map_or(i64::MAX, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Those in a state, the oldest first.
    pub async fn recordings_in(&self, state: RecordingState, limit: u32) -> Result<Vec<Recording>> {
        self.recordings_where(state, "", limit).await
    }

    /// Those that are ready and not in the bucket yet, the oldest first.
    pub async fn recordings_to_upload(&self, limit: u32) -> Result<Vec<Recording>> {
        self.recordings_where(RecordingState::Ready, "AND r.in_bucket = 0", limit)
            .await
    }

    async fn recordings_where(
        &self,
        state: RecordingState,
        condition: &str,
        limit: u32,
    ) -> Result<Vec<Recording>> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE r.state = $1 {condition} ORDER BY r.id LIMIT $2"
        )))
        .bind(state.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Nothing more is recorded; its files are to be made. False when it was not being recorded.
    pub async fn stop_recording(&self, id: RecordingId, ended_at: UnixMillis) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE recordings SET state = 'processing', ended_at = $2, updated_at = $3, version = version + 1
             WHERE id = $1 AND state = 'recording'",
        )
        .bind(id.0)
        .bind(ended_at)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Its files are there. False when it was deleted meanwhile.
    pub async fn recording_ready(
        &self,
        id: RecordingId,
        figures: RecordingFigures,
    ) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE recordings SET state = 'ready', duration_ms = $2, bytes = $3, movies = $4, updated_at = $5,
                version = version + 1
             WHERE id = $1 AND state = 'processing'",
        )
        .bind(id.0)
        .bind(figures.duration_ms)
        .bind(figures.bytes)
        .bind(figures.movies)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// It could not be finished, for good.
    pub async fn recording_failed(&self, id: RecordingId, why: &str) -> Result<()> {
        let why = why.replace('\0', "");
        sqlx::query(
            "UPDATE recordings SET state = 'failed', why = $2, updated_at = $3, version = version + 1
             WHERE id = $1 AND state = 'processing'",
        )
        .bind(id.0)
        .bind(why)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// All its files have arrived in the bucket. False when it was deleted meanwhile.
    pub async fn recording_in_bucket(&self, id: RecordingId) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE recordings SET in_bucket = 1, updated_at = $2 WHERE id = $1 AND state = 'ready'",
        )
        .bind(id.0)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Changes what a recording says of itself, if it is still of this version; gives whether it was.
    pub async fn edit_recording(
        &self,
        id: RecordingId,
        version: i64,
        title: &str,
        protected: bool,
    ) -> Result<bool> {
        storable("title", title)?;
        let changed = sqlx::query(
            "UPDATE recordings SET title = $3, protected = $4, updated_at = $5, version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind(id.0)
        .bind(version)
        .bind(title)
        .bind(i64::from(protected))
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Nobody sees it any more; its files are to be removed. False when it goes on, or is gone.
    pub async fn delete_recording(&self, id: RecordingId) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE recordings SET state = 'deleted', updated_at = $2, version = version + 1
             WHERE id = $1 AND state NOT IN ('recording', 'deleted')",
        )
        .bind(id.0)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Its files are gone, and so is its row.
    pub async fn forget_recording(&self, id: RecordingId) -> Result<()> {
        sqlx::query("DELETE FROM recordings WHERE id = $1 AND state = 'deleted'")
            .bind(id.0)
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// Deletes what belongs to streams that are gone.
    pub async fn delete_orphans(&self) -> Result<()> {
        sqlx::query(
            "UPDATE recordings SET state = 'deleted' WHERE stream_id IS NULL AND state <> 'deleted'",
        )
        .execute(self.writes())
        .await?;
        sqlx::query(
            "UPDATE clips SET state = 'deleted' WHERE stream_id IS NULL AND state <> 'deleted'",
        )
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// Deletes what ended before this time and is not protected; gives how many.
    pub async fn expire_recordings(&self, ended_before: UnixMillis) -> Result<u64> {
        let changed = sqlx::query(
            "UPDATE recordings SET state = 'deleted', updated_at = $2, version = version + 1
             WHERE state = 'ready' AND protected = 0 AND ended_at < $1",
        )
        .bind(ended_before)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed)
    }

    /// Deletes the oldest that are not protected, until all together have at most so many bytes; gives how
    /// many were deleted.
    pub async fn shrink_recordings(&self, at_most: i64) -> Result<u64> {
        let changed = sqlx::query(
            "UPDATE recordings SET state = 'deleted', updated_at = $2, version = version + 1
             WHERE id IN (
                SELECT sized.id FROM (
                    SELECT id, protected, SUM(bytes) OVER (ORDER BY protected DESC, ended_at DESC, id DESC) AS upto
                    FROM recordings WHERE state = 'ready') AS sized
                WHERE sized.upto > $1 AND sized.protected = 0)",
        )
        .bind(at_most)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed)
    }

    /// Which of these recordings and clips have a row.
    pub async fn known_files(&self, ids: &[i64]) -> Result<Vec<i64>> {
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        if list.is_empty() {
            return Ok(Vec::new());
        }
        // Numbers only: nothing in it can be read otherwise.
        let list = list.join(", ");
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT id FROM recordings WHERE id IN ({list}) UNION ALL SELECT id FROM clips WHERE id IN ({list})"
        )))
        .persistent(false)
        .fetch_all(self.reads())
        .await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get("id"))
            .collect::<sqlx::Result<_>>()?)
    }

    /// Whether this stream's broadcasts are recorded from their beginning; `None` when the server's setting
    /// counts.
    pub async fn records(&self, stream: StreamId) -> Result<Option<bool>> {
        let row = sqlx::query("SELECT record FROM recording_settings WHERE stream_id = $1")
            .bind(stream.0)
            .fetch_optional(self.reads())
            .await?;
        row.map(|row| Ok(row.try_get::<i64, _>("record")? != 0))
            .transpose()
    }

    /// Says it. `NotFound` when the stream is gone.
    pub async fn set_records(&self, stream: StreamId, record: Option<bool>) -> Result<()> {
        let query = match record {
            Some(record) => sqlx::query(
                "INSERT INTO recording_settings (stream_id, record) VALUES ($1, $2)
                 ON CONFLICT (stream_id) DO UPDATE SET record = $2",
            )
            .bind(stream.0)
            .bind(i64::from(record)),
            None => {
                sqlx::query("DELETE FROM recording_settings WHERE stream_id = $1").bind(stream.0)
            }
        };
        query.execute(self.writes()).await?;
        Ok(())
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Recording> {
    let state: String = row.try_get("state")?;
    Ok(Recording {
        id: RecordingId(row.try_get("id")?),
        // Of a stream that is gone: nobody asks for it any more.
        stream: StreamId(row.try_get::<Option<i64>, _>("stream_id")?.unwrap_or(0)),
        broadcast: BroadcastId(row.try_get("broadcast_id")?),
        title: row.try_get("title")?,
        state: RecordingState::from_text(&state).ok_or_else(|| sqlx::Error::ColumnDecode {
            index: "state".into(),
            source: format!("unknown state {state:?}").into(),
        })?,
        why: row.try_get("why")?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        duration_ms: row.try_get("duration_ms")?,
        bytes: row.try_get("bytes")?,
        movies: row.try_get("movies")?,
        in_bucket: row.try_get::<i64, _>("in_bucket")? != 0,
        protected: row.try_get::<i64, _>("protected")? != 0,
        version: row.try_get("version")?,
    })
}
