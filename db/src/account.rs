//! Accounts that people make for themselves, and how they are found when they log in.

use crate::{
    Db, Result, Role, User, UserId,
    error::storable,
    id,
    user::{from_row, normal},
};

/// An account to make.
#[derive(Clone)]
pub struct NewAccount {
    /// As for [`crate::NewUser`].
    pub name: String,
    /// Argon2 hash in PHC format.
    pub password_hash: String,
    /// Kept in lower case.
    pub email: Option<String>,
    /// Rights.
    pub role: Role,
}

impl Db {
    /// Makes an account. `Conflict` of `user name` or `e-mail address`.
    pub async fn register(&self, new: NewAccount) -> Result<User> {
        let name = normal(&new.name)?;
        let email = new.email.map(|email| email.to_lowercase());
        storable("e-mail address", email.as_deref().unwrap_or_default())?;
        storable("password hash", &new.password_hash)?;
        let row = sqlx::query(
            "INSERT INTO users (id, name, password_hash, role, email, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING *",
        )
        .bind(UserId::fresh().0)
        .bind(&*name)
        .bind(&*new.password_hash)
        .bind(new.role.as_str())
        .bind(email)
        .bind(id::now())
        .fetch_one(self.writes())
        .await?;
        Ok(from_row(&row)?)
    }

    /// Who logs in with this name or e-mail address, in any case. `None` when there is nobody.
    pub async fn user_by_login(&self, login: &str) -> Result<Option<User>> {
        let Ok(login) = normal_login(login) else {
            return Ok(None);
        };
        // A name that looks like somebody's address goes first: it is the older rule.
        let row = sqlx::query(
            "SELECT * FROM users WHERE name = $1 OR email = $1
             ORDER BY CASE WHEN name = $1 THEN 0 ELSE 1 END LIMIT 1",
        )
        .bind(login)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// The user with this id.
    pub async fn user_by_id(&self, user: UserId) -> Result<Option<User>> {
        let row = sqlx::query("SELECT * FROM users WHERE id = $1")
            .bind(user.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Replaces a password's hash by another of the same password; `false` when it has changed
    /// meanwhile.
    pub async fn rehash_password(&self, user: UserId, from: &str, to: &str) -> Result<bool> {
        storable("password hash", to)?;
        let changed =
            sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
                .bind(user.0)
                .bind(from)
                .bind(to)
                .execute(self.writes())
                .await?;
        Ok(changed.rows_affected() == 1)
    }
}

/// E-mail addresses may be longer than names (RFC 5321 section 4.5.3.1.3).
const LOGIN_MAX: usize = 254;

fn normal_login(login: &str) -> Result<String> {
    if !login.contains('@') {
        return normal(login);
    }
    storable("e-mail address", login)?;
    if login.len() > LOGIN_MAX {
        return Err(crate::DbError::Invalid {
            what: "e-mail address",
            why: "is longer than 254 bytes",
        });
    }
    Ok(login.to_lowercase())
}
