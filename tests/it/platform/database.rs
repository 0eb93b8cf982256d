//! The database as a whole: changing from one to the other, saving it, and crashes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rand::RngExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::sync::Mutex;

use super::server::{Kind, Person, Platform, expect, on_both};
use crate::program::error;

on_both!(
    r2_what_is_acknowledged_survives_a_kill,
    r2_a_backup_is_taken_beside_the_server_and_restored,
    r2_reads_and_writes_over_a_loaded_database,
);

/// Rounds of writing and killing.
const ROUNDS: usize = 4;

/// Clients that write at the same time.
const WRITERS: usize = 8;

fn url(platform: &Platform) -> String {
    platform.database_url.clone().unwrap_or_else(|| {
        let path = platform.server.data_dir().join("weir.db");
        format!("sqlite://{}", path.display())
    })
}

async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.unwrap()
}

/// Streams that were made and not deleted, and those that were deleted, as far as the server said so.
#[derive(Default)]
struct Acknowledged {
    made: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// Writes until the server is gone.
async fn storm(
    platform: Arc<Platform>,
    person: Person,
    prefix: String,
    known: Arc<Mutex<Acknowledged>>,
) {
    for n in 0.. {
        let slug = format!("{prefix}-{n}");
        let create = platform
            .by(&person, Method::POST, "/api/v1/streams")
            .json(&json!({"slug": slug}));
        match create.send().await {
            Ok(response) if response.status() == StatusCode::CREATED => {
                known.lock().await.made.insert(slug.clone());
            }
            // Too fast for its limit, which is not what this is about.
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(response) => panic!("{}", response.status()),
            Err(_) => return,
        }
        if n % 3 == 0 {
            let address = format!("/api/v1/streams/{slug}");
            match platform.by(&person, Method::DELETE, &address).send().await {
                Ok(response) if response.status() == StatusCode::NO_CONTENT => {
                    let mut known = known.lock().await;
                    known.made.remove(&slug);
                    known.deleted.insert(slug);
                }
                // It may be deleted or not: nothing was said.
                _ => {
                    known.lock().await.made.remove(&slug);
                }
            }
        }
    }
}

/// The database itself, while no server runs on it.
async fn check_sound(url: &str) {
    let mut connection = connect(url).await;
    if url.starts_with("sqlite") {
        let integrity = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection);
        assert_eq!(integrity.await.unwrap().get::<String, _>(0), "ok");
        let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection);
        assert!(orphans.await.unwrap().is_empty());
    }
    connection.close().await.unwrap();
}

async fn r2_what_is_acknowledged_survives_a_kill(platform: Platform) {
    let person = platform.person("ada", "speaker").await;
    // Everything that is written is also written down for a webhook, in a second transaction.
    let hook = json!({"url": "https://8.8.8.8/never"});
    let hook = platform
        .by(&person, Method::POST, "/api/v1/webhooks")
        .json(&hook);
    expect(hook, StatusCode::CREATED).await;
    let known = Arc::new(Mutex::new(Acknowledged::default()));
    let mut platform = Arc::new(platform);
    for round in 0..ROUNDS {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let prefix = format!("r{round}-w{writer}");
            writers.spawn(storm(
                platform.clone(),
                person.clone(),
                prefix,
                known.clone(),
            ));
        }
        let before = known.lock().await.made.len();
        let moment = rand::rng().random_range(400..1500);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let pid = i32::try_from(platform.server.pid()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        while let Some(outcome) = writers.join_next().await {
            outcome.unwrap();
        }
        let known = known.lock().await;
        assert!(
            known.made.len() > before,
            "round {round}: nothing was written"
        );
        check_sound(&url(&platform)).await;
        let server = &mut Arc::get_mut(&mut platform).unwrap().server;
        server.kill_and_restart().await.unwrap();
        let mut connection = connect(&url(&platform)).await;
        let rows = sqlx::query("SELECT slug FROM streams").fetch_all(&mut connection);
        let there: BTreeSet<String> = rows.await.unwrap().iter().map(|row| row.get(0)).collect();
        let lost: Vec<_> = known.made.difference(&there).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
        let back: Vec<_> = known.deleted.intersection(&there).collect();
        assert!(
            back.is_empty(),
            "round {round}: deleted, and there again: {back:?}"
        );
        // What is told to webhooks is written before the answer.
        let rows = sqlx::query("SELECT payload FROM webhook_events WHERE type = 'stream.created'");
        let told: BTreeSet<String> = rows
            .fetch_all(&mut connection)
            .await
            .unwrap()
            .iter()
            .map(|row| {
                let payload: Value = serde_json::from_str(row.get(0)).unwrap();
                payload["data"]["stream"]["slug"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        let untold: Vec<_> = known.made.difference(&told).collect();
        assert!(untold.is_empty(), "round {round}: never told: {untold:?}");
        connection.close().await.unwrap();
    }
    // It is the same server as before: whoever was logged in still is.
    let me = platform.by(&person, Method::GET, "/api/v1/me");
    assert_eq!(expect(me, StatusCode::OK).await["name"], "ada");
}

async fn r2_a_backup_is_taken_beside_the_server_and_restored(mut platform: Platform) {
    let ada = platform.person("ada", "speaker").await;
    platform.stream(&ada, "kept").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir-backup");
    let file = file.to_str().unwrap();
    let text = platform.command(&["db", "backup", file]);
    assert!(text.contains("users") && text.contains("streams"), "{text}");
    let again = platform
        .server
        .command(&["db", "backup", file])
        .output()
        .unwrap();
    assert!(error(&again).contains("exists already"));
    // Life goes on, and then it all must go back.
    platform.stream(&ada, "later").await;
    let refused = platform
        .server
        .command(&["db", "restore", file])
        .output()
        .unwrap();
    assert!(error(&refused).contains("--force"));
    platform
        .server
        .terminate(Duration::from_secs(30))
        .await
        .unwrap();
    let restored = platform.command(&["db", "restore", "--force", "--json", file]);
    let restored: Value = serde_json::from_str(&restored).unwrap();
    assert!(restored["rows"].as_u64().unwrap() >= 2, "{restored}");
    platform.server.restart().await.unwrap();
    // The same people with the same passwords, and the secrets were never gone.
    let me = platform.by(&ada, Method::GET, "/api/v1/me");
    assert_eq!(expect(me, StatusCode::OK).await["name"], "ada");
    let look = |slug: &str| platform.request(Method::GET, &format!("/api/v1/streams/{slug}"));
    expect(look("kept"), StatusCode::OK).await;
    expect(look("later"), StatusCode::NOT_FOUND).await;
    assert!(platform.command(&["db", "migrate"]).contains("up to date"));
}

/// From the database that comes by itself to PostgreSQL, and back.
#[tokio::test(flavor = "multi_thread")]
async fn r2_a_site_moves_to_postgresql_by_one_command_and_one_setting() {
    let mut platform = Platform::start(Kind::Sqlite).await;
    let ada = platform.person("ada", "speaker").await;
    platform.stream(&ada, "mine").await;
    platform
        .server
        .terminate(Duration::from_secs(30))
        .await
        .unwrap();
    let target = crate::postgres::new_database().await;
    let copied = platform.command(&["db", "copy", "--to", &target, "--json"]);
    let copied: Value = serde_json::from_str(&copied).unwrap();
    assert_eq!(copied["tables"]["streams"].as_u64(), Some(2), "{copied}");

    // The same folder with the secrets, the other database.
    platform
        .server
        .set_environment("WEIR_DATA_DATABASE_URL", &target);
    platform.server.restart().await.unwrap();
    let me = platform.by(&ada, Method::GET, "/api/v1/me");
    assert_eq!(expect(me, StatusCode::OK).await["name"], "ada");
    let show = platform.request(Method::GET, "/api/v1/streams/mine");
    expect(show, StatusCode::OK).await;
    platform.stream(&ada, "made-on-postgresql").await;
    platform
        .server
        .terminate(Duration::from_secs(30))
        .await
        .unwrap();

    let back = platform.server.data_dir().join("back.db");
    let back = format!("sqlite://{}", back.display());
    platform.command(&["db", "copy", "--to", &back]);
    let refused = platform
        .server
        .command(&["db", "copy", "--to", &back])
        .output()
        .unwrap();
    assert!(error(&refused).contains("not empty"));
    platform
        .server
        .set_environment("WEIR_DATA_DATABASE_URL", &back);
    platform.server.restart().await.unwrap();
    let show = platform.request(Method::GET, "/api/v1/streams/made-on-postgresql");
    expect(show, StatusCode::OK).await;
}

/// The benchmark of the API works, so that it cannot rot; its figures mean nothing here.
async fn r2_reads_and_writes_over_a_loaded_database(platform: Platform) {
    let plan = weir_bench::ApiPlan {
        database_url: match platform.kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(crate::postgres::new_database().await),
        },
        ..weir_bench::ApiPlan::smoke(crate::program::weir().to_owned())
    };
    let report = weir_bench::api(&plan, &|_| {}).await.unwrap();
    assert_eq!(report.rows.len(), 4);
    for row in &report.rows {
        assert_eq!(row.first_error, None, "{report}");
        assert!(row.time_ms.p99 > 0.0 && row.cpu_us > 0.0, "{report}");
    }
    assert!(report.to_string().contains("stream page"));
}
