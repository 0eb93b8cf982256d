//! What the public sees of a user.

use sqlx::{Row, any::AnyRow};

use crate::{
    BroadcastId, Db, DbError, ImageId, Result, Role, Stream, UnixMillis, UserId, error::storable,
    stream, user::normal,
};

/// A user as the public sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Row id.
    pub id: UserId,
    /// User name.
    pub name: String,
    /// Name for people; the user name when it is not set.
    pub display_name: Option<String>,
    /// Rights.
    pub role: Role,
    /// What the user says of itself.
    pub bio: String,
    /// Picture.
    pub avatar: Option<ImageId>,
    /// Wide picture above the profile.
    pub banner: Option<ImageId>,
    /// A JSON array, as [`ProfileChange::links`] gave it.
    pub links: String,
    /// When the account was made.
    pub created_at: UnixMillis,
    /// Counts changes, for entity tags.
    pub version: i64,
    /// How many follow the user.
    pub followers: i64,
    /// How many the user follows.
    pub following: i64,
}

/// What of a profile to change; `None` leaves it, `Some(None)` removes it.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// Name for people.
    pub display_name: Option<Option<String>>,
    /// What the user says of itself.
    pub bio: Option<String>,
    /// Picture.
    pub avatar: Option<Option<ImageId>>,
    /// Wide picture above the profile.
    pub banner: Option<Option<ImageId>>,
    /// A JSON array.
    pub links: Option<String>,
}

impl Db {
    /// A user's profile; `None` when there is no such user or an admin has locked the account.
    pub async fn profile(&self, name: &str) -> Result<Option<Profile>> {
        let Ok(name) = normal(name) else {
            return Ok(None);
        };
        let row = sqlx::query(
            "SELECT id, name, display_name, role, bio, avatar, banner, links, created_at, version,
                (SELECT count(*) FROM follows WHERE followed_id = users.id) AS followers,
                (SELECT count(*) FROM follows WHERE follower_id = users.id) AS following
             FROM users WHERE name = $1 AND disabled_at IS NULL",
        )
        .bind(name)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Changes a profile, if it still has this version. `None` when it has another by now; `NotFound` for
    /// an image that is not there.
    pub async fn change_profile(
        &self,
        user: UserId,
        version: i64,
        change: &ProfileChange,
    ) -> Result<Option<i64>> {
        for text in [
            change.display_name.as_ref().and_then(Option::as_ref),
            change.bio.as_ref(),
            change.links.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            storable("profile", text)?;
        }
        let mut tx = self.begin_write().await?;
        for image in [&change.avatar, &change.banner]
            .into_iter()
            .flatten()
            .flatten()
        {
            crate::image::want(&mut tx, image).await?;
        }
        // One statement for every mixture: a flag says whether its value counts.
        let changed = sqlx::query(
            "UPDATE users SET
                display_name = CASE WHEN $3 = 1 THEN $4 ELSE display_name END,
                bio = COALESCE($5, bio),
                avatar = CASE WHEN $6 = 1 THEN $7 ELSE avatar END,
                banner = CASE WHEN $8 = 1 THEN $9 ELSE banner END,
                links = COALESCE($10, links),
                version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind(user.0)
        .bind(version)
        .bind(i64::from(change.display_name.is_some()))
        .bind(change.display_name.clone().flatten())
        .bind(change.bio.clone())
        .bind(i64::from(change.avatar.is_some()))
        .bind(change.avatar.clone().flatten().map(|id| id.to_string()))
        .bind(i64::from(change.banner.is_some()))
        .bind(change.banner.clone().flatten().map(|id| id.to_string()))
        .bind(change.links.clone())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(version + 1))
    }
}

/// A broadcast that is over, with its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastBroadcast {
    /// Row id.
    pub id: BroadcastId,
    /// The stream's name in addresses.
    pub slug: String,
    /// The stream's title.
    pub title: String,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended.
    pub ended_at: UnixMillis,
    /// Most viewers at one time.
    pub peak_viewers: i64,
}

/// Streams of one user that are looked at for its profile.
const STREAMS_SHOWN: i64 = 100;

impl Db {
    /// Public streams of a user, newest first, at most a hundred.
    pub async fn public_streams_of(&self, owner: UserId) -> Result<Vec<Stream>> {
        let query = format!(
            "{} WHERE s.owner_id = $1 AND s.visibility = 'public' ORDER BY s.id DESC LIMIT $2",
            stream::SELECT
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(owner.0)
            .bind(STREAMS_SHOWN)
            .fetch_all(self.reads())
            .await?;
        let streams = rows.iter().map(stream::from_row);
        Ok(streams.collect::<sqlx::Result<_>>()?)
    }

    /// Broadcasts of a user's public streams that are over, newest first, after this one.
    pub async fn past_broadcasts_of(
        &self,
        owner: UserId,
        after: Option<(UnixMillis, i64)>,
        limit: u32,
    ) -> Result<Vec<PastBroadcast>> {
        let (before, last) = after.unwrap_or((i64::MAX, i64::MAX));
        let rows = sqlx::query(
            "SELECT b.id, s.slug, s.title, b.started_at, b.ended_at, b.peak_viewers
             FROM streams s JOIN broadcasts b ON b.stream_id = s.id
             WHERE s.owner_id = $1 AND s.visibility = 'public' AND b.ended_at IS NOT NULL
                AND (b.started_at < $2 OR (b.started_at = $2 AND b.id < $3))
             ORDER BY b.started_at DESC, b.id DESC LIMIT $4",
        )
        .bind(owner.0)
        .bind(before)
        .bind(last)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        let broadcast = |row: &AnyRow| {
            Ok(PastBroadcast {
                id: BroadcastId(row.try_get("id")?),
                slug: row.try_get("slug")?,
                title: row.try_get("title")?,
                started_at: row.try_get("started_at")?,
                ended_at: row.try_get("ended_at")?,
                peak_viewers: row.try_get("peak_viewers")?,
            })
        };
        Ok(rows.iter().map(broadcast).collect::<sqlx::Result<_>>()?)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Profile> {
    let image = |column: &str| -> sqlx::Result<Option<ImageId>> {
        let text: Option<String> = row.try_get(column)?;
        Ok(text.and_then(|text| text.parse().ok()))
    };
    let role: String = row.try_get("role")?;
    Ok(Profile {
        id: UserId(row.try_get("id")?),
        name: row.try_get("name")?,
        display_name: row.try_get("display_name")?,
        role: role
            .parse()
            .map_err(|error: DbError| sqlx::Error::ColumnDecode {
                index: "role".into(),
                source: error.into(),
            })?,
        bio: row.try_get("bio")?,
        avatar: image("avatar")?,
        banner: image("banner")?,
        links: row.try_get("links")?,
        created_at: row.try_get("created_at")?,
        version: row.try_get("version")?,
        followers: row.try_get("followers")?,
        following: row.try_get("following")?,
    })
}
