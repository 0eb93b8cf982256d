//! Accounts at OpenID providers that log in to an account here.

use sqlx::Row;

use crate::{Db, DbError, Result, Role, UnixMillis, User, UserId, error::storable, id, user};

/// Who somebody is at a provider: the pair that OpenID Connect Core, section 5.7, calls the only one to
/// rely on.
#[derive(Debug, Clone)]
pub struct NewIdentity<'a> {
    /// The provider's address.
    pub issuer: &'a str,
    /// Its name for the user.
    pub subject: &'a str,
    /// The provider's name in our configuration.
    pub provider: &'a str,
}

/// A way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's name in our configuration.
    pub provider: String,
    /// Since when.
    pub created_at: UnixMillis,
}

impl Db {
    /// Whose account this identity logs in to; `None` when it is new.
    pub async fn user_by_identity(&self, issuer: &str, subject: &str) -> Result<Option<User>> {
        storable("issuer", issuer)?;
        storable("subject", subject)?;
        let row = sqlx::query(
            "SELECT id, name, password_hash, role, email, display_name, approved, disabled_at,
                created_at, version
             FROM users WHERE id = (SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2)",
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(user::from_row).transpose()?)
    }

    /// The user whose own address this is for certain; `None` when nobody has shown that.
    pub async fn user_by_verified_address(&self, address: &str) -> Result<Option<User>> {
        storable("address", address)?;
        let row = sqlx::query(
            "SELECT id, name, password_hash, role, email, display_name, approved, disabled_at,
                created_at, version
             FROM users WHERE email = $1 AND email_verified_at IS NOT NULL",
        )
        .bind(address)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(user::from_row).transpose()?)
    }

    /// The identity logs in to this account from now on. `Conflict` of `id` when it does to another.
    pub async fn link_identity(&self, user: UserId, new: &NewIdentity<'_>) -> Result<()> {
        let mut tx = self.begin_write().await?;
        link(&mut tx, user, new).await?;
        tx.commit().await?;
        Ok(())
    }

    /// An account without a password for an identity. The address counts as shown to be the user's.
    /// `Conflict` of `user name` or `e-mail address`.
    pub async fn create_user_by_identity(
        &self,
        name: &str,
        email: Option<&str>,
        display_name: Option<&str>,
        new: &NewIdentity<'_>,
    ) -> Result<UserId> {
        let name = user::normal(name)?;
        for text in [email, display_name].into_iter().flatten() {
            storable("profile", text)?;
        }
        let user = UserId::fresh();
        let now = id::now();
        let mut tx = self.begin_write().await?;
        sqlx::query(
            "INSERT INTO users (id, name, password_hash, role, email, email_verified_at,
                display_name, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(user.0)
        .bind(name)
        .bind(user::NO_PASSWORD)
        .bind(Role::Attendee.as_str())
        .bind(email)
        .bind(email.map(|_| now))
        .bind(display_name)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        link(&mut tx, user, new).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// By which providers a user may log in.
    pub async fn identities(&self, user: UserId) -> Result<Vec<Identity>> {
        let rows = sqlx::query(
            "SELECT provider, created_at FROM identities WHERE user_id = $1 ORDER BY created_at",
        )
        .bind(user.0)
        .fetch_all(self.reads())
        .await?;
        let identity = |row: &sqlx::any::AnyRow| {
            Ok(Identity {
                provider: row.try_get("provider")?,
                created_at: row.try_get("created_at")?,
            })
        };
        Ok(rows.iter().map(identity).collect::<sqlx::Result<_>>()?)
    }

    /// A provider's accounts log in to the user's no more. `NotFound` when none did.
    pub async fn unlink_identity(&self, user: UserId, provider: &str) -> Result<()> {
        let removed = sqlx::query("DELETE FROM identities WHERE user_id = $1 AND provider = $2")
            .bind(user.0)
            .bind(provider)
            .execute(self.writes())
            .await?
            .rows_affected();
        if removed == 0 {
            return Err(DbError::NotFound { what: "identity" });
        }
        Ok(())
    }
}

async fn link(
    tx: &mut sqlx::Transaction<'static, sqlx::Any>,
    user: UserId,
    new: &NewIdentity<'_>,
) -> Result<()> {
    storable("issuer", new.issuer)?;
    storable("subject", new.subject)?;
    sqlx::query(
        "INSERT INTO identities (issuer, subject, user_id, provider, created_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(new.issuer)
    .bind(new.subject)
    .bind(user.0)
    .bind(new.provider)
    .bind(id::now())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
