//! Creations that must happen once however often they are sent.

use sqlx::Row;

use crate::{Db, Result, UnixMillis, UserId, id};

/// After this long without an answer a claim counts for nothing: the server that had it is gone.
const ABANDONED_MS: i64 = 60_000;

/// What there is under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: the caller is the first, and must answer or release the key.
    First,
    /// The same request is under way.
    UnderWay,
    /// The same request was answered so.
    Answered(String),
    /// Another request was sent with this key.
    Another,
}

impl Db {
    /// Takes a key for a request of this fingerprint, unless it is taken.
    pub async fn claim_request(&self, user: UserId, key: &str, fingerprint: &str) -> Result<Claim> {
        let now = id::now();
        let claimed = sqlx::query(
            "INSERT INTO idempotency_keys (user_id, request_key, fingerprint, created_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, request_key) DO UPDATE SET created_at = $4
                 WHERE idempotency_keys.answer IS NULL
                     AND idempotency_keys.fingerprint = $3
                     AND idempotency_keys.created_at < $5",
        )
        .bind(user.0)
        .bind(key)
        .bind(fingerprint)
        .bind(now)
        .bind(now - ABANDONED_MS)
        .execute(self.writes())
        .await?
        .rows_affected();
        if claimed > 0 {
            return Ok(Claim::First);
        }
        let row = sqlx::query(
            "SELECT fingerprint, answer FROM idempotency_keys
             WHERE user_id = $1 AND request_key = $2",
        )
        .bind(user.0)
        .bind(key)
        .fetch_optional(self.reads())
        .await?;
        // Released between the two: the other request failed just now.
        let Some(row) = row else {
            return Ok(Claim::UnderWay);
        };
        Ok(match row.try_get::<Option<String>, _>("answer")? {
            _ if row.try_get::<String, _>("fingerprint")? != fingerprint => Claim::Another,
            Some(answer) => Claim::Answered(answer),
            None => Claim::UnderWay,
        })
    }

    /// Keeps what was answered.
    pub async fn answer_request(&self, user: UserId, key: &str, answer: &str) -> Result<()> {
        sqlx::query(
            "UPDATE idempotency_keys SET answer = $3 WHERE user_id = $1 AND request_key = $2",
        )
        .bind(user.0)
        .bind(key)
        .bind(answer)
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// Gives a key back: nothing was created, so the request may be sent again.
    pub async fn release_request(&self, user: UserId, key: &str) -> Result<()> {
        sqlx::query(
            "DELETE FROM idempotency_keys
             WHERE user_id = $1 AND request_key = $2 AND answer IS NULL",
        )
        .bind(user.0)
        .bind(key)
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// Forgets keys that were used before this.
    pub async fn forget_requests(&self, before: UnixMillis) -> Result<u64> {
        let gone = sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
            .bind(before)
            .execute(self.writes())
            .await?;
        Ok(gone.rows_affected())
    }
}
