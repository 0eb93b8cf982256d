//! Single connections to either kind of database, without touching what is in it.

use sqlx::{AnyConnection, Connection};

use super::MoveError;
use crate::{DbError, install_drivers, sqlite};

/// Kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    pub(super) fn of(url: &str) -> Result<Self, MoveError> {
        match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            _ => Err(
                DbError::configuration("a database URL begins with sqlite:// or postgres://")
                    .into(),
            ),
        }
    }
}

/// Whether the URL is of a SQLite file that does not exist.
pub(super) fn is_missing(url: &str) -> Result<bool, MoveError> {
    Ok(Backend::of(url)? == Backend::Sqlite && !sqlite::path_of(url)?.exists())
}

/// A database that must be there.
pub(super) async fn existing(url: &str) -> Result<(AnyConnection, Backend), MoveError> {
    install_drivers();
    let backend = Backend::of(url)?;
    if is_missing(url)? {
        let why = format!("there is no database {}", sqlite::path_of(url)?.display());
        return Err(DbError::configuration(why).into());
    }
    let mut connection = AnyConnection::connect(url).await?;
    if backend == Backend::Sqlite {
        sqlite::set_up(&mut connection).await?;
    }
    Ok((connection, backend))
}

/// A database to fill; a SQLite file is made when there is none. SQLite does not look at foreign keys on
/// this connection.
pub(super) async fn target(url: &str) -> Result<(AnyConnection, Backend), MoveError> {
    install_drivers();
    let backend = Backend::of(url)?;
    if backend == Backend::Postgres {
        return Ok((AnyConnection::connect(url).await?, backend));
    }
    sqlite::create(&sqlite::path_of(url)?)?;
    let mut connection = AnyConnection::connect(url).await?;
    sqlite::set_up(&mut connection).await?;
    sqlite::switch_to_wal(&mut connection).await?;
    // Without effect inside of a transaction, so it stands before it.
    sqlx::raw_sql("PRAGMA foreign_keys = OFF")
        .execute(&mut connection)
        .await?;
    Ok((connection, backend))
}
