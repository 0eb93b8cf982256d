//! The one error of this crate.

use sqlx::error::{DatabaseError, ErrorKind};

/// Why a call to the database failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Something with this name or key exists already.
    #[error("this {what} is already taken")]
    Conflict {
        /// `slug`, `stream key`, `user name`, `e-mail address` or `id`.
        what: &'static str,
    },
    /// No such row.
    #[error("no such {what}")]
    NotFound {
        /// `stream`, `user` or `broadcast`.
        what: &'static str,
    },
    /// A value that cannot be stored. Nothing was changed.
    #[error("the {what} {why}")]
    Invalid {
        /// Which value, for example `title`.
        what: &'static str,
        /// What is wrong with it, for example `is empty`.
        why: &'static str,
    },
    /// Nobody could administer the site then. Nothing was changed.
    #[error("this is the last admin; make somebody else an admin first")]
    LastAdmin,
    /// The database itself failed: unreachable, full, locked for too long, of a newer version.
    #[error("database: {0}")]
    Backend(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(refusal) = &error {
            match refusal.kind() {
                ErrorKind::UniqueViolation => {
                    return Self::Conflict {
                        what: taken(refusal.as_ref()),
                    };
                }
                ErrorKind::ForeignKeyViolation => {
                    return Self::NotFound {
                        what: missing(refusal.as_ref()),
                    };
                }
                _ => {}
            }
        }
        Self::Backend(error)
    }
}

impl DbError {
    pub(crate) fn configuration(why: impl Into<String>) -> Self {
        Self::Backend(sqlx::Error::Configuration(why.into().into()))
    }
}

/// PostgreSQL names the constraint, SQLite the column (`UNIQUE constraint failed: streams.slug`).
fn taken(refusal: &dyn DatabaseError) -> &'static str {
    let place = refusal.constraint().unwrap_or_else(|| refusal.message());
    if place.contains("key_hash") {
        "stream key"
    } else if place.contains("code") {
        "invitation code"
    } else if place.contains("slug") {
        "slug"
    } else if place.contains("email") {
        "e-mail address"
    } else if place.contains("name") {
        "user name"
    } else {
        "id"
    }
}

/// Which row a new one points to in vain. SQLite does not say, but `streams` is the only parent that
/// a caller can lose to a deletion; users are never deleted while a stream is being created.
fn missing(refusal: &dyn DatabaseError) -> &'static str {
    match refusal.constraint() {
        Some(name) if name.contains("owner") => "user",
        _ => "stream",
    }
}

/// PostgreSQL's text has no NUL; refusing it here keeps both databases alike.
pub(crate) fn storable(what: &'static str, text: &str) -> Result<(), DbError> {
    if text.contains('\0') {
        return Err(DbError::Invalid {
            what,
            why: "contains a NUL character",
        });
    }
    Ok(())
}

/// The same of several texts, of which some may be absent.
pub(crate) fn storable_all<'a>(
    what: &'static str,
    texts: impl IntoIterator<Item = &'a Option<String>>,
) -> Result<(), DbError> {
    texts
        .into_iter()
        .flatten()
        .try_for_each(|text| storable(what, text))
}
