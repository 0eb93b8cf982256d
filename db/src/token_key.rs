//! Keys that sign access tokens, as the other side sealed them: this crate cannot read them.

use sqlx::Row;

use crate::{Db, Result, UnixMillis, error::storable, id};

/// A signing key's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// Its name in tokens.
    pub kid: String,
    /// The key, sealed.
    pub sealed: String,
    /// When it was made.
    pub created_at: UnixMillis,
}

impl Db {
    /// Keeps a new key, later than every key that is committed when this begins: also within one
    /// millisecond, and after the clock was set back. On SQLite, where one writes at a time, that is every
    /// key, so the new one is the newest. Two PostgreSQL nodes that make keys at the same moment do not
    /// see each other's: both keys may get one time, or the one that is committed last the earlier
    /// time. Which of them signs is the same on every node all the same, by [`Self::token_keys`]' order.
    pub async fn create_token_key(&self, kid: &str, sealed: &str) -> Result<TokenKey> {
        storable("key id", kid)?;
        storable("key", sealed)?;
        let row = sqlx::query(
            "INSERT INTO token_keys (kid, sealed, created_at)
             SELECT $1, $2, CASE WHEN MAX(created_at) >= $3 THEN MAX(created_at) + 1 ELSE $3 END
             FROM token_keys
             RETURNING created_at",
        )
        .bind(kid)
        .bind(sealed)
        .bind(id::now())
        .fetch_one(self.writes())
        .await?;
        Ok(TokenKey {
            kid: kid.to_owned(),
            sealed: sealed.to_owned(),
            created_at: row.try_get("created_at")?,
        })
    }

    /// All keys, the newest first: that one signs. Of keys with one time the names decide.
    pub async fn token_keys(&self) -> Result<Vec<TokenKey>> {
        let rows = sqlx::query(
            "SELECT kid, sealed, created_at FROM token_keys ORDER BY created_at DESC, kid",
        )
        .fetch_all(self.reads())
        .await?;
        let keys = rows.iter().map(|row| {
            Ok(TokenKey {
                kid: row.try_get("kid")?,
                sealed: row.try_get("sealed")?,
                created_at: row.try_get("created_at")?,
            })
        });
        Ok(keys.collect::<sqlx::Result<_>>()?)
    }

    /// Removes keys that had a successor before this time: every token that they signed has ended.
    pub async fn forget_token_keys(&self, succeeded_before: UnixMillis) -> Result<u64> {
        let changed = sqlx::query(
            "DELETE FROM token_keys WHERE EXISTS
                (SELECT 1 FROM token_keys s
                 WHERE s.created_at > token_keys.created_at AND s.created_at < $1)",
        )
        .bind(succeeded_before)
        .execute(self.writes())
        .await?;
        Ok(changed.rows_affected())
    }

    /// Removes all keys but this one: every token that others signed ends at once.
    pub async fn drop_other_token_keys(&self, kid: &str) -> Result<u64> {
        let changed = sqlx::query("DELETE FROM token_keys WHERE kid <> $1")
            .bind(kid)
            .execute(self.writes())
            .await?;
        Ok(changed.rows_affected())
    }
}
