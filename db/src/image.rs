//! Pictures, in the database so that all nodes have them. Told by the hash of their bytes: the same picture
//! is kept once, and an address never changes its meaning.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use sqlx::{Any, Row, Transaction};

use crate::{Db, DbError, Result, UnixMillis, UserId, id};

/// Where pictures are used, as conditions on the row `images`. A table with a picture adds its line here
/// (and an index on its column), or its pictures are collected.
const USES: &[&str] = &[
    "EXISTS (SELECT 1 FROM users WHERE users.avatar = images.id)",
    "EXISTS (SELECT 1 FROM streams WHERE streams.thumbnail = images.id)",
    "EXISTS (SELECT 1 FROM categories WHERE categories.image = images.id)",
    "EXISTS (SELECT 1 FROM users WHERE users.banner = images.id)",
    "EXISTS (SELECT 1 FROM emotes WHERE emotes.image = images.id)",
    "EXISTS (SELECT 1 FROM events WHERE events.logo = images.id)",
    "EXISTS (SELECT 1 FROM events WHERE events.cover = images.id)",
];

/// Pictures collected in one go, so that the writer is not held for long.
const COLLECTED_AT_ONCE: i64 = 200;

/// A picture's name: SHA-256 of its bytes in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(String);

impl ImageId {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageId {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(DbError::Invalid {
            what: "image",
            why: "is told by the 64 hexadecimal digits that its upload gave",
        })
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A picture to keep. The caller has looked into it.
#[derive(Clone)]
pub struct NewImage {
    /// Like `image/png`.
    pub media_type: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A picture as it is served.
#[derive(Clone)]
pub struct Image {
    /// Like `image/png`.
    pub media_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Db {
    /// Keeps a picture; one that is there already stays.
    pub async fn store_image(&self, new: NewImage, by: UserId) -> Result<ImageId> {
        let id = ImageId::of(&new.bytes);
        sqlx::query(
            "INSERT INTO images (id, media_type, width, height, bytes, uploaded_by, wanted_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE SET wanted_at = excluded.wanted_at",
        )
        .bind(id.as_str())
        .bind(new.media_type)
        .bind(i64::from(new.width))
        .bind(i64::from(new.height))
        .bind(new.bytes)
        .bind(by.0)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(id)
    }

    /// How many pictures this user has uploaded since then.
    pub async fn count_uploads(&self, by: UserId, since: UnixMillis) -> Result<i64> {
        let row =
            sqlx::query("SELECT count(*) FROM images WHERE uploaded_by = $1 AND wanted_at >= $2")
                .bind(by.0)
                .bind(since)
                .fetch_one(self.reads())
                .await?;
        Ok(row.try_get(0)?)
    }

    /// A picture; `None` when there is none with this name.
    pub async fn image(&self, id: &ImageId) -> Result<Option<Image>> {
        let row = sqlx::query("SELECT media_type, bytes FROM images WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.reads())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Image {
            media_type: row.try_get("media_type")?,
            bytes: row.try_get("bytes")?,
        }))
    }

    /// Says that a picture is about to be put to use, so that it is not collected before. `NotFound` of
    /// `image`. Call it before the row that shows the picture is written.
    pub async fn want_image(&self, id: &ImageId) -> Result<()> {
        let mut tx = self.begin_write().await?;
        want(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes pictures that nothing shows and nobody has wanted since then; gives their number, which is
    /// less than there are when there are many: ask again until it is zero.
    pub async fn collect_images(&self, unwanted_since: UnixMillis) -> Result<u64> {
        let sql = format!(
            "DELETE FROM images WHERE id IN (
                SELECT id FROM images WHERE wanted_at < $1 AND NOT ({}) LIMIT $2)",
            USES.join(" OR ")
        );
        let removed = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(unwanted_since)
            .bind(COLLECTED_AT_ONCE)
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(removed)
    }
}

/// As [`Db::want_image`], with the row that shows the picture in the same transaction.
pub(crate) async fn want(tx: &mut Transaction<'static, Any>, id: &ImageId) -> Result<()> {
    let found = sqlx::query("UPDATE images SET wanted_at = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(id::now())
        .execute(&mut **tx)
        .await?
        .rows_affected();
    if found == 0 {
        return Err(DbError::NotFound { what: "image" });
    }
    Ok(())
}
