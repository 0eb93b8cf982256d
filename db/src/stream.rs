//! Streams and the hashes of their keys.

use std::fmt;

use sha2::{Digest, Sha256};
use sqlx::{Row, any::AnyRow};
use weir_protocol::StreamSlug;

use crate::{Db, DbError, Result, StreamId, UnixMillis, UserId, error::storable, id};

/// SHA-256 of a stream key. A key is random and long, so a plain hash cannot be guessed back, and the
/// stream is found by it in one look-up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key as the publisher sends it.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Lower-case hexadecimal, as it is stored: `TEXT` means the same to both databases.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// A stream to create.
#[derive(Debug, Clone)]
pub struct NewStream {
    /// Name in addresses.
    pub slug: StreamSlug,
    /// Title for people.
    pub title: String,
    /// Hash of the key with which it is published.
    pub key_hash: KeyHash,
    /// Whose it is; `None` for the site's own.
    pub owner: Option<UserId>,
}

/// A stream's row. The key's hash stays in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Row id.
    pub id: StreamId,
    /// Name in addresses.
    pub slug: StreamSlug,
    /// Title for people.
    pub title: String,
    /// Whose it is; `None` for the site's own.
    pub owner: Option<UserId>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When its title, key or playout delay changed last.
    pub updated_at: UnixMillis,
    /// When its key was replaced last; `None` when it still has its first.
    pub key_rotated_at: Option<UnixMillis>,
    /// How long players may wait before they show a picture; `None` when the server's setting counts.
    pub playout_delay: Option<PlayoutDelay>,
}

/// How long players may wait before they show a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// At least, in milliseconds.
    pub min_ms: u16,
    /// At most, in milliseconds; not less than `min_ms`.
    pub max_ms: u16,
}

impl Db {
    /// Makes a stream. `Conflict` of `slug` or `stream key`; `NotFound` for an owner that does not exist.
    pub async fn create_stream(&self, new: NewStream) -> Result<Stream> {
        storable("title", &new.title)?;
        let now = id::now();
        let stream = Stream {
            id: StreamId::fresh(),
            slug: new.slug,
            title: new.title,
            owner: new.owner,
            created_at: now,
            updated_at: now,
            key_rotated_at: None,
            playout_delay: None,
        };
        sqlx::query(
            "INSERT INTO streams (id, slug, title, key_hash, owner_id, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(stream.id.0)
        .bind(stream.slug.as_str())
        .bind(&*stream.title)
        .bind(new.key_hash.to_hex())
        .bind(stream.owner.map(|owner| owner.0))
        .bind(stream.created_at)
        .bind(stream.updated_at)
        .execute(self.writes())
        .await
        .map_err(|error| match DbError::from(error) {
            DbError::NotFound { .. } => DbError::NotFound { what: "user" },
            other => other,
        })?;
        Ok(stream)
    }

    /// The stream with this name; `None` when there is none.
    pub async fn stream_by_slug(&self, slug: &StreamSlug) -> Result<Option<Stream>> {
        let row = sqlx::query(
            "SELECT id, slug, title, owner_id, created_at, updated_at, key_rotated_at,
                playout_delay_min_ms, playout_delay_max_ms
             FROM streams WHERE slug = $1",
        )
        .bind(slug.as_str())
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// The stream that is published with this key; `None` when no stream has it.
    pub async fn stream_by_key_hash(&self, key_hash: KeyHash) -> Result<Option<Stream>> {
        let row = sqlx::query(
            "SELECT id, slug, title, owner_id, created_at, updated_at, key_rotated_at,
                playout_delay_min_ms, playout_delay_max_ms
             FROM streams WHERE key_hash = $1",
        )
        .bind(key_hash.to_hex())
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// All streams, by slug.
    pub async fn list_streams(&self) -> Result<Vec<Stream>> {
        let rows = sqlx::query(
            "SELECT id, slug, title, owner_id, created_at, updated_at, key_rotated_at,
                playout_delay_min_ms, playout_delay_max_ms
             FROM streams",
        )
        .fetch_all(self.reads())
        .await?;
        let mut streams = rows
            .iter()
            .map(from_row)
            .collect::<sqlx::Result<Vec<_>>>()?;
        // Here and not in SQL: PostgreSQL's order of '-' and '_' depends on the locale.
        streams.sort_by(|a, b| a.slug.cmp(&b.slug));
        Ok(streams)
    }

    /// Replaces the key; the old one is worth nothing from now on. `NotFound`, or `Conflict` of `stream key`.
    pub async fn rotate_key(&self, slug: &StreamSlug, key_hash: KeyHash) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE streams SET key_hash = $2, key_rotated_at = $3, updated_at = $3 WHERE slug = $1",
        )
        .bind(slug.as_str())
        .bind(key_hash.to_hex())
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        found(changed)
    }

    /// Changes the title. `NotFound` when there is no such stream.
    pub async fn update_title(&self, slug: &StreamSlug, title: &str) -> Result<()> {
        storable("title", title)?;
        let changed = sqlx::query("UPDATE streams SET title = $2, updated_at = $3 WHERE slug = $1")
            .bind(slug.as_str())
            .bind(title)
            .bind(id::now())
            .execute(self.writes())
            .await?
            .rows_affected();
        found(changed)
    }

    /// Sets the stream's own playout delay; with `None` the server's setting counts again. `NotFound`
    /// when there is no such stream.
    pub async fn set_playout_delay(
        &self,
        slug: &StreamSlug,
        delay: Option<PlayoutDelay>,
    ) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE streams SET playout_delay_min_ms = $2, playout_delay_max_ms = $3, updated_at = $4
             WHERE slug = $1",
        )
        .bind(slug.as_str())
        .bind(delay.map(|delay| i64::from(delay.min_ms)))
        .bind(delay.map(|delay| i64::from(delay.max_ms)))
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        found(changed)
    }

    /// Removes the stream and the record of its broadcasts. `NotFound` when there is no such stream.
    pub async fn delete_stream(&self, slug: &StreamSlug) -> Result<()> {
        let changed = sqlx::query("DELETE FROM streams WHERE slug = $1")
            .bind(slug.as_str())
            .execute(self.writes())
            .await?
            .rows_affected();
        found(changed)
    }
}

fn found(changed: u64) -> Result<()> {
    if changed == 0 {
        Err(DbError::NotFound { what: "stream" })
    } else {
        Ok(())
    }
}

pub(crate) fn from_row(row: &AnyRow) -> sqlx::Result<Stream> {
    let slug: String = row.try_get("slug")?;
    Ok(Stream {
        id: StreamId(row.try_get("id")?),
        slug: slug.parse().map_err(|error: weir_protocol::SlugError| {
            sqlx::Error::ColumnDecode {
                index: "slug".into(),
                source: error.into(),
            }
        })?,
        title: row.try_get("title")?,
        owner: row.try_get::<Option<i64>, _>("owner_id")?.map(UserId),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        key_rotated_at: row.try_get("key_rotated_at")?,
        playout_delay: millis(row, "playout_delay_min_ms")?
            .zip(millis(row, "playout_delay_max_ms")?)
            .map(|(min_ms, max_ms)| PlayoutDelay { min_ms, max_ms }),
    })
}

fn millis(row: &AnyRow, column: &str) -> sqlx::Result<Option<u16>> {
    let value = row.try_get::<Option<i64>, _>(column)?;
    let narrow = |value: i64| {
        u16::try_from(value).map_err(|error| sqlx::Error::ColumnDecode {
            index: column.into(),
            source: error.into(),
        })
    };
    value.map(narrow).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_hash_is_sha256_in_hex() {
        // FIPS 180-4, the message "abc".
        assert_eq!(
            KeyHash::of("abc").to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn key_hash_stays_out_of_logs() {
        assert_eq!(format!("{:?}", KeyHash::of("abc")), "KeyHash(…)");
    }
}
