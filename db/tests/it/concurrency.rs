//! Several pools and several processes on one database.

use std::process::Stdio;

use weir_db::{Db, DbError, KeyHash, NewStream};

use crate::fixture::{TestDb, make_stream, on_both, slug};

on_both!(
    pools_write_at_once,
    only_one_gets_a_slug,
    opened_for_the_first_time_by_many,
    processes_write_at_once,
);

/// Writes of each writer in these cases.
const WRITES: usize = 40;

async fn pools_write_at_once(test: TestDb) {
    let second = Db::open(&test.url).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for (db, name) in [
        (&test.db, "a"),
        (&second, "b"),
        (&test.db, "c"),
        (&second, "d"),
    ] {
        let db = db.clone();
        tasks.spawn(async move {
            for n in 0..WRITES {
                make_stream(&db, &format!("{name}-{n}")).await;
            }
        });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.unwrap();
    }
    assert_eq!(test.db.list_streams().await.unwrap().len(), 4 * WRITES);
    assert_eq!(second.list_streams().await.unwrap().len(), 4 * WRITES);
}

async fn only_one_gets_a_slug(test: TestDb) {
    let second = Db::open(&test.url).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let db = if n % 2 == 0 {
            test.db.clone()
        } else {
            second.clone()
        };
        tasks.spawn(async move {
            db.create_stream(NewStream {
                slug: slug("wanted"),
                title: String::new(),
                key_hash: KeyHash::of(&format!("key {n}")),
                owner: None,
            })
            .await
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert!(
            matches!(refused, DbError::Conflict { what: "slug" }),
            "{refused:?}"
        );
    }
}

async fn opened_for_the_first_time_by_many(test: TestDb) {
    // A second database, empty, beside the one of the fixture.
    let (url, _folder) = if test.url.starts_with("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        (Db::sqlite_url(&folder.path().join("new.db")), Some(folder))
    } else {
        (crate::postgres::new_database().await, None)
    };
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..6 {
        let url = url.clone();
        tasks.spawn(async move {
            let db = Db::open(&url).await.unwrap();
            make_stream(&db, &format!("s{n}")).await;
        });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.unwrap();
    }
    assert_eq!(
        Db::open(&url)
            .await
            .unwrap()
            .list_streams()
            .await
            .unwrap()
            .len(),
        6
    );
}

async fn processes_write_at_once(test: TestDb) {
    let child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "concurrency::child_writer",
            "--ignored",
            "--nocapture",
        ])
        .env("WEIR_TEST_DB_URL", &test.url)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    for n in 0..WRITES {
        make_stream(&test.db, &format!("parent-{n}")).await;
    }
    let output = child.wait_with_output().await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(test.db.list_streams().await.unwrap().len(), 2 * WRITES);
}

/// Not a case by itself: the second process of `processes_write_at_once`.
#[tokio::test]
#[ignore = "is run by processes_write_at_once"]
async fn child_writer() {
    let url = std::env::var("WEIR_TEST_DB_URL").unwrap();
    let db = Db::open(&url).await.unwrap();
    for n in 0..WRITES {
        make_stream(&db, &format!("child-{n}")).await;
    }
}
