//! The end of an account.

use sqlx::AssertSqlSafe;

use crate::{Db, DbError, Result, Stream, UserId, administration::another_admin, stream};

/// What becomes of a user's rows before the user's own is removed, one statement a line; `$1` is its id.
/// Tables that end with their user by `ON DELETE CASCADE`, or forget it by `ON DELETE SET NULL`, need no
/// line. A feature with other rules adds its lines here.
const RULES: &[&str] = &[
    // Nobody can publish or administer them any more.
    "DELETE FROM streams WHERE owner_id = $1",
    // What was said stays, without a name; the key would tell that two lines are by the same one.
    "UPDATE chat_messages SET author_key = 'gone:' || id WHERE author_id = $1",
];

impl Db {
    /// Removes a user and what belongs to it, all or nothing. Gives the streams that went with it. `NotFound`
    /// when there is no such user, `LastAdmin` when nobody could administer the site then.
    pub async fn erase_user(&self, user: UserId) -> Result<Vec<Stream>> {
        let mut tx = self.begin_write().await?;
        another_admin(&mut tx, user).await?;
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{} WHERE s.owner_id = $1",
            stream::SELECT
        )))
        .bind(user.0)
        .fetch_all(&mut *tx)
        .await?;
        let streams = rows
            .iter()
            .map(stream::from_row)
            .collect::<sqlx::Result<_>>()?;
        for &rule in RULES {
            sqlx::query(rule).bind(user.0).execute(&mut *tx).await?;
        }
        let removed = sqlx::query("DELETE FROM users WHERE id = $1")
            .bind(user.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if removed == 0 {
            return Err(DbError::NotFound { what: "user" });
        }
        tx.commit().await?;
        Ok(streams)
    }
}
