//! Streams and the hashes of their keys.

use std::fmt;

use sha2::{Digest, Sha256};
use sqlx::{Any, AssertSqlSafe, Row, Transaction, any::AnyRow};
use weir_protocol::{StreamCategory, StreamOwner, StreamSlug, Visibility};

use crate::{
    CategoryId, Db, DbError, Result, StreamId, UnixMillis, UserId, device::list, error::storable,
    id, image, like, stream_index,
};

/// Slugs that would stand in the way of addresses below `/api/v1/streams/`, and of the client's `/studio/insight`.
const RESERVED: [&str; 4] = ["events", "recommended", "for-me", "insight"];

/// A stream's row with the names that belong to it, up to the conditions.
pub(crate) const SELECT: &str =
    "SELECT s.id, s.slug, s.title, s.description, s.tags, s.visibility, s.language,
        s.mature, s.thumbnail, s.owner_id, s.created_at, s.updated_at, s.key_rotated_at,
        s.playout_delay_min_ms, s.playout_delay_max_ms, s.version, s.category_id,
        c.slug AS category_slug, c.name AS category_name,
        u.name AS owner_name, u.display_name AS owner_display_name
     FROM streams s
     LEFT JOIN categories c ON c.id = s.category_id
     LEFT JOIN users u ON u.id = s.owner_id";

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

/// What a stream says of itself, beside its slug and title. Texts are checked by the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamDetails {
    /// What else there is to say.
    pub description: String,
    /// What it is about.
    pub category: Option<CategoryId>,
    /// Normalised.
    pub tags: Vec<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Language tag (BCP 47) in lower case.
    pub language: Option<String>,
    /// Whether it is not for everybody's eyes.
    pub mature: bool,
    /// Id of an image.
    pub thumbnail: Option<String>,
    /// How long players may wait before they show a picture; `None` when the server's setting counts.
    pub playout_delay: Option<PlayoutDelay>,
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
    /// The owner's names.
    pub owner_names: Option<StreamOwner>,
    /// The category's names.
    pub category_names: Option<StreamCategory>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When something of it changed last.
    pub updated_at: UnixMillis,
    /// When its key was replaced last; `None` when it still has its first.
    pub key_rotated_at: Option<UnixMillis>,
    /// What else it says of itself.
    pub details: StreamDetails,
    /// Counts changes, for entity tags.
    pub version: i64,
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
    /// Makes a stream that says nothing of itself. `Conflict` of `slug` or `stream key`; `NotFound` for an
    /// owner that does not exist; `Invalid` for a slug that stands for something else in addresses.
    pub async fn create_stream(&self, new: NewStream) -> Result<Stream> {
        self.create_stream_with(new, StreamDetails::default()).await
    }

    /// Makes a stream. Errors as with [`Db::create_stream`].
    pub async fn create_stream_with(
        &self,
        new: NewStream,
        details: StreamDetails,
    ) -> Result<Stream> {
        if RESERVED.contains(&new.slug.as_str()) {
            return Err(DbError::Invalid {
                what: "slug",
                why: "stands for something else in addresses; choose another",
            });
        }
        storable_details(&new.title, &details)?;
        let id = StreamId::fresh();
        let mut tx = self.begin_write().await?;
        want_thumbnail(&mut tx, &details).await?;
        sqlx::query(
            "INSERT INTO streams (id, slug, title, key_hash, owner_id, created_at, updated_at, description,
                category_id, tags, visibility, language, mature, thumbnail, playout_delay_min_ms,
                playout_delay_max_ms, indexed)
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)",
        )
        .bind(id.0)
        .bind(new.slug.as_str())
        .bind(&*new.title)
        .bind(new.key_hash.to_hex())
        .bind(new.owner.map(|owner| owner.0))
        .bind(id::now())
        .bind(&*details.description)
        .bind(details.category.map(|id| id.0))
        .bind(details.tags.join(" "))
        .bind(details.visibility.as_str())
        .bind(details.language.as_deref())
        .bind(i64::from(details.mature))
        .bind(details.thumbnail.as_deref())
        .bind(details.playout_delay.map(|delay| i64::from(delay.min_ms)))
        .bind(details.playout_delay.map(|delay| i64::from(delay.max_ms)))
        .execute(&mut *tx)
        .await
        .map_err(|error| match DbError::from(error) {
            DbError::NotFound { .. } => DbError::NotFound { what: "user" },
            other => other,
        })?;
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE s.id = $1")))
            .bind(id.0)
            .fetch_one(&mut *tx)
            .await?;
        let stream = from_row(&row)?;
        stream_index::write(&mut tx, &stream).await?;
        tx.commit().await?;
        Ok(stream)
    }

    /// Changes what a stream says of itself, if it is still of this version; gives it as it is then.
    /// `NotFound` when there is no such stream, `None` when somebody else was faster.
    pub async fn edit_stream(
        &self,
        id: StreamId,
        version: i64,
        title: &str,
        details: &StreamDetails,
    ) -> Result<Option<Stream>> {
        storable_details(title, details)?;
        let mut tx = self.begin_write().await?;
        want_thumbnail(&mut tx, details).await?;
        let changed = sqlx::query(
            "UPDATE streams SET title = $3, description = $4, category_id = $5, tags = $6, visibility = $7,
                language = $8, mature = $9, thumbnail = $10, playout_delay_min_ms = $11,
                playout_delay_max_ms = $12, updated_at = $13, version = version + 1, indexed = 1
             WHERE id = $1 AND version = $2",
        )
        .bind(id.0)
        .bind(version)
        .bind(title)
        .bind(&*details.description)
        .bind(details.category.map(|id| id.0))
        .bind(details.tags.join(" "))
        .bind(details.visibility.as_str())
        .bind(details.language.as_deref())
        .bind(i64::from(details.mature))
        .bind(details.thumbnail.as_deref())
        .bind(details.playout_delay.map(|delay| i64::from(delay.min_ms)))
        .bind(details.playout_delay.map(|delay| i64::from(delay.max_ms)))
        .bind(id::now())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE s.id = $1")))
            .bind(id.0)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(DbError::NotFound { what: "stream" })?;
        if changed == 0 {
            return Ok(None);
        }
        let stream = from_row(&row)?;
        stream_index::write(&mut tx, &stream).await?;
        tx.commit().await?;
        Ok(Some(stream))
    }

    /// The stream with this name; `None` when there is none.
    pub async fn stream_by_slug(&self, slug: &StreamSlug) -> Result<Option<Stream>> {
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE s.slug = $1")))
            .bind(slug.as_str())
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// The stream that is published with this key; `None` when no stream has it.
    pub async fn stream_by_key_hash(&self, key_hash: KeyHash) -> Result<Option<Stream>> {
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE s.key_hash = $1")))
            .bind(key_hash.to_hex())
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// The streams with these ids, in no order; those that are gone are left out.
    pub async fn stream_by_id(&self, id: StreamId) -> Result<Option<Stream>> {
        Ok(self.streams_by_ids(&[id]).await?.pop())
    }

    /// The same of several, in no order.
    pub async fn streams_by_ids(&self, ids: &[StreamId]) -> Result<Vec<Stream>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // Numbers of our own: nothing in them to escape, and no limit of parameters.
        let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let query = format!("{SELECT} WHERE s.id IN ({})", list.join(", "));
        let rows = sqlx::query(AssertSqlSafe(query))
            .persistent(false)
            .fetch_all(self.reads())
            .await?;
        Ok(from_rows(&rows)?)
    }

    /// Streams of a user, whoever may see them, the newest first, behind this one.
    pub async fn streams_of_owner(
        &self,
        owner: UserId,
        before: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<Stream>> {
        let query =
            format!("{SELECT} WHERE s.owner_id = $1 AND s.id < $2 ORDER BY s.id DESC LIMIT $3");
        let rows = sqlx::query(AssertSqlSafe(query))
            .bind(owner.0)
            .bind(before.map_or(i64::MAX, |id| id.0))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(from_rows(&rows)?)
    }

    /// Streams whoever may see them, the newest first, those before `before`: with this text in the slug, the
    /// title or the owner's name, and of these where `among` says which. An admin's search reads all rows.
    pub async fn all_streams(
        &self,
        search: &str,
        among: Option<&[StreamId]>,
        before: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<Stream>> {
        storable("search", search)?;
        let among = match among {
            None => String::new(),
            Some([]) => return Ok(Vec::new()),
            Some(ids) => format!("AND s.id IN ({})", list(ids.iter().map(|id| id.0))),
        };
        let query = format!(
            "{SELECT} WHERE s.id < $1 {among} AND ($2 = '%%' OR s.slug LIKE $2 ESCAPE '!'
                OR lower(s.title) LIKE $2 ESCAPE '!' OR u.name LIKE $2 ESCAPE '!')
             ORDER BY s.id DESC LIMIT $3"
        );
        let rows = sqlx::query(AssertSqlSafe(query))
            .bind(before.map_or(i64::MAX, |id| id.0))
            .bind(format!("%{}%", like::escaped(&search.to_lowercase())))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(from_rows(&rows)?)
    }

    /// All streams, by slug. For the command line; lists are read in pages, by [`Db::list_page`].
    pub async fn list_streams(&self) -> Result<Vec<Stream>> {
        let rows = sqlx::query(SELECT).fetch_all(self.reads()).await?;
        let mut streams = from_rows(&rows)?;
        // Here and not in SQL: PostgreSQL's order of '-' and '_' depends on the locale.
        streams.sort_by(|a, b| a.slug.cmp(&b.slug));
        Ok(streams)
    }

    /// Replaces the key; the old one is worth nothing from now on. `NotFound`, or `Conflict` of `stream key`.
    pub async fn rotate_key(&self, slug: &StreamSlug, key_hash: KeyHash) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE streams SET key_hash = $2, key_rotated_at = $3, updated_at = $3,
                version = version + 1
             WHERE slug = $1",
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
        let mut tx = self.begin_write().await?;
        let changed = sqlx::query(
            "UPDATE streams SET title = $2, updated_at = $3, version = version + 1 WHERE slug = $1",
        )
        .bind(slug.as_str())
        .bind(title)
        .bind(id::now())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        found(changed)?;
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE s.slug = $1")))
            .bind(slug.as_str())
            .fetch_one(&mut *tx)
            .await?;
        stream_index::write(&mut tx, &from_row(&row)?).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sets the stream's own playout delay; with `None` the server's setting counts again. `NotFound`
    /// when there is no such stream.
    pub async fn set_playout_delay(
        &self,
        slug: &StreamSlug,
        delay: Option<PlayoutDelay>,
    ) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE streams SET playout_delay_min_ms = $2, playout_delay_max_ms = $3, updated_at = $4,
                version = version + 1
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

/// `NotFound` for a picture that is not there.
async fn want_thumbnail(tx: &mut Transaction<'static, Any>, details: &StreamDetails) -> Result<()> {
    match &details.thumbnail {
        Some(id) => image::want(tx, &id.parse()?).await,
        None => Ok(()),
    }
}

fn storable_details(title: &str, details: &StreamDetails) -> Result<()> {
    storable("title", title)?;
    storable("description", &details.description)?;
    details
        .tags
        .iter()
        .try_for_each(|tag| storable("tag", tag))?;
    storable("language", details.language.as_deref().unwrap_or_default())?;
    storable(
        "thumbnail",
        details.thumbnail.as_deref().unwrap_or_default(),
    )
}

pub(crate) fn from_rows(rows: &[AnyRow]) -> sqlx::Result<Vec<Stream>> {
    rows.iter().map(from_row).collect()
}

pub(crate) fn from_row(row: &AnyRow) -> sqlx::Result<Stream> {
    let slug: String = row.try_get("slug")?;
    let tags: String = row.try_get("tags")?;
    let owner_name: Option<String> = row.try_get("owner_name")?;
    let display_name = row.try_get("owner_display_name")?;
    let category: (Option<String>, Option<String>) =
        (row.try_get("category_slug")?, row.try_get("category_name")?);
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
        owner_names: owner_name.map(|name| StreamOwner { name, display_name }),
        category_names: category
            .0
            .zip(category.1)
            .map(|(slug, name)| StreamCategory { slug, name }),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        key_rotated_at: row.try_get("key_rotated_at")?,
        details: StreamDetails {
            description: row.try_get("description")?,
            category: row
                .try_get::<Option<i64>, _>("category_id")?
                .map(CategoryId),
            tags: tags.split_whitespace().map(str::to_owned).collect(),
            visibility: visibility(row)?,
            language: row.try_get("language")?,
            mature: row.try_get::<i64, _>("mature")? != 0,
            thumbnail: row.try_get("thumbnail")?,
            playout_delay: millis(row, "playout_delay_min_ms")?
                .zip(millis(row, "playout_delay_max_ms")?)
                .map(|(min_ms, max_ms)| PlayoutDelay { min_ms, max_ms }),
        },
        version: row.try_get("version")?,
    })
}

fn visibility(row: &AnyRow) -> sqlx::Result<Visibility> {
    let text: String = row.try_get("visibility")?;
    [
        Visibility::Public,
        Visibility::Unlisted,
        Visibility::Private,
    ]
    .into_iter()
    .find(|known| known.as_str() == text)
    .ok_or_else(|| sqlx::Error::ColumnDecode {
        index: "visibility".into(),
        source: format!("unknown visibility {text:?}").into(),
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
