//! What people have watched, as far as lists made for them need it.

use sqlx::{Row, any::AnyRow};

use crate::{CategoryId, Db, Result, StreamId, UnixMillis, UserId, id};

/// A stream that somebody has watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Which.
    pub stream: StreamId,
    /// Whose it is.
    pub owner: Option<UserId>,
    /// What it is about.
    pub category: Option<CategoryId>,
    /// Its tags.
    pub tags: Vec<String>,
    /// How often.
    pub times: i64,
    /// When last.
    pub watched_at: UnixMillis,
}

impl Db {
    /// Notes that a user began to watch a stream.
    pub async fn note_watching(&self, user: UserId, stream: StreamId) -> Result<()> {
        sqlx::query(
            "INSERT INTO stream_watches (user_id, stream_id, times, watched_at) VALUES ($1, $2, 1, $3)
             ON CONFLICT (user_id, stream_id)
             DO UPDATE SET times = stream_watches.times + 1, watched_at = $3",
        )
        .bind(user.0)
        .bind(stream.0)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// What a user has watched, the latest first.
    pub async fn watched_by(&self, user: UserId, limit: u32) -> Result<Vec<Watched>> {
        let rows = sqlx::query(
            "SELECT w.stream_id, w.times, w.watched_at, s.owner_id, s.category_id, s.tags
             FROM stream_watches w JOIN streams s ON s.id = w.stream_id
             WHERE w.user_id = $1 ORDER BY w.watched_at DESC LIMIT $2",
        )
        .bind(user.0)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Owners who have blocked this user: their streams are not recommended.
    pub async fn blocked_by(&self, user: UserId) -> Result<Vec<UserId>> {
        let rows = sqlx::query("SELECT owner_id FROM blocks WHERE user_id = $1")
            .bind(user.0)
            .fetch_all(self.reads())
            .await?;
        let owners = rows.iter().map(|row| Ok(UserId(row.try_get("owner_id")?)));
        Ok(owners.collect::<sqlx::Result<_>>()?)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Watched> {
    let tags: String = row.try_get("tags")?;
    Ok(Watched {
        stream: StreamId(row.try_get("stream_id")?),
        owner: row.try_get::<Option<i64>, _>("owner_id")?.map(UserId),
        category: row
            .try_get::<Option<i64>, _>("category_id")?
            .map(CategoryId),
        tags: tags.split_whitespace().map(str::to_owned).collect(),
        times: row.try_get("times")?,
        watched_at: row.try_get("watched_at")?,
    })
}
