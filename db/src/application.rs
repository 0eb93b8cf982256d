//! Who asks to stream.

use sqlx::{Row, any::AnyRow};

use crate::{Db, DbError, Result, UnixMillis, UserId, error::storable, id};

/// What became of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationState {
    /// Nobody has decided.
    Pending,
    /// The user may stream.
    Approved,
    /// Not now; the user may ask again.
    Rejected,
}

impl ApplicationState {
    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    fn read(text: &str) -> sqlx::Result<Self> {
        [Self::Pending, Self::Approved, Self::Rejected]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| sqlx::Error::ColumnDecode {
                index: "state".into(),
                source: format!("unknown state {text:?}").into(),
            })
    }
}

/// A user who asks to stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatorApplication {
    /// Who.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// In the user's words.
    pub text: String,
    /// What became of it.
    pub state: ApplicationState,
    /// Why, in the admin's words.
    pub reason: Option<String>,
    /// When the user asked.
    pub created_at: UnixMillis,
    /// When an admin decided.
    pub decided_at: Option<UnixMillis>,
}

impl Db {
    /// Asks to stream. With `granted` the answer is yes at once. `Conflict` of `application` while one waits
    /// or was approved.
    pub async fn apply_as_creator(&self, user: UserId, text: &str, granted: bool) -> Result<()> {
        storable("text", text)?;
        let now = id::now();
        let state = match granted {
            true => ApplicationState::Approved,
            false => ApplicationState::Pending,
        };
        let mut tx = self.begin_write().await?;
        // A pending one stays; approval that was taken away since may be asked for again.
        let asked = sqlx::query(
            "INSERT INTO creator_applications (user_id, text, state, created_at, decided_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_id) DO UPDATE SET text = excluded.text, state = excluded.state,
                reason = NULL, created_at = excluded.created_at, decided_at = excluded.decided_at,
                decided_by = NULL
             WHERE creator_applications.state <> 'pending'",
        )
        .bind(user.0)
        .bind(text)
        .bind(state.as_str())
        .bind(now)
        .bind(granted.then_some(now))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if asked == 0 {
            return Err(DbError::Conflict {
                what: "application",
            });
        }
        if granted {
            make_creator(&mut tx, user).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// What a user asked; `None` when it did not.
    pub async fn creator_application(&self, user: UserId) -> Result<Option<CreatorApplication>> {
        let row = sqlx::query(
            "SELECT user_id, name, text, state, reason, creator_applications.created_at, decided_at
             FROM creator_applications JOIN users ON users.id = user_id WHERE user_id = $1",
        )
        .bind(user.0)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Applications in a state, oldest first, after this one (`created_at` and user).
    pub async fn creator_applications(
        &self,
        state: ApplicationState,
        after: Option<(UnixMillis, i64)>,
        limit: u32,
    ) -> Result<Vec<CreatorApplication>> {
        let (since, last) = after.unwrap_or((i64::MIN, i64::MIN));
        let rows = sqlx::query(
            "SELECT user_id, name, text, state, reason, creator_applications.created_at, decided_at
             FROM creator_applications JOIN users ON users.id = user_id
             WHERE state = $1 AND (creator_applications.created_at > $2
                OR (creator_applications.created_at = $2 AND user_id > $3))
             ORDER BY creator_applications.created_at, user_id LIMIT $4",
        )
        .bind(state.as_str())
        .bind(since)
        .bind(last)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// An admin decides. `NotFound` of `application` unless one is pending.
    pub async fn decide_application(
        &self,
        user: UserId,
        approved: bool,
        reason: Option<&str>,
        by: UserId,
    ) -> Result<()> {
        if let Some(reason) = reason {
            storable("reason", reason)?;
        }
        let state = match approved {
            true => ApplicationState::Approved,
            false => ApplicationState::Rejected,
        };
        let mut tx = self.begin_write().await?;
        let decided = sqlx::query(
            "UPDATE creator_applications SET state = $2, reason = $3, decided_at = $4, decided_by = $5
             WHERE user_id = $1 AND state = 'pending'",
        )
        .bind(user.0)
        .bind(state.as_str())
        .bind(reason)
        .bind(id::now())
        .bind(by.0)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if decided == 0 {
            return Err(DbError::NotFound {
                what: "application",
            });
        }
        if approved {
            make_creator(&mut tx, user).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Attendees become speakers; whoever may more keeps it.
async fn make_creator(tx: &mut sqlx::Transaction<'static, sqlx::Any>, user: UserId) -> Result<()> {
    sqlx::query(
        "UPDATE users SET approved = 1, version = version + 1,
            role = CASE WHEN role = 'attendee' THEN 'speaker' ELSE role END
         WHERE id = $1",
    )
    .bind(user.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn from_row(row: &AnyRow) -> sqlx::Result<CreatorApplication> {
    let state: String = row.try_get("state")?;
    Ok(CreatorApplication {
        user: UserId(row.try_get("user_id")?),
        name: row.try_get("name")?,
        text: row.try_get("text")?,
        state: ApplicationState::read(&state)?,
        reason: row.try_get("reason")?,
        created_at: row.try_get("created_at")?,
        decided_at: row.try_get("decided_at")?,
    })
}
