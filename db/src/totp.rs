//! Second factors: one-time passwords by time (RFC 6238), and codes for when the device is lost.

use sqlx::Row;

use crate::{Db, KeyHash, Result, UserId, device::list, error::storable, id};

/// A user's second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    /// The shared secret, sealed.
    pub sealed: String,
    /// Whether the user has proved to have it; only then it is asked for.
    pub confirmed: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
}

impl Db {
    /// Begins with a new secret; one that was begun before and not confirmed is replaced. `false` when
    /// there is a confirmed one.
    pub async fn begin_totp(&self, user: UserId, sealed: &str) -> Result<bool> {
        storable("secret", sealed)?;
        let changed = sqlx::query(
            "INSERT INTO totp (user_id, sealed, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE SET sealed = $2, created_at = $3, last_step = 0
             WHERE totp.confirmed_at IS NULL",
        )
        .bind(user.0)
        .bind(sealed)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// The user's second factor, also one that is not confirmed yet.
    pub async fn totp(&self, user: UserId) -> Result<Option<Totp>> {
        let row = sqlx::query(
            "SELECT sealed, confirmed_at,
                (SELECT count(*) FROM recovery_codes r WHERE r.user_id = totp.user_id) AS codes
             FROM totp WHERE user_id = $1",
        )
        .bind(user.0)
        .fetch_optional(self.reads())
        .await?;
        let found = row.map(|row| {
            Ok::<_, sqlx::Error>(Totp {
                sealed: row.try_get("sealed")?,
                confirmed: row.try_get::<Option<i64>, _>("confirmed_at")?.is_some(),
                recovery_codes: u32::try_from(row.try_get::<i64, _>("codes")?).unwrap_or(u32::MAX),
            })
        });
        Ok(found.transpose()?)
    }

    /// Takes the code of this time step, once. `false` when it or a newer one was taken before.
    pub async fn take_totp_step(&self, user: UserId, step: i64) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE totp SET last_step = $2
             WHERE user_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL",
        )
        .bind(user.0)
        .bind(step)
        .execute(self.writes())
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// From now on the second factor is asked for. Gives `false` when it was already, or when the
    /// secret is not the one that the code was made of.
    pub async fn confirm_totp(
        &self,
        user: UserId,
        sealed: &str,
        step: i64,
        codes: &[KeyHash],
    ) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let changed = sqlx::query(
            "UPDATE totp SET confirmed_at = $3, last_step = $4
             WHERE user_id = $1 AND sealed = $2 AND confirmed_at IS NULL",
        )
        .bind(user.0)
        .bind(sealed)
        .bind(id::now())
        .bind(step)
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        replace_codes(&mut tx, user, codes).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Replaces the recovery codes.
    pub async fn replace_recovery_codes(&self, user: UserId, codes: &[KeyHash]) -> Result<()> {
        let mut tx = self.begin_write().await?;
        replace_codes(&mut tx, user, codes).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Uses up a recovery code. `false` when there is none such.
    pub async fn take_recovery_code(&self, user: UserId, code: KeyHash) -> Result<bool> {
        let changed = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2")
            .bind(user.0)
            .bind(code.to_hex())
            .execute(self.writes())
            .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Removes the second factor with its recovery codes. `false` when there is none.
    pub async fn remove_totp(&self, user: UserId) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let changed = sqlx::query("DELETE FROM totp WHERE user_id = $1")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(changed.rows_affected() == 1)
    }
}

async fn replace_codes(
    tx: &mut sqlx::Transaction<'static, sqlx::Any>,
    user: UserId,
    codes: &[KeyHash],
) -> Result<()> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1")
        .bind(user.0)
        .execute(&mut **tx)
        .await?;
    let user = list(std::iter::once(user.0));
    // Hexadecimal digits need no quoting.
    let rows: Vec<String> = codes
        .iter()
        .map(|code| format!("({user}, '{}')", code.to_hex()))
        .collect();
    if !rows.is_empty() {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO recovery_codes (user_id, hash) VALUES {}",
            rows.join(", ")
        )))
        .persistent(false)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
