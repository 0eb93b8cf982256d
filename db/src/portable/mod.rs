//! All rows of a database in a form that is neither SQLite's nor PostgreSQL's: backups, and copies from
//! one to the other.
//!
//! A [`read`](reader) of one snapshot gives [`Item`]s, a [`load`](loader) takes them, and between the
//! two stands a bounded channel: directly for a copy, by way of a [`file`] for backup and restore.
//!
//! Which tables and columns there are is asked of the database ([`catalogue`]), so that no list of them
//! can go stale.

mod catalogue;
mod file;
mod loader;
mod open;
mod reader;
mod value;

use std::path::Path;

use tokio::sync::mpsc;

use crate::{DbError, UnixMillis};
use value::{Kind, Row};

/// Batches of rows on their way from reader to loader. A full channel makes the reader wait.
const ITEMS_IN_FLIGHT: usize = 16;

/// Why a backup, a restore or a copy did not happen. The target is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// One of the databases failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The file cannot be read or written.
    #[error("{0}")]
    File(String),
    /// The target has rows already.
    #[error(
        "the target is not empty: its table {table} has rows; use --force to replace everything in it"
    )]
    NotEmpty {
        /// The first table with rows.
        table: String,
    },
    /// The target has tables, and they are not this program's.
    #[error("the target has a table {0} but no tables of Weir; give it a database of its own")]
    Foreign(String),
    /// The source has never been used by this program.
    #[error("the source is no database of Weir: it has no table of applied migrations")]
    NotOurs,
    /// The rows come from a newer version of the program.
    #[error(
        "the rows are of a newer version of Weir (migration {0}); install that version or a later one"
    )]
    Newer(i64),
    /// The file was cut or changed, or is no backup.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// What arrived is not what was sent.
    #[error("table {table} arrived with other rows than it was sent with; nothing was changed")]
    Differs {
        /// Which table.
        table: String,
    },
    /// A table that this cannot carry.
    #[error("{0}")]
    Unsupported(String),
}

impl From<sqlx::Error> for MoveError {
    fn from(error: sqlx::Error) -> Self {
        // Not by way of Conflict and NotFound: those speak of single rows.
        Self::Database(DbError::Backend(error))
    }
}

impl From<sqlx::migrate::MigrateError> for MoveError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        sqlx::Error::from(error).into()
    }
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Each table with its number of rows, by name.
    pub tables: Vec<(String, u64)>,
    /// When the snapshot was taken.
    pub taken_at: UnixMillis,
}

impl Moved {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// What goes from a reader to a loader: `Start`, for each table `Table`, any number of `Rows` and
/// `EndOfTable`, and `End`. Without `End` the rest is worth nothing.
#[derive(Debug)]
enum Item {
    Start(Snapshot),
    Table { name: String, columns: Vec<Column> },
    Rows(Vec<Row>),
    EndOfTable(Sum),
    End,
}

/// Where the rows come from.
#[derive(Debug, Clone)]
struct Snapshot {
    taken_at: UnixMillis,
    /// Versions of the applied migrations, ascending.
    migrations: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: Kind,
}

/// Number and checksum of rows, whatever their order: each database sorts text in its own way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    check: u128,
}

impl Sum {
    fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.check = self.check.wrapping_add(row.digest());
    }
}

/// Writes everything in the database into a new file, also beside a running server: what is in it is
/// the state of one moment. The file gets mode 0600, and its name only when it is whole.
pub async fn backup(url: &str, path: &Path) -> Result<Moved, MoveError> {
    let (send, receive) = mpsc::channel(ITEMS_IN_FLIGHT);
    let target = path.to_owned();
    let written = tokio::task::spawn_blocking(move || file::write(&target, receive));
    let read = reader::read(url, send).await;
    let written = written.await.expect("writing a backup does not panic");
    both(read, written)
}

/// Makes the database what it was when the backup was taken, and brings it up to date. All or nothing.
/// A database with rows is refused without `force`; with it, all its rows go. No server may run on it.
pub async fn restore(url: &str, path: &Path, force: bool) -> Result<Moved, MoveError> {
    let (send, receive) = mpsc::channel(ITEMS_IN_FLIGHT);
    let source = path.to_owned();
    let read = tokio::task::spawn_blocking(move || file::read(&source, &send));
    let loaded = loader::load(url, receive, force).await;
    let read = read.await.expect("reading a backup does not panic");
    both(read, loaded)
}

/// Copies everything from one database to another, of either kind, and compares what arrived. All or
/// nothing; `force` as with [`restore`].
pub async fn copy(from: &str, to: &str, force: bool) -> Result<Moved, MoveError> {
    let (send, receive) = mpsc::channel(ITEMS_IN_FLIGHT);
    let (read, loaded) = tokio::join!(reader::read(from, send), loader::load(to, receive, force));
    both(read, loaded)
}

/// Versions of the migrations that the database has; none when it is empty or not there.
pub(crate) async fn applied(url: &str) -> Result<Vec<i64>, MoveError> {
    use sqlx::Connection as _;

    if open::is_missing(url)? {
        return Ok(Vec::new());
    }
    let (mut connection, backend) = open::existing(url).await?;
    let versions = catalogue::migrations(&mut connection, backend).await?;
    connection.close().await?;
    Ok(versions.unwrap_or_default())
}

/// Of two failures the cause: a reader whose loader is gone only knows that it is gone, and a loader
/// whose reader is gone that the end is missing.
fn both(read: Result<(), ReadEnd>, taken: Result<Moved, MoveError>) -> Result<Moved, MoveError> {
    match (read, taken) {
        (Err(ReadEnd::Failed(error)), _) => Err(error),
        (Err(ReadEnd::NobodyListens) | Ok(()), taken) => taken,
    }
}

/// Why a reader stopped before its end.
enum ReadEnd {
    Failed(MoveError),
    /// The other side gave up, and says why.
    NobodyListens,
}

impl<E: Into<MoveError>> From<E> for ReadEnd {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn damaged(why: impl Into<String>) -> MoveError {
    MoveError::Damaged(why.into())
}
