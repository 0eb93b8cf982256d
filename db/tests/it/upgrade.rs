//! Databases of the first release.

use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use weir_db::{Db, KeyHash, PlayoutDelay, Role, copy};
use weir_protocol::IngestProtocol;

use crate::{fixture::slug, postgres};

const ROWS: &str = include_str!("first_release/rows.sql");

async fn sqlite(folder: &std::path::Path) -> String {
    let path = folder.join("weir.db");
    std::fs::write(&path, b"").unwrap();
    let url = Db::sqlite_url(&path);
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    connection
        .execute(include_str!("first_release/sqlite.sql"))
        .await
        .unwrap();
    connection.execute(ROWS).await.unwrap();
    connection.close().await.unwrap();
    url
}

async fn postgres() -> String {
    let url = postgres::new_database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection
        .execute(include_str!("first_release/postgres.sql"))
        .await
        .unwrap();
    connection.execute(ROWS).await.unwrap();
    connection.close().await.unwrap();
    url
}

/// Everything in it can be read, and means what it meant.
async fn check(db: &Db) {
    let ada = db.user_by_name("ada").await.unwrap().unwrap();
    assert_eq!(ada.id.get(), 102);
    assert_eq!(ada.role, Role::Speaker, "whoever streamed before may go on");
    assert!(ada.approved);
    assert!(ada.password_hash.ends_with("hash2"));
    assert_eq!(ada.created_at, 1_700_000_000_002);
    let admin = db.user_by_name("admin").await.unwrap().unwrap();
    assert_eq!(admin.role, Role::Admin);

    let stage = db.stream_by_slug(&slug("stage")).await.unwrap().unwrap();
    assert_eq!((stage.id.get(), stage.owner), (201, None));
    assert_eq!(stage.title, "Main Stage – \"ü\"");
    assert_eq!(stage.details.playout_delay, None);
    let key = KeyHash::of("key of ada-live");
    let live = db.stream_by_key_hash(key).await.unwrap().unwrap();
    assert_eq!(live.slug, slug("ada-live"));
    assert_eq!(live.owner, Some(ada.id));
    assert_eq!(live.key_rotated_at, Some(1_700_000_000_007));
    let delay = PlayoutDelay {
        min_ms: 100,
        max_ms: 400,
    };
    assert_eq!(live.details.playout_delay, Some(delay));

    let past = db.list_broadcasts(stage.id, 10).await.unwrap();
    assert_eq!(past.len(), 1);
    assert_eq!(past[0].protocol, IngestProtocol::Rtmp);
    assert_eq!(past[0].ended_at, Some(1_700_000_002_000));
    assert_eq!(past[0].peak_viewers, 12);
    assert_eq!(
        db.list_broadcasts(live.id, 10).await.unwrap()[0].ended_at,
        None
    );
    assert_eq!(db.end_open_broadcasts().await.unwrap(), 1);
}

#[tokio::test]
async fn a_database_of_the_first_release_is_brought_up_to_date_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(folder.path()).await;
    let applied = weir_db::migrate(&url).await.unwrap();
    assert_eq!(applied[0].description, "roles");
    assert!(weir_db::migrate(&url).await.unwrap().is_empty(), "once");
    check(&Db::open(&url).await.unwrap()).await;
}

#[tokio::test]
async fn a_database_of_the_first_release_is_brought_up_to_date_on_postgres() {
    let url = postgres().await;
    let applied = weir_db::migrate(&url).await.unwrap();
    assert_eq!(applied[0].description, "roles");
    assert!(weir_db::migrate(&url).await.unwrap().is_empty(), "once");
    check(&Db::open(&url).await.unwrap()).await;
}

/// A backup of then can be restored now: its rows go through the migrations that came since.
#[tokio::test]
async fn rows_of_the_first_release_move_to_a_database_of_today() {
    let folder = tempfile::tempdir().unwrap();
    let old = sqlite(folder.path()).await;
    let file = folder.path().join("old.weir-backup");
    weir_db::backup(&old, &file).await.unwrap();
    let restored = Db::sqlite_url(&folder.path().join("new.db"));
    let moved = weir_db::restore(&restored, &file, false).await.unwrap();
    assert_eq!(moved.rows(), 6);
    check(&Db::open(&restored).await.unwrap()).await;

    let target = postgres::new_database().await;
    copy(&old, &target, false).await.unwrap();
    check(&Db::open(&target).await.unwrap()).await;
    let back = Db::sqlite_url(&folder.path().join("back.db"));
    copy(&postgres().await, &back, false).await.unwrap();
    check(&Db::open(&back).await.unwrap()).await;
}
