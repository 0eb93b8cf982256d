//! Rows and queries: users, streams and broadcasts, in SQLite or in PostgreSQL.
//!
//! Every query exists once and runs on both, over sqlx's `Any` driver with `$1` placeholders. Each
//! call is one SQL statement, so nothing here needs a transaction, and a second process (the
//! command line beside a running server) can write at the same time.
//!
//! Nothing here hashes passwords, checks rights or knows of HTTP.

mod broadcast;
mod error;
mod id;
mod portable;
mod sqlite;
mod stream;
mod user;

use std::time::Duration;

use sqlx::{AnyPool, any::AnyPoolOptions, migrate::Migrator};

pub use broadcast::Broadcast;
pub use error::DbError;
pub use id::{BroadcastId, StreamId, UnixMillis, UserId};
pub use portable::{MoveError, Moved, backup, copy, restore};
pub use stream::{KeyHash, NewStream, PlayoutDelay, Stream};
pub use user::{NewUser, Role, User};

/// What every call here gives.
pub type Result<T> = std::result::Result<T, DbError>;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Connections to PostgreSQL at most; a query beyond that waits up to [`ACQUIRE_TIMEOUT`].
const POSTGRES_CONNECTIONS: u32 = 10;

/// Connections to a SQLite file at most. Readers run side by side, writers one at a time, so more
/// would only wait inside SQLite; a query beyond that waits up to [`ACQUIRE_TIMEOUT`].
const SQLITE_CONNECTIONS: u32 = 4;

/// How long a query waits for a free connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// An open database. Clones share one pool of connections.
#[derive(Debug, Clone)]
pub struct Db {
    pool: AnyPool,
}

impl Db {
    /// Opens a database and brings its tables up to date.
    ///
    /// `url` is `sqlite:///path/to/weir.db` (see [`Db::sqlite_url`] for any path) or
    /// `postgres://user:password@host/database`. A SQLite file that does not exist is created with
    /// mode 0600; its folder must exist.
    ///
    /// Fails with [`DbError::Backend`] when the database cannot be reached, or when it was written by
    /// a newer version of the program.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let pool = match scheme {
            "sqlite" => {
                sqlite::prepare(url, &MIGRATIONS).await?;
                AnyPoolOptions::new()
                    .max_connections(SQLITE_CONNECTIONS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .after_connect(|connection, _| Box::pin(sqlite::set_up(connection)))
                    .connect(url)
                    .await?
            }
            "postgres" | "postgresql" => {
                let pool = AnyPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .connect(url)
                    .await?;
                // PostgreSQL's migrations run under an advisory lock: two nodes may start at once.
                MIGRATIONS.run(&pool).await.map_err(sqlx::Error::from)?;
                pool
            }
            _ => {
                return Err(DbError::configuration(
                    "a database URL begins with sqlite:// or postgres://",
                ));
            }
        };
        Ok(Self { pool })
    }

    /// The URL of a SQLite file, whatever characters its path has.
    pub fn sqlite_url(path: &std::path::Path) -> String {
        sqlite::url_of(path)
    }

    /// Whether the database answers; for readiness checks.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Waits for running queries and closes all connections. Later calls on any clone fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
