//! What holds for the SQLite file itself, and refused URLs.

use std::os::unix::fs::PermissionsExt;

use sqlx::{Connection, Row, SqliteConnection};
use weir_db::{Db, DbError};

use crate::fixture::make_stream;

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&Db::sqlite_url(&folder.path().join("weir.db")))
        .await
        .unwrap();
    make_stream(&db, "demo").await;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        ["weir.db", "weir.db-shm", "weir.db-wal"],
        "WAL is on"
    );
}

#[tokio::test]
async fn paths_may_have_any_characters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mein ordner%20?#ü");
    std::fs::create_dir(&path).unwrap();
    let path = path.join("weir.db");
    let db = Db::open(&Db::sqlite_url(&path)).await.unwrap();
    make_stream(&db, "demo").await;
    assert!(path.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn unusable_urls_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let no_folder = Db::sqlite_url(&folder.path().join("missing/weir.db"));
    for (url, word) in [
        (no_folder.as_str(), "missing/weir.db"),
        ("sqlite::memory:", "memory"),
        ("mysql://localhost/weir", "sqlite://"),
        ("weir.db", "postgres://"),
        ("", "sqlite://"),
    ] {
        let refused = Db::open(url).await.unwrap_err();
        assert!(matches!(refused, DbError::Backend(_)));
        assert!(refused.to_string().contains(word), "{url}: {refused}");
    }
}

#[tokio::test]
async fn other_files_and_newer_versions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "not a database at all, ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    assert!(Db::open(&Db::sqlite_url(&path)).await.is_err());
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "it is left alone"
    );

    let url = Db::sqlite_url(&folder.path().join("weir.db"));
    Db::open(&url).await.unwrap().close().await;
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let applied = sqlx::query("SELECT version FROM _sqlx_migrations")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(!applied.is_empty());
    assert!(applied.iter().all(|row| row.get::<i64, _>(0) > 0));
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99991231000000, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let refused = Db::open(&url).await.unwrap_err();
    assert!(refused.to_string().contains("99991231000000"), "{refused}");
}
