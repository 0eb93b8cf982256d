//! What SQLite needs beyond SQL: the file, its mode, and pragmas.

use std::{
    fs::OpenOptions,
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sqlx::{AnyConnection, Connection, migrate::Migrator};
use url::Url;

use crate::{DbError, Result};

/// How long SQLite waits for another process's write before it says "database is locked".
/// The same number stands in [`PRAGMAS`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Wait between attempts where SQLite does not wait by itself (the change to WAL).
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// Creates the file when there is none, switches it to WAL, and applies migrations.
pub(crate) async fn prepare(url: &str, migrations: &'static Migrator) -> Result<()> {
    create(&path_of(url)?)?;
    let mut connection = AnyConnection::connect(url).await?;
    set_up(&mut connection).await?;
    switch_to_wal(&mut connection).await?;

    // sqlx locks nothing here, so two processes that start together would apply a migration twice.
    // Inside this transaction its own become savepoints.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrations
        .run_direct(None, &mut *transaction, false)
        .await
        .map_err(sqlx::Error::from)?;
    transaction.commit().await?;
    // Looks at tables that grew since they were looked at; without statistics the planner guesses.
    sqlx::raw_sql("PRAGMA optimize = 0x10002")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

/// Pragmas of every connection. WAL is a property of the file, these are not.
///
/// - `synchronous`: with WAL, NORMAL loses no committed row when the process dies, only when the machine
///   does; FULL would wait for the disk at each commit.
/// - `cache_size`, in KiB when negative: the indices that listings walk stay in memory, per connection.
/// - `mmap_size`: pages beyond that are read without a copy and a system call each.
/// - `temp_store`: sorting and DISTINCT need no files.
/// - `wal_autocheckpoint`, in pages: whoever commits pays for the checkpoint, so it comes at 16 MB and
///   not at 4 MB; `journal_size_limit` gives the disk back what a long reader made of the WAL.
const PRAGMAS: &str = "PRAGMA busy_timeout = 10000;
    PRAGMA foreign_keys = ON;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -16384;
    PRAGMA mmap_size = 268435456;
    PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;";

pub(crate) async fn set_up(connection: &mut AnyConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(PRAGMAS).execute(connection).await?;
    Ok(())
}

/// SQLite's busy handler is not asked while the journal mode changes, so this waits by itself.
pub(crate) async fn switch_to_wal(connection: &mut AnyConnection) -> sqlx::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match sqlx::raw_sql("PRAGMA journal_mode = WAL")
            .execute(&mut *connection)
            .await
        {
            Ok(_) => return Ok(()),
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// SQLITE_BUSY with any of its extended codes (the low byte is the primary code, 5).
fn is_busy(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(refusal) = error else {
        return false;
    };
    let code = refusal.code().and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Mode 0600 from the first byte on; SQLite gives its `-wal` and `-shm` files the same.
pub(crate) fn create(path: &Path) -> Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(DbError::configuration(format!(
            "cannot create {}: {error}",
            path.display()
        ))),
    }
}

pub(crate) fn url_of(path: &Path) -> String {
    let mut text = String::from("sqlite://");
    for byte in path.as_os_str().as_encoded_bytes() {
        // sqlx splits at `?` and decodes `%`; the URL parser cuts at `#` and trims blanks.
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The file that sqlx will open for this URL.
pub(crate) fn path_of(url: &str) -> Result<PathBuf> {
    let bad = |why: &str| DbError::configuration(format!("{why} in the SQLite URL {url:?}"));
    let parsed = Url::parse(url).map_err(|_| bad("syntax error"))?;
    if parsed.query().is_some() {
        return Err(bad("parameters are not supported"));
    }
    let rest = parsed
        .as_str()
        .trim_start_matches("sqlite:")
        .trim_start_matches("//");
    if rest == ":memory:" {
        return Err(bad("a database in memory cannot be shared, give a file"));
    }
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.as_bytes();
    while let Some((first, tail)) = left.split_first() {
        let escape = tail
            .first_chunk::<2>()
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                left = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                left = tail;
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(path) if path.is_empty() => Err(bad("no path")),
        Ok(path) => Ok(PathBuf::from(path)),
        Err(_) => Err(bad("the path is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths_are_inverse() {
        for path in ["/a/weir.db", "/with blank/ü%20?#.db", "relative/weir.db"] {
            assert_eq!(
                path_of(&url_of(Path::new(path))).expect(path),
                Path::new(path)
            );
        }
    }

    #[test]
    fn refuses_what_would_open_another_file() {
        for url in ["sqlite::memory:", "sqlite://", "sqlite:///a.db?mode=memory"] {
            assert!(path_of(url).is_err(), "{url}");
        }
    }
}
