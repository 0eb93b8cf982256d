//! Long-lived tokens of programs: made by a user, with some of the user's rights.

use sqlx::{Row, any::AnyRow};

use crate::{
    ApiTokenId, Db, DbError, KeyHash, Result, UnixMillis, User, UserId, device::list,
    error::storable, id, user::from_row,
};

/// A token to keep.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// Whose rights it lends.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// Its first characters, by which people recognise it.
    pub prefix: String,
    /// Hash of the whole.
    pub hash: KeyHash,
    /// What it may be used for, as words with blanks between.
    pub scopes: String,
    /// When it ends; `None` when it does not.
    pub expires_at: Option<UnixMillis>,
}

/// A token's row. The token itself is known to whoever made it only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Row id.
    pub id: ApiTokenId,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// What it may be used for, as words with blanks between.
    pub scopes: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<UnixMillis>,
}

impl Db {
    /// Keeps a token. `Conflict` when the user has `most` already.
    pub async fn create_api_token(&self, new: NewApiToken, most: u32) -> Result<ApiToken> {
        storable("name", &new.name)?;
        let token = ApiToken {
            id: ApiTokenId::fresh(),
            name: new.name,
            prefix: new.prefix,
            scopes: new.scopes,
            created_at: id::now(),
            expires_at: new.expires_at,
            last_used_at: None,
        };
        // In one statement, so that two at once do not both find room (on PostgreSQL they may; one
        // token more does no harm).
        let made = sqlx::query(
            "INSERT INTO api_tokens (id, user_id, name, prefix, hash, scopes, created_at, expires_at)
             SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM (SELECT CAST($1 AS BIGINT) AS id) AS new
             WHERE (SELECT count(*) FROM api_tokens WHERE user_id = $2) < $9",
        )
        .bind(token.id.0)
        .bind(new.user.0)
        .bind(&*token.name)
        .bind(&*token.prefix)
        .bind(new.hash.to_hex())
        .bind(&*token.scopes)
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(i64::from(most))
        .execute(self.writes())
        .await?;
        if made.rows_affected() == 0 {
            return Err(DbError::Invalid {
                what: "number of API tokens",
                why: "is at its limit; revoke one first",
            });
        }
        Ok(token)
    }

    /// The token with this hash and its user. `None` when there is none, when it has ended, or when
    /// the user is locked.
    pub async fn user_of_api_token(&self, hash: KeyHash) -> Result<Option<(User, ApiToken)>> {
        let row = sqlx::query(
            "SELECT u.*, t.id AS token_id, t.name AS token_name, t.prefix AS token_prefix,
                t.scopes AS token_scopes, t.created_at AS token_created_at,
                t.expires_at AS token_expires_at, t.last_used_at AS token_last_used_at
             FROM api_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)
                AND u.disabled_at IS NULL",
        )
        .bind(hash.to_hex())
        .bind(id::now())
        .fetch_optional(self.reads())
        .await?;
        let found = row.map(|row| {
            let token = ApiToken {
                id: ApiTokenId(row.try_get("token_id")?),
                name: row.try_get("token_name")?,
                prefix: row.try_get("token_prefix")?,
                scopes: row.try_get("token_scopes")?,
                created_at: row.try_get("token_created_at")?,
                expires_at: row.try_get("token_expires_at")?,
                last_used_at: row.try_get("token_last_used_at")?,
            };
            Ok::<_, sqlx::Error>((from_row(&row)?, token))
        });
        Ok(found.transpose()?)
    }

    /// Notes that a token was used now.
    pub async fn api_token_used(&self, token: ApiTokenId) -> Result<()> {
        sqlx::query(
            "UPDATE api_tokens SET last_used_at = $2
             WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        )
        .bind(token.0)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// A user's tokens, the newest first, those before `after`; ended ones too.
    pub async fn api_tokens_of_user(
        &self,
        user: UserId,
        after: Option<ApiTokenId>,
        limit: u32,
    ) -> Result<Vec<ApiToken>> {
        let rows = sqlx::query(
            "SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at FROM api_tokens
             WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        )
        .bind(user.0)
        .bind(after.map_or(i64::MAX, ApiTokenId::get))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(api_token).collect::<sqlx::Result<_>>()?)
    }

    /// Revokes a token of this user. `false` when there is none.
    pub async fn end_api_token(&self, user: UserId, token: ApiTokenId) -> Result<bool> {
        let changed = sqlx::query("DELETE FROM api_tokens WHERE id = $1 AND user_id = $2")
            .bind(token.0)
            .bind(user.0)
            .execute(self.writes())
            .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Which of these tokens are still good, with users that are not locked.
    pub async fn api_tokens_alive(&self, tokens: &[ApiTokenId]) -> Result<Vec<ApiTokenId>> {
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let ids = list(tokens.iter().map(|token| token.0));
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT t.id FROM api_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.id IN ({ids}) AND (t.expires_at IS NULL OR t.expires_at > $1)
                AND u.disabled_at IS NULL"
        )))
        .persistent(false)
        .bind(id::now())
        .fetch_all(self.reads())
        .await?;
        let ids = rows.iter().map(|row| row.try_get("id").map(ApiTokenId));
        Ok(ids.collect::<sqlx::Result<_>>()?)
    }
}

fn api_token(row: &AnyRow) -> sqlx::Result<ApiToken> {
    Ok(ApiToken {
        id: ApiTokenId(row.try_get("id")?),
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        scopes: row.try_get("scopes")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}
