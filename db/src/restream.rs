//! Servers elsewhere that a stream is sent to while it is live.

use std::fmt;

use sqlx::{Row, any::AnyRow};

use crate::{Db, DbError, RestreamId, Result, StreamId, UnixMillis, error::storable, id};

/// A restream's row.
#[derive(Clone, PartialEq, Eq)]
pub struct Restream {
    /// Row id.
    pub id: RestreamId,
    /// What is sent.
    pub stream: StreamId,
    /// For people.
    pub name: String,
    /// Where to, without the key.
    pub url: String,
    /// The stream key there, encrypted by the caller.
    pub sealed_key: String,
    /// Whether it is sent whenever the stream is live.
    pub enabled: bool,
    /// Lines of the picture at most.
    pub max_height: Option<u32>,
    /// Bits a second of the video at most.
    pub max_bitrate: Option<u32>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was changed last.
    pub updated_at: UnixMillis,
    /// Grows with each edit.
    pub version: i64,
}

impl fmt::Debug for Restream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restream")
            .field("id", &self.id)
            .field("stream", &self.stream)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A restream to make, or what one becomes.
#[derive(Clone)]
pub struct RestreamFields {
    /// For people.
    pub name: String,
    /// Where to, without the key.
    pub url: String,
    /// The stream key there, encrypted.
    pub sealed_key: String,
    /// Whether it is sent whenever the stream is live.
    pub enabled: bool,
    /// Lines of the picture at most.
    pub max_height: Option<u32>,
    /// Bits a second of the video at most.
    pub max_bitrate: Option<u32>,
}

impl RestreamFields {
    fn check(&self) -> Result<()> {
        storable("name", &self.name)?;
        storable("address", &self.url)
    }
}

const COLUMNS: &str = "id, stream_id, name, url, sealed_key, enabled, max_height, max_bitrate,
    created_at, updated_at, version";

impl Db {
    /// Makes a restream with an id that the caller drew with [`RestreamId::draw`]. `Invalid` when the
    /// stream has `at_most` already; `NotFound` when the stream is gone.
    pub async fn create_restream(
        &self,
        id: RestreamId,
        stream: StreamId,
        fields: RestreamFields,
        at_most: u32,
    ) -> Result<Restream> {
        fields.check()?;
        let query = format!(
            "INSERT INTO restreams (id, stream_id, name, url, sealed_key, enabled, max_height,
                 max_bitrate, created_at, updated_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $9
             WHERE (SELECT count(*) FROM restreams WHERE stream_id = $2) < $10
             RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.0)
            .bind(stream.0)
            .bind(fields.name)
            .bind(fields.url)
            .bind(fields.sealed_key)
            .bind(i64::from(fields.enabled))
            .bind(fields.max_height.map(i64::from))
            .bind(fields.max_bitrate.map(i64::from))
            .bind(id::now())
            .bind(i64::from(at_most))
            .fetch_optional(self.writes())
            .await?;
        row.as_ref()
            .map(from_row)
            .transpose()?
            .ok_or(DbError::Invalid {
                what: "number of restreams",
                why: "is at its limit; delete one first",
            })
    }

    /// A stream's restream; `None` when it has no such.
    pub async fn restream(&self, stream: StreamId, id: RestreamId) -> Result<Option<Restream>> {
        let query = format!("SELECT {COLUMNS} FROM restreams WHERE id = $1 AND stream_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.0)
            .bind(stream.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// A stream's restreams, the oldest first, after `after`, at most `limit`.
    pub async fn list_restreams(
        &self,
        stream: StreamId,
        after: Option<RestreamId>,
        limit: u32,
    ) -> Result<Vec<Restream>> {
        let query = format!(
            "SELECT {COLUMNS} FROM restreams WHERE stream_id = $1 AND id > $2 ORDER BY id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(stream.0)
            .bind(after.map_or(0, |after| after.0))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// The restreams of these streams that are switched on.
    pub async fn enabled_restreams(&self, streams: &[StreamId]) -> Result<Vec<Restream>> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        // Numbers of our own: nothing in them to escape, and no limit of parameters.
        let list: Vec<String> = streams.iter().map(ToString::to_string).collect();
        let query = format!(
            "SELECT {COLUMNS} FROM restreams WHERE stream_id IN ({}) AND enabled = 1 ORDER BY id",
            list.join(", ")
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .persistent(false)
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Changes a restream that still has this version; gives it as it is now. `None` when it is gone
    /// or was changed meanwhile.
    pub async fn edit_restream(
        &self,
        id: RestreamId,
        version: i64,
        fields: RestreamFields,
    ) -> Result<Option<Restream>> {
        fields.check()?;
        let query = format!(
            "UPDATE restreams SET name = $3, url = $4, sealed_key = $5, enabled = $6, max_height = $7,
                 max_bitrate = $8, updated_at = $9, version = version + 1
             WHERE id = $1 AND version = $2 RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.0)
            .bind(version)
            .bind(fields.name)
            .bind(fields.url)
            .bind(fields.sealed_key)
            .bind(i64::from(fields.enabled))
            .bind(fields.max_height.map(i64::from))
            .bind(fields.max_bitrate.map(i64::from))
            .bind(id::now())
            .fetch_optional(self.writes())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Deletes a stream's restream. `NotFound`.
    pub async fn delete_restream(&self, stream: StreamId, id: RestreamId) -> Result<()> {
        let gone = sqlx::query("DELETE FROM restreams WHERE id = $1 AND stream_id = $2")
            .bind(id.0)
            .bind(stream.0)
            .execute(self.writes())
            .await?
            .rows_affected();
        match gone {
            0 => Err(DbError::NotFound { what: "restream" }),
            _ => Ok(()),
        }
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Restream> {
    let number = |name: &str| -> sqlx::Result<Option<u32>> {
        let value: Option<i64> = row.try_get(name)?;
        Ok(value.and_then(|value| u32::try_from(value).ok()))
    };
    Ok(Restream {
        id: RestreamId(row.try_get("id")?),
        stream: StreamId(row.try_get("stream_id")?),
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        sealed_key: row.try_get("sealed_key")?,
        enabled: row.try_get::<i64, _>("enabled")? != 0,
        max_height: number("max_height")?,
        max_bitrate: number("max_bitrate")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
