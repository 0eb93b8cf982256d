//! Coming streams.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use weir_protocol::StreamSlug;

use crate::{Db, DbError, Result, ScheduleId, StreamId, UnixMillis, error::storable, id};

/// A coming stream's row, with what its stream is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Row id.
    pub id: ScheduleId,
    /// Where it will be.
    pub stream: StreamId,
    /// The stream's name in addresses.
    pub slug: StreamSlug,
    /// What will be shown.
    pub entry: NewScheduled,
    /// When it was changed last.
    pub updated_at: UnixMillis,
    /// Counts changes, for entity tags.
    pub version: i64,
}

/// What is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewScheduled {
    /// What will be shown.
    pub title: String,
    /// What else there is to say.
    pub description: String,
    /// When it begins.
    pub starts_at: UnixMillis,
    /// When it is over.
    pub ends_at: UnixMillis,
}

const SELECT: &str =
    "SELECT p.id, p.stream_id, p.title, p.description, p.starts_at, p.ends_at, p.updated_at,
        p.version, s.slug
     FROM schedule p JOIN streams s ON s.id = p.stream_id";

/// Where a list goes on: the last one's start and id.
type After = Option<(UnixMillis, ScheduleId)>;

impl Db {
    /// Plans a stream. `NotFound` when it is gone.
    pub async fn create_scheduled(
        &self,
        stream: StreamId,
        new: &NewScheduled,
    ) -> Result<ScheduleId> {
        check(new)?;
        let id = ScheduleId::fresh();
        sqlx::query(
            "INSERT INTO schedule (id, stream_id, title, description, starts_at, ends_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.0)
        .bind(stream.0)
        .bind(&*new.title)
        .bind(&*new.description)
        .bind(new.starts_at)
        .bind(new.ends_at)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(id)
    }

    /// One of a stream's plans.
    pub async fn scheduled(&self, stream: StreamId, id: ScheduleId) -> Result<Option<Scheduled>> {
        let row = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE p.id = $1 AND p.stream_id = $2"
        )))
        .bind(id.0)
        .bind(stream.0)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Changes a plan if it is still of this version; gives whether it was.
    pub async fn edit_scheduled(
        &self,
        id: ScheduleId,
        version: i64,
        new: &NewScheduled,
    ) -> Result<bool> {
        check(new)?;
        let changed = sqlx::query(
            "UPDATE schedule SET title = $3, description = $4, starts_at = $5, ends_at = $6, updated_at = $7,
                version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind(id.0)
        .bind(version)
        .bind(&*new.title)
        .bind(&*new.description)
        .bind(new.starts_at)
        .bind(new.ends_at)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Takes a plan back. `NotFound`.
    pub async fn delete_scheduled(&self, id: ScheduleId) -> Result<()> {
        let changed = sqlx::query("DELETE FROM schedule WHERE id = $1")
            .bind(id.0)
            .execute(self.writes())
            .await?
            .rows_affected();
        if changed == 0 {
            return Err(DbError::NotFound {
                what: "planned stream",
            });
        }
        Ok(())
    }

    /// What is planned for a stream and not over at `now`, the next first.
    pub async fn schedule_of(
        &self,
        stream: StreamId,
        now: UnixMillis,
        after: After,
        limit: u32,
    ) -> Result<Vec<Scheduled>> {
        let (start, id) = after.map_or((i64::MIN, i64::MIN), |(start, id)| (start, id.0));
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE p.stream_id = $1 AND p.ends_at > $2
                AND (p.starts_at > $3 OR (p.starts_at = $3 AND p.id > $4))
             ORDER BY p.starts_at, p.id LIMIT $5"
        )))
        .bind(stream.0)
        .bind(now)
        .bind(start)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// What public streams plan to begin from `from` on, the next first.
    pub async fn upcoming(
        &self,
        from: UnixMillis,
        after: After,
        limit: u32,
    ) -> Result<Vec<Scheduled>> {
        let (start, id) = after.map_or((from, i64::MIN), |(start, id)| (start.max(from), id.0));
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE s.visibility = 'public'
                AND p.starts_at >= $1 AND (p.starts_at > $1 OR p.id > $2)
             ORDER BY p.starts_at, p.id LIMIT $3"
        )))
        .bind(start)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }
}

fn check(new: &NewScheduled) -> Result<()> {
    storable("title", &new.title)?;
    storable("description", &new.description)
}

fn from_row(row: &AnyRow) -> sqlx::Result<Scheduled> {
    let slug: String = row.try_get("slug")?;
    Ok(Scheduled {
        id: ScheduleId(row.try_get("id")?),
        stream: StreamId(row.try_get("stream_id")?),
        slug: slug
            .parse()
            .map_err(|error: weir_protocol::SlugError| sqlx::Error::Decode(error.into()))?,
        entry: NewScheduled {
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            starts_at: row.try_get("starts_at")?,
            ends_at: row.try_get("ends_at")?,
        },
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
