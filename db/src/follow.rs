//! Who follows whom, and who has blocked whom.

use sqlx::{Row, any::AnyRow};

use crate::{Db, DbError, Result, UnixMillis, UserId, id};

/// Somebody in a list of followers, followed or blocked users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquaintance {
    /// Row id.
    pub id: UserId,
    /// User name.
    pub name: String,
    /// Name for people.
    pub display_name: Option<String>,
    /// Picture's id.
    pub avatar: Option<String>,
    /// Since when.
    pub since: UnixMillis,
}

/// Where a list of people goes on: the last one's `since` and `id`.
pub type After = Option<(UnixMillis, i64)>;

impl Db {
    /// From now on one follows the other; gives whether that is new. `Invalid` for oneself, `NotFound` for
    /// somebody who has blocked the follower.
    pub async fn follow(&self, follower: UserId, followed: UserId) -> Result<bool> {
        if follower == followed {
            return Err(DbError::Invalid {
                what: "user",
                why: "is you; nobody follows themselves",
            });
        }
        // In one statement with the check, so that a block that comes meanwhile is not passed.
        let mut tx = self.begin_write().await?;
        let new = sqlx::query(
            "INSERT INTO follows (follower_id, followed_id, created_at)
             SELECT users.id, $2, $3 FROM users WHERE users.id = $1
                AND NOT EXISTS (SELECT 1 FROM blocks WHERE owner_id = $2 AND user_id = $1)
             ON CONFLICT (follower_id, followed_id) DO NOTHING",
        )
        .bind(follower.0)
        .bind(followed.0)
        .bind(id::now())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if new == 0 {
            let follows =
                sqlx::query("SELECT 1 FROM follows WHERE follower_id = $1 AND followed_id = $2")
                    .bind(follower.0)
                    .bind(followed.0)
                    .fetch_optional(&mut *tx)
                    .await?;
            if follows.is_none() {
                return Err(DbError::NotFound { what: "user" });
            }
        }
        tx.commit().await?;
        Ok(new > 0)
    }

    /// One does not follow the other any more.
    pub async fn unfollow(&self, follower: UserId, followed: UserId) -> Result<()> {
        sqlx::query("DELETE FROM follows WHERE follower_id = $1 AND followed_id = $2")
            .bind(follower.0)
            .bind(followed.0)
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// Whether one follows the other.
    pub async fn follows(&self, follower: UserId, followed: UserId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM follows WHERE follower_id = $1 AND followed_id = $2")
            .bind(follower.0)
            .bind(followed.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.is_some())
    }

    /// Who follows the user, newest first.
    pub async fn followers(
        &self,
        user: UserId,
        after: After,
        limit: u32,
    ) -> Result<Vec<Acquaintance>> {
        self.people(
            "SELECT users.id, name, display_name, avatar, follows.created_at AS since
             FROM follows JOIN users ON users.id = follower_id
             WHERE followed_id = $1 AND disabled_at IS NULL
                AND (follows.created_at < $2 OR (follows.created_at = $2 AND follower_id < $3))
             ORDER BY follows.created_at DESC, follower_id DESC LIMIT $4",
            user,
            after,
            limit,
        )
        .await
    }

    /// Whom the user follows, newest first.
    pub async fn following(
        &self,
        user: UserId,
        after: After,
        limit: u32,
    ) -> Result<Vec<Acquaintance>> {
        self.people(
            "SELECT users.id, name, display_name, avatar, follows.created_at AS since
             FROM follows JOIN users ON users.id = followed_id
             WHERE follower_id = $1 AND disabled_at IS NULL
                AND (follows.created_at < $2 OR (follows.created_at = $2 AND followed_id < $3))
             ORDER BY follows.created_at DESC, followed_id DESC LIMIT $4",
            user,
            after,
            limit,
        )
        .await
    }

    /// The owner blocks the user, who follows the owner no more, nor the other way round.
    pub async fn block(&self, owner: UserId, user: UserId) -> Result<()> {
        if owner == user {
            return Err(DbError::Invalid {
                what: "user",
                why: "is you; nobody blocks themselves",
            });
        }
        let mut tx = self.begin_write().await?;
        sqlx::query(
            "INSERT INTO blocks (owner_id, user_id, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (owner_id, user_id) DO NOTHING",
        )
        .bind(owner.0)
        .bind(user.0)
        .bind(id::now())
        .execute(&mut *tx)
        .await
        .map_err(|error| match DbError::from(error) {
            DbError::NotFound { .. } => DbError::NotFound { what: "user" },
            other => other,
        })?;
        sqlx::query(
            "DELETE FROM follows WHERE (follower_id = $1 AND followed_id = $2)
                OR (follower_id = $2 AND followed_id = $1)",
        )
        .bind(owner.0)
        .bind(user.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The owner blocks the user no more.
    pub async fn unblock(&self, owner: UserId, user: UserId) -> Result<()> {
        sqlx::query("DELETE FROM blocks WHERE owner_id = $1 AND user_id = $2")
            .bind(owner.0)
            .bind(user.0)
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// Whether `owner` has blocked `viewer`: one look-up by the primary key.
    pub async fn is_blocked(&self, owner: UserId, viewer: UserId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM blocks WHERE owner_id = $1 AND user_id = $2")
            .bind(owner.0)
            .bind(viewer.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.is_some())
    }

    /// Whom the owner has blocked, newest first.
    pub async fn blocked(
        &self,
        owner: UserId,
        after: After,
        limit: u32,
    ) -> Result<Vec<Acquaintance>> {
        self.people(
            "SELECT users.id, name, display_name, avatar, blocks.created_at AS since
             FROM blocks JOIN users ON users.id = user_id
             WHERE owner_id = $1
                AND (blocks.created_at < $2 OR (blocks.created_at = $2 AND user_id < $3))
             ORDER BY blocks.created_at DESC, user_id DESC LIMIT $4",
            owner,
            after,
            limit,
        )
        .await
    }

    async fn people(
        &self,
        sql: &'static str,
        of: UserId,
        after: After,
        limit: u32,
    ) -> Result<Vec<Acquaintance>> {
        let (since, last) = after.unwrap_or((i64::MAX, i64::MAX));
        let rows = sqlx::query(sql)
            .bind(of.0)
            .bind(since)
            .bind(last)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Acquaintance> {
    Ok(Acquaintance {
        id: UserId(row.try_get("id")?),
        name: row.try_get("name")?,
        display_name: row.try_get("display_name")?,
        avatar: row.try_get("avatar")?,
        since: row.try_get("since")?,
    })
}
