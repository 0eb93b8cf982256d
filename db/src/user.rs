//! People with a password.

use std::fmt;

use sqlx::{Row, any::AnyRow};

use crate::{Db, DbError, Result, UnixMillis, UserId, error::storable, id};

/// Longest user name in characters.
const NAME_MAX: usize = 64;

/// Stands where a hash would for an account without a password: no password fits it.
pub const NO_PASSWORD: &str = "!";

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Keeps order in every room.
    Moderator,
    /// Own streams and events; where creators must be approved, only once they are.
    Speaker,
    /// Watches, chats, follows.
    Attendee,
}

impl Role {
    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Moderator => "moderator",
            Self::Speaker => "speaker",
            Self::Attendee => "attendee",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "admin" => Ok(Self::Admin),
            "moderator" => Ok(Self::Moderator),
            "speaker" => Ok(Self::Speaker),
            "attendee" => Ok(Self::Attendee),
            _ => Err(DbError::Invalid {
                what: "role",
                why: "must be admin, moderator, speaker or attendee",
            }),
        }
    }
}

/// A user to create.
#[derive(Clone)]
pub struct NewUser {
    /// Kept in lower case; 1–64 characters without blanks and control characters.
    pub name: String,
    /// Argon2 hash in PHC format, made by the caller.
    pub password_hash: String,
    /// Rights.
    pub role: Role,
}

/// A user's row.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Lower case.
    pub name: String,
    /// Argon2 hash in PHC format.
    pub password_hash: String,
    /// Rights.
    pub role: Role,
    /// Where mail reaches the user, in lower case.
    pub email: Option<String>,
    /// Name for people; the user name when it is not set.
    pub display_name: Option<String>,
    /// Whether a speaker may stream where creators must be approved.
    pub approved: bool,
    /// Since when the account is locked by an admin.
    pub disabled_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Counts changes of the profile, for entity tags.
    pub version: i64,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the hash and the address: they must not reach a log.
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Makes a user. `Conflict` when the name exists in any case, `Invalid` for a name outside the rules.
    pub async fn create_user(&self, new: NewUser) -> Result<User> {
        let name = normal(&new.name)?;
        storable("password hash", &new.password_hash)?;
        let user = User {
            id: UserId::fresh(),
            name,
            password_hash: new.password_hash,
            role: new.role,
            email: None,
            display_name: None,
            approved: true,
            disabled_at: None,
            created_at: id::now(),
            version: 1,
        };
        sqlx::query(
            "INSERT INTO users (id, name, password_hash, role, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(user.id.0)
        .bind(&*user.name)
        .bind(&*user.password_hash)
        .bind(user.role.as_str())
        .bind(user.created_at)
        .execute(self.writes())
        .await?;
        Ok(user)
    }

    /// The user with this name, in any case; `None` when there is none (also for impossible names).
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>> {
        let Ok(name) = normal(name) else {
            return Ok(None);
        };
        let row = sqlx::query(
            "SELECT id, name, password_hash, role, email, display_name, approved, disabled_at,
                created_at, version
             FROM users WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// How many users there are.
    pub async fn count_users(&self) -> Result<u64> {
        let row = sqlx::query("SELECT count(*) FROM users")
            .fetch_one(self.reads())
            .await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }
}

/// A user name as it is kept: in lower case. `Invalid` for one outside the rules.
pub fn user_name(name: &str) -> Result<String> {
    normal(name)
}

pub(crate) fn normal(name: &str) -> Result<String> {
    let invalid = |why| DbError::Invalid {
        what: "user name",
        why,
    };
    if name.is_empty() {
        return Err(invalid("is empty"));
    }
    if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("contains blanks or control characters"));
    }
    let name = name.to_lowercase();
    if name.chars().count() > NAME_MAX {
        return Err(invalid("is longer than 64 characters"));
    }
    Ok(name)
}

pub(crate) fn from_row(row: &AnyRow) -> sqlx::Result<User> {
    let role: String = row.try_get("role")?;
    Ok(User {
        id: UserId(row.try_get("id")?),
        name: row.try_get("name")?,
        password_hash: row.try_get("password_hash")?,
        role: role.parse().map_err(|_| sqlx::Error::ColumnDecode {
            index: "role".into(),
            source: format!("unknown role {role:?}").into(),
        })?,
        email: row.try_get("email")?,
        display_name: row.try_get("display_name")?,
        approved: row.try_get::<i64, _>("approved")? != 0,
        disabled_at: row.try_get("disabled_at")?,
        created_at: row.try_get("created_at")?,
        version: row.try_get("version")?,
    })
}
