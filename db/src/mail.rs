//! Mail that waits to be sent, and what the links in it prove.

use sqlx::{Row, any::AnyRow};

use crate::{Db, KeyHash, MailId, Result, UnixMillis, UserId, error::storable, id};

/// A mail that waits to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is for.
    pub user: UserId,
    /// Among the user's.
    pub id: MailId,
    /// What it says.
    pub kind: String,
    /// Where it goes.
    pub address: String,
    /// A JSON object with what it says.
    pub payload: String,
    /// How often it has been taken, this time included.
    pub attempts: i64,
}

/// What the link in a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPurpose {
    /// To set a password.
    Password,
    /// To show that the address is the user's.
    Address,
}

impl MailPurpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Address => "address",
        }
    }
}

/// Word of [`Mail::kind`] for a forgotten password.
pub const MAIL_PASSWORD_RESET: &str = "password_reset";
/// Word of [`Mail::kind`] for an account that somebody else has made.
pub const MAIL_INVITATION: &str = "invitation";
/// Word of [`Mail::kind`] for a letter about an event, to whoever has no account: it says its `subject` and
/// `text` itself.
pub const MAIL_EVENT: &str = "event_letter";
/// Word of [`Mail::kind`] for an address that is to be confirmed.
pub const MAIL_CONFIRM_ADDRESS: &str = "confirm_address";

impl Db {
    /// Puts a mail in the queue.
    pub async fn queue_mail(
        &self,
        user: UserId,
        kind: &str,
        address: &str,
        payload: &str,
    ) -> Result<()> {
        storable("address", address)?;
        storable("mail", payload)?;
        sqlx::query(
            "INSERT INTO mails (user_id, id, kind, address, payload, attempts, due_at)
             VALUES ($1, $2, $3, $4, $5, 0, $6)",
        )
        .bind(user.0)
        .bind(MailId::fresh().0)
        .bind(kind)
        .bind(address)
        .bind(payload)
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// Puts a mail about a forgotten password in the queue, if an account has this address and was not sent
    /// one since then. Gives whether.
    pub async fn queue_password_reset(&self, address: &str, not_since: UnixMillis) -> Result<bool> {
        storable("address", address)?;
        let queued = sqlx::query(
            "INSERT INTO mails (user_id, id, kind, address, payload, attempts, due_at)
             SELECT users.id, $1, $2, users.email, '{}', 0, $3 FROM users
             WHERE users.email = $4 AND users.disabled_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM mails
                    WHERE mails.user_id = users.id AND mails.kind = $2)
                AND NOT EXISTS (SELECT 1 FROM mail_tokens
                    WHERE mail_tokens.user_id = users.id AND mail_tokens.purpose = $5
                        AND mail_tokens.expires_at > $6)",
        )
        .bind(MailId::fresh().0)
        .bind(MAIL_PASSWORD_RESET)
        .bind(id::now())
        .bind(address)
        .bind(MailPurpose::Password.as_str())
        .bind(not_since)
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(queued > 0)
    }

    /// Takes mails that are due, at most `limit`, oldest first. They are due again after `hold` ms, should
    /// whoever took them not come to say that they were sent.
    pub async fn take_mails(&self, limit: u32, hold: i64) -> Result<Vec<Mail>> {
        let now = id::now();
        // The outer condition is looked at again once a row that another node holds is free.
        let rows = sqlx::query(
            "UPDATE mails SET due_at = $3, attempts = attempts + 1
             WHERE due_at <= $1 AND (user_id, id) IN
                (SELECT user_id, id FROM mails WHERE due_at <= $1 ORDER BY due_at LIMIT $2)
             RETURNING user_id, id, kind, address, payload, attempts",
        )
        .bind(now)
        .bind(i64::from(limit))
        .bind(now + hold)
        .fetch_all(self.writes())
        .await?;
        Ok(rows
            .iter()
            .map(mail_from_row)
            .collect::<sqlx::Result<_>>()?)
    }

    /// The mail was sent, or is given up.
    pub async fn finish_mail(&self, mail: &Mail) -> Result<()> {
        sqlx::query("DELETE FROM mails WHERE user_id = $1 AND id = $2")
            .bind(mail.user.0)
            .bind(mail.id.0)
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// The mail could not be sent; it is due again in `wait` ms.
    pub async fn postpone_mail(&self, mail: &Mail, wait: i64) -> Result<()> {
        sqlx::query("UPDATE mails SET due_at = $3 WHERE user_id = $1 AND id = $2")
            .bind(mail.user.0)
            .bind(mail.id.0)
            .bind(id::now() + wait)
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// Keeps the hash of a link's token. Earlier ones of the user for the same purpose are worth nothing
    /// from now on.
    pub async fn make_mail_token(
        &self,
        user: UserId,
        purpose: MailPurpose,
        address: &str,
        hash: KeyHash,
        expires_at: UnixMillis,
    ) -> Result<()> {
        storable("address", address)?;
        let mut tx = self.begin_write().await?;
        sqlx::query("DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2")
            .bind(user.0)
            .bind(purpose.as_str())
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO mail_tokens (hash, user_id, purpose, address, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(hash.to_hex())
        .bind(user.0)
        .bind(purpose.as_str())
        .bind(address)
        .bind(expires_at)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sets a password by a link's token, which is used up. Whoever reads the address has shown that it is
    /// the user's. Gives the user; `None` for a token that is unknown, used or has ended.
    pub async fn reset_password(
        &self,
        hash: KeyHash,
        password_hash: &str,
    ) -> Result<Option<UserId>> {
        storable("password hash", password_hash)?;
        let mut tx = self.begin_write().await?;
        let Some((user, address)) = take_token(&mut tx, hash, MailPurpose::Password).await? else {
            return Ok(None);
        };
        sqlx::query(
            "UPDATE users SET password_hash = $2, email_verified_at =
                CASE WHEN email = $3 THEN COALESCE(email_verified_at, $4) ELSE email_verified_at END
             WHERE id = $1",
        )
        .bind(user.0)
        .bind(password_hash)
        .bind(address)
        .bind(id::now())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Makes the address of a link's token the user's. `None` as with [`Db::reset_password`]; `Conflict` of
    /// `e-mail address` when somebody else has it by now.
    pub async fn confirm_address(&self, hash: KeyHash) -> Result<Option<UserId>> {
        let mut tx = self.begin_write().await?;
        let Some((user, address)) = take_token(&mut tx, hash, MailPurpose::Address).await? else {
            return Ok(None);
        };
        sqlx::query(
            "UPDATE users SET email = $2, email_verified_at = $3, version = version + 1 WHERE id = $1",
        )
        .bind(user.0)
        .bind(address)
        .bind(id::now())
        .execute(&mut *tx)
        .await?;
        // A link to set the password that went to the old address is worth nothing now.
        sqlx::query("DELETE FROM mail_tokens WHERE user_id = $1")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Removes tokens that have ended.
    pub async fn forget_mail_tokens(&self) -> Result<u64> {
        let removed = sqlx::query("DELETE FROM mail_tokens WHERE expires_at < $1")
            .bind(id::now())
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(removed)
    }
}

async fn take_token(
    tx: &mut sqlx::Transaction<'static, sqlx::Any>,
    hash: KeyHash,
    purpose: MailPurpose,
) -> Result<Option<(UserId, String)>> {
    let row = sqlx::query(
        "DELETE FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3
         RETURNING user_id, address",
    )
    .bind(hash.to_hex())
    .bind(purpose.as_str())
    .bind(id::now())
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((
        UserId(row.try_get("user_id")?),
        row.try_get("address")?,
    )))
}

fn mail_from_row(row: &AnyRow) -> sqlx::Result<Mail> {
    Ok(Mail {
        user: UserId(row.try_get("user_id")?),
        id: MailId(row.try_get("id")?),
        kind: row.try_get("kind")?,
        address: row.try_get("address")?,
        payload: row.try_get("payload")?,
        attempts: row.try_get("attempts")?,
    })
}
