//! Users as admins see and change them. There is always an admin who can log in.

use sqlx::{Any, Row, Transaction, any::AnyRow};

use crate::{Db, DbError, Result, Role, UnixMillis, User, UserId, error::storable, id, user};

/// Characters by which the look-up is indexed.
const START: usize = 3;

/// A user as an admin sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// What everybody's row has.
    pub user: User,
    /// Since when the address is known to be the user's.
    pub email_verified_at: Option<UnixMillis>,
}

/// Accounts by what was decided of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserState {
    /// May log in.
    Active,
    /// Locked.
    Disabled,
    /// Waits for approval as a creator, or has lost it.
    Unapproved,
}

/// Which users to list.
#[derive(Debug, Clone, Default)]
pub struct UserFilter<'a> {
    /// How the name or the address begins, in any case.
    pub search: Option<&'a str>,
    /// Who has this role.
    pub role: Option<Role>,
    /// Who is in this state.
    pub state: Option<UserState>,
}

/// What of an account to change; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Rights.
    pub role: Option<Role>,
    /// Whether a speaker may stream.
    pub approved: Option<bool>,
    /// Whether the account is locked.
    pub disabled: Option<bool>,
}

impl Db {
    /// Users by name (in the database's order), after this one.
    pub async fn list_users(
        &self,
        filter: &UserFilter<'_>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<UserRecord>> {
        let search = filter.search.map(str::to_lowercase);
        for text in [search.as_deref(), after].into_iter().flatten() {
            storable("search", text)?;
        }
        let mut conditions = vec!["name > $1".to_owned()];
        let mut texts = vec![after.unwrap_or_default().to_owned()];
        if let Some(role) = filter.role {
            texts.push(role.as_str().to_owned());
            conditions.push(format!("role = ${}", texts.len()));
        }
        match filter.state {
            None => {}
            Some(UserState::Active) => conditions.push("disabled_at IS NULL".into()),
            Some(UserState::Disabled) => conditions.push("disabled_at IS NOT NULL".into()),
            Some(UserState::Unapproved) => conditions.push("approved = 0".into()),
        }
        if let Some(search) = search.filter(|search| !search.is_empty()) {
            let length = search.chars().count();
            let start: String = search.chars().take(START).collect();
            texts.push(search);
            let whole = texts.len();
            let condition = if length > START {
                texts.push(start);
                let start = texts.len();
                format!(
                    "((substr(name, 1, {START}) = ${start} AND substr(name, 1, {length}) = ${whole})
                      OR (substr(email, 1, {START}) = ${start} AND substr(email, 1, {length}) = ${whole}))"
                )
            } else {
                format!(
                    "(substr(name, 1, {length}) = ${whole} OR substr(email, 1, {length}) = ${whole})"
                )
            };
            conditions.push(condition);
        }
        let sql = format!(
            "SELECT id, name, password_hash, role, email, display_name, approved, disabled_at,
                created_at, version, email_verified_at
             FROM users WHERE {} ORDER BY name LIMIT ${}",
            conditions.join(" AND "),
            texts.len() + 1
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for text in texts {
            query = query.bind(text);
        }
        let rows = query.bind(i64::from(limit)).fetch_all(self.reads()).await?;
        Ok(rows.iter().map(record).collect::<sqlx::Result<_>>()?)
    }

    /// One user; `None` when there is none with this name.
    pub async fn user_record(&self, name: &str) -> Result<Option<UserRecord>> {
        let Ok(name) = user::normal(name) else {
            return Ok(None);
        };
        let row = sqlx::query(
            "SELECT id, name, password_hash, role, email, display_name, approved, disabled_at,
                created_at, version, email_verified_at
             FROM users WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    /// Changes an account, if it still has this version (`None`: whatever it has). `None` when it has
    /// another by now, `NotFound` when it is gone, `LastAdmin` when nobody could administer the site then.
    pub async fn change_user(
        &self,
        id: UserId,
        version: Option<i64>,
        change: &UserChange,
    ) -> Result<Option<UserRecord>> {
        let mut tx = self.begin_write().await?;
        let stays_admin = change.role.is_none_or(|role| role == Role::Admin);
        if !stays_admin || change.disabled == Some(true) {
            another_admin(&mut tx, id).await?;
        }
        let row = sqlx::query(
            "UPDATE users SET role = COALESCE($3, role), approved = COALESCE($4, approved),
                disabled_at = CASE WHEN $5 = 1 THEN COALESCE(disabled_at, $6)
                    WHEN $5 = 0 THEN NULL ELSE disabled_at END,
                version = version + 1
             WHERE id = $1 AND ($2 = 0 OR version = $2)
             RETURNING id, name, password_hash, role, email, display_name, approved, disabled_at,
                created_at, version, email_verified_at",
        )
        .bind(id.0)
        .bind(version.unwrap_or(0))
        .bind(change.role.map(Role::as_str))
        .bind(change.approved.map(i64::from))
        .bind(change.disabled.map_or(-1, i64::from))
        .bind(id::now())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            return match version {
                Some(_) => Ok(None),
                None => Err(DbError::NotFound { what: "user" }),
            };
        };
        let record = record(&row)?;
        tx.commit().await?;
        Ok(Some(record))
    }

    /// Sets a user's password.
    pub async fn set_password(&self, user: UserId, password_hash: &str) -> Result<()> {
        storable("password hash", password_hash)?;
        sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
            .bind(user.0)
            .bind(password_hash)
            .execute(self.writes())
            .await?;
        Ok(())
    }
}

/// Refuses with `LastAdmin` when no other admin than this user could log in. Two changes at once wait for
/// each other here.
pub(crate) async fn another_admin(tx: &mut Transaction<'static, Any>, user: UserId) -> Result<()> {
    // A change of nothing: it locks the admins' rows on PostgreSQL until the end of the transaction.
    sqlx::query("UPDATE users SET role = role WHERE role = 'admin'")
        .execute(&mut **tx)
        .await?;
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL AND id <> $1),
            (SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL AND id = $1)",
    )
    .bind(user.0)
    .fetch_one(&mut **tx)
    .await?;
    let (others, itself): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if others == 0 && itself == 1 {
        return Err(DbError::LastAdmin);
    }
    Ok(())
}

fn record(row: &AnyRow) -> sqlx::Result<UserRecord> {
    Ok(UserRecord {
        user: user::from_row(row)?,
        email_verified_at: row.try_get("email_verified_at")?,
    })
}
