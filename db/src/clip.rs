//! What was cut out of streams and recordings.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{
    ClipId, Db, DbError, RecordingId, Result, StreamId, UnixMillis, UserId, error::storable, id,
};

/// A clip's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Row id.
    pub id: ClipId,
    /// What it shows.
    pub stream: StreamId,
    /// Of which recording, if of one that is still there.
    pub recording: Option<RecordingId>,
    /// Who cut it.
    pub user: Option<UserId>,
    /// The name of who cut it.
    pub user_name: Option<String>,
    /// For people.
    pub title: String,
    /// How long it plays.
    pub duration_ms: i64,
    /// Size of its file.
    pub bytes: i64,
    /// Whether its file is in the bucket.
    pub in_bucket: bool,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// A clip whose file is there.
#[derive(Debug, Clone)]
pub struct NewClip {
    /// Its id: its file has it in its name.
    pub id: ClipId,
    /// What it shows.
    pub stream: StreamId,
    /// Of which recording.
    pub recording: Option<RecordingId>,
    /// Who cut it.
    pub user: UserId,
    /// For people.
    pub title: String,
    /// How long it plays.
    pub duration_ms: i64,
    /// Size of its file.
    pub bytes: i64,
}

const SELECT: &str =
    "SELECT c.id, c.stream_id, c.recording_id, c.user_id, u.name AS user_name, c.title,
        c.duration_ms, c.bytes, c.in_bucket, c.created_at
     FROM clips c LEFT JOIN users u ON u.id = c.user_id";

impl Db {
    /// Writes down that there is a clip. `NotFound` when its stream is gone.
    pub async fn add_clip(&self, new: &NewClip) -> Result<Clip> {
        storable("title", &new.title)?;
        sqlx::query(
            "INSERT INTO clips (id, stream_id, recording_id, user_id, title, state, duration_ms, bytes, created_at)
             VALUES ($1, $2, $3, $4, $5, 'ready', $6, $7, $8)",
        )
        .bind(new.id.0)
        .bind(new.stream.0)
        .bind(new.recording.map(|id| id.0))
        .bind(new.user.0)
        .bind(&*new.title)
        .bind(new.duration_ms)
        .bind(new.bytes)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        self.clip(new.id)
            .await?
            .ok_or(DbError::NotFound { what: "clip" })
    }

    /// A clip.
    pub async fn clip(&self, id: ClipId) -> Result<Option<Clip>> {
        let row = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE c.id = $1 AND c.state = 'ready'"
        )))
        .bind(id.0)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// A stream's clips, the newest first, those before `before`.
    pub async fn clips_of_stream(
        &self,
        stream: StreamId,
        before: Option<ClipId>,
        limit: u32,
    ) -> Result<Vec<Clip>> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE c.stream_id = $1 AND c.id < $2 AND c.state = 'ready'
             ORDER BY c.id DESC LIMIT $3"
        )))
        .bind(stream.0)
        .bind(before.map_or(i64::MAX, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Those that are not in the bucket yet, the oldest first.
    pub async fn clips_to_upload(&self, limit: u32) -> Result<Vec<Clip>> {
        self.clips_where("c.state = 'ready' AND c.in_bucket = 0", limit)
            .await
    }

    /// Those whose files are to be removed.
    pub async fn deleted_clips(&self, limit: u32) -> Result<Vec<Clip>> {
        self.clips_where("c.state = 'deleted'", limit).await
    }

    async fn clips_where(&self, condition: &str, limit: u32) -> Result<Vec<Clip>> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE {condition} ORDER BY c.id LIMIT $1"
        )))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Its file has arrived in the bucket.
    pub async fn clip_in_bucket(&self, id: ClipId) -> Result<bool> {
        let changed =
            sqlx::query("UPDATE clips SET in_bucket = 1 WHERE id = $1 AND state = 'ready'")
                .bind(id.0)
                .execute(self.writes())
                .await?
                .rows_affected();
        Ok(changed > 0)
    }

    /// Nobody sees it any more; its file is to be removed. False when it is gone.
    pub async fn delete_clip(&self, id: ClipId) -> Result<bool> {
        let changed =
            sqlx::query("UPDATE clips SET state = 'deleted' WHERE id = $1 AND state = 'ready'")
                .bind(id.0)
                .execute(self.writes())
                .await?
                .rows_affected();
        Ok(changed > 0)
    }

    /// Its file is gone, and so is its row.
    pub async fn forget_clip(&self, id: ClipId) -> Result<()> {
        sqlx::query("DELETE FROM clips WHERE id = $1 AND state = 'deleted'")
            .bind(id.0)
            .execute(self.writes())
            .await?;
        Ok(())
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Clip> {
    Ok(Clip {
        id: ClipId(row.try_get("id")?),
        // Of a stream that is gone: nobody asks for it any more.
        stream: StreamId(row.try_get::<Option<i64>, _>("stream_id")?.unwrap_or(0)),
        recording: row
            .try_get::<Option<i64>, _>("recording_id")?
            .map(RecordingId),
        user: row.try_get::<Option<i64>, _>("user_id")?.map(UserId),
        user_name: row.try_get("user_name")?,
        title: row.try_get("title")?,
        duration_ms: row.try_get("duration_ms")?,
        bytes: row.try_get("bytes")?,
        in_bucket: row.try_get::<i64, _>("in_bucket")? != 0,
        created_at: row.try_get("created_at")?,
    })
}
