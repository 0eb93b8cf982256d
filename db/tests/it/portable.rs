//! Backup, restore and copy, between both kinds of database.

use std::{
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};
use weir_db::{Db, MoveError, NewUser, Role, backup, copy, restore};

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(
    a_backup_brings_everything_back,
    a_backup_is_of_one_moment,
    every_table_and_column_is_carried,
    what_has_rows_is_not_overwritten,
    a_restore_that_fails_changes_nothing,
    tables_that_cannot_be_carried_are_named,
);

/// Everything in a database: each table's rows as text, in one order for both kinds.
async fn contents(url: &str) -> Vec<String> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let tables = if url.starts_with("sqlite") {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    } else {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
    };
    let mut all = Vec::new();
    for table in connection.fetch_all(tables).await.unwrap() {
        let table: String = table.get(0);
        if table == "_sqlx_migrations" {
            continue;
        }
        let query = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}")));
        for row in query.fetch_all(&mut connection).await.unwrap() {
            let mut text = table.clone();
            for index in 0..row.len() {
                let as_text = row.try_get::<Option<String>, _>(index);
                let as_number = row.try_get::<Option<i64>, _>(index);
                let as_real = row.try_get::<Option<f64>, _>(index);
                text += &match (as_text, as_number, as_real) {
                    (Ok(value), ..) => format!("|{value:?}"),
                    (_, Ok(value), _) => format!("|{value:?}"),
                    (.., value) => format!("|{:?}", value.unwrap()),
                };
            }
            all.push(text);
        }
    }
    connection.close().await.unwrap();
    all.sort();
    all
}

async fn execute(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// An empty database of the same kind, and one of the other.
async fn targets(url: &str, folder: &Path) -> [String; 2] {
    let sqlite = Db::sqlite_url(&folder.join("target.db"));
    let postgres = crate::postgres::new_database().await;
    if url.starts_with("sqlite") {
        [sqlite, postgres]
    } else {
        [postgres, sqlite]
    }
}

async fn fill(db: &Db) {
    let user = NewUser {
        name: "ada".to_owned(),
        password_hash: "hash".to_owned(),
        role: Role::Speaker,
    };
    db.create_user(user).await.unwrap();
    // More than one batch.
    for n in 0..450 {
        make_stream(db, &format!("stream-{n}")).await;
    }
    let stream = make_stream(db, "last").await;
    db.begin_broadcast(stream.id, weir_protocol::IngestProtocol::Whip)
        .await
        .unwrap();
}

async fn a_backup_brings_everything_back(test: TestDb) {
    fill(&test.db).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let saved = backup(&test.url, &file).await.unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "hashes of passwords are in it");
    let expected = contents(&test.url).await;
    // A user, streams and a broadcast, and what listings are found by.
    assert!(expected.len() >= 453);
    assert_eq!(usize::try_from(saved.rows()).unwrap(), expected.len());
    for target in targets(&test.url, folder.path()).await {
        let moved = restore(&target, &file, false).await.unwrap();
        assert_eq!(moved, saved);
        assert_eq!(contents(&target).await, expected);
        // It is a database like any other, foreign keys included.
        let db = Db::open(&target).await.unwrap();
        make_stream(&db, "afterwards").await;
        let gone = db.delete_stream(&"last".parse().unwrap()).await;
        gone.unwrap();
        assert_eq!(db.end_open_broadcasts().await.unwrap(), 0, "went along");
        db.close().await;

        // With force, what came since is gone again. And the same directly, without a file.
        restore(&target, &file, true).await.unwrap();
        assert_eq!(contents(&target).await, expected);
        copy(&test.url, &target, true).await.unwrap();
        assert_eq!(contents(&target).await, expected);
    }
    let again = backup(&test.url, &file).await.unwrap_err().to_string();
    assert!(again.contains("exists already"), "{again}");
    let files = std::fs::read_dir(folder.path()).unwrap();
    let drafts = files.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".part")
    });
    assert_eq!(drafts.count(), 0);
}

/// A stream is made together with a row that points to it; no backup has the one without the other,
/// however many writers there are.
async fn a_backup_is_of_one_moment(test: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let writer = tokio::spawn({
        let db = test.db.clone();
        async move {
            for n in 0.. {
                let stream = make_stream(&db, &format!("s{n}")).await;
                db.begin_broadcast(stream.id, weir_protocol::IngestProtocol::Rtmp)
                    .await
                    .unwrap();
            }
        }
    });
    for round in 0..5 {
        let file = folder.path().join(format!("backup-{round}"));
        backup(&test.url, &file).await.unwrap();
        let target = Db::sqlite_url(&folder.path().join(format!("{round}.db")));
        let moved = restore(&target, &file, false).await.unwrap();
        let rows = |name: &str| {
            moved
                .tables
                .iter()
                .find(|(table, _)| table == name)
                .unwrap()
                .1
        };
        let (streams, broadcasts) = (rows("streams"), rows("broadcasts"));
        assert!(
            streams - broadcasts <= 1,
            "{streams} streams with {broadcasts} broadcasts"
        );
    }
    writer.abort();
}

/// Tables are not listed anywhere in the program: a table that tomorrow's migration makes is carried.
async fn every_table_and_column_is_carried(test: TestDb) {
    let blob = if test.url.starts_with("sqlite") {
        ("BLOB", "x'00ff10'")
    } else {
        ("BYTEA", "'\\x00ff10'")
    };
    let make = |blob: &str| {
        format!(
            "CREATE TABLE of_tomorrow (id BIGINT NOT NULL PRIMARY KEY, \"Odd name\" TEXT,
                 share DOUBLE PRECISION, picture {blob},
                 above BIGINT REFERENCES of_tomorrow (id));"
        )
    };
    execute(&test.url, &make(blob.0)).await;
    let text = "'line\nbreak, ''quote'', ü'";
    execute(
        &test.url,
        &format!(
            "INSERT INTO of_tomorrow VALUES (2, {text}, 0.1, {}, NULL), (1, '', -0.0, NULL, 2),
                 (9223372036854775807, NULL, 1e300, NULL, 1);",
            blob.1
        ),
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let saved = backup(&test.url, &file).await.unwrap();
    let tables: Vec<&str> = saved.tables.iter().map(|(name, _)| name.as_str()).collect();
    assert!(tables.contains(&"of_tomorrow") && tables.contains(&"users"));
    // Today's migrations do not make it, so that nothing here takes it: that is said, not skipped.
    let [same, _] = targets(&test.url, folder.path()).await;
    let refused = restore(&same, &file, false).await.unwrap_err().to_string();
    assert!(refused.contains("of_tomorrow"), "{refused}");
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(&file).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains("9223372036854775807"), "{text}");
    assert!(
        text.contains("[2,\"line\\nbreak, 'quote', ü\",\"0.1\",\"00ff10\",null]"),
        "{text}"
    );

    // Every table that the migrations make today is of a kind that can be carried; so a migration that
    // makes another fails here.
    let names: Vec<String> = contents_names(&test.url).await;
    for name in names {
        assert!(
            tables.contains(&name.as_str()),
            "{name} is not in the backup"
        );
    }
}

async fn contents_names(url: &str) -> Vec<String> {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let query = if url.starts_with("sqlite") {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'
             AND name <> '_sqlx_migrations'"
    } else {
        "SELECT table_name::text FROM information_schema.tables
         WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'"
    };
    let rows = connection.fetch_all(query).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn what_has_rows_is_not_overwritten(test: TestDb) {
    make_stream(&test.db, "precious").await;
    let before = contents(&test.url).await;
    let folder = tempfile::tempdir().unwrap();
    let source = TestDb::sqlite().await;
    make_stream(&source.db, "other").await;
    let file = folder.path().join("backup");
    backup(&source.url, &file).await.unwrap();
    let refused = restore(&test.url, &file, false).await.unwrap_err();
    assert!(matches!(&refused, MoveError::NotEmpty { table } if table.contains("stream")));
    assert!(refused.to_string().contains("--force"), "{refused}");
    let refused = copy(&source.url, &test.url, false).await.unwrap_err();
    assert!(matches!(refused, MoveError::NotEmpty { .. }));
    assert_eq!(contents(&test.url).await, before);

    // Somebody else's database is left alone even with force.
    let [foreign, _] = targets(&test.url, folder.path()).await;
    if let Some(path) = foreign.strip_prefix("sqlite://") {
        std::fs::write(path, b"").unwrap();
    }
    execute(&foreign, "CREATE TABLE accounts (id BIGINT PRIMARY KEY);").await;
    let refused = restore(&foreign, &file, true).await.unwrap_err();
    assert!(matches!(&refused, MoveError::Foreign(table) if table == "accounts"));
    let refused = backup(&foreign, &folder.path().join("none")).await;
    assert!(matches!(refused, Err(MoveError::NotOurs)));
}

async fn a_restore_that_fails_changes_nothing(test: TestDb) {
    make_stream(&test.db, "precious").await;
    let before = contents(&test.url).await;
    let folder = tempfile::tempdir().unwrap();
    let source = TestDb::sqlite().await;
    fill(&source.db).await;
    let whole = folder.path().join("whole");
    backup(&source.url, &whole).await.unwrap();
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(&whole).unwrap())
        .read_to_string(&mut text)
        .unwrap();

    let end = "{\"end\":true}\n";
    let row = text.find("\"stream-7\"").unwrap();
    let line = text[..row].rfind('\n').unwrap() + 1..row + text[row..].find('\n').unwrap() + 1;
    let mut without_row = text.clone();
    without_row.replace_range(line, "");
    let cases = [
        (
            "cut",
            text.strip_suffix(end).unwrap().to_owned(),
            "end is missing",
        ),
        (
            "changed",
            text.replace("Title of stream-7\"", "Title of stream-8\""),
            "checksum",
        ),
        ("a row less", without_row, "checksum"),
        (
            "newer",
            text.replacen("\"migrations\":[", "\"migrations\":[99991231000000,", 1),
            "99991231000000",
        ),
        (
            "no backup",
            "{\"hello\":1}\n".to_owned(),
            "no backup of Weir",
        ),
        (
            "another form",
            text.replacen("\"weir_backup\":1", "\"weir_backup\":2", 1),
            "format 2",
        ),
        ("empty", String::new(), "end is missing"),
    ];
    for (name, text, word) in cases {
        let file = folder.path().join(name);
        let out = std::fs::File::create(&file).unwrap();
        let mut out = GzEncoder::new(out, Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap();
        let refused = restore(&test.url, &file, true)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(word), "{name}: {refused}");
        assert_eq!(contents(&test.url).await, before, "{name}");
    }
    // Bytes that are no gzip, and a gzip that ends early.
    let packed = std::fs::read(&whole).unwrap();
    for (name, bytes) in [
        ("text", &b"hello"[..]),
        ("half", &packed[..packed.len() / 2]),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let refused = restore(&test.url, &file, true).await.unwrap_err();
        assert!(matches!(refused, MoveError::Damaged(_)), "{refused}");
        assert_eq!(contents(&test.url).await, before, "{name}");
    }
    let missing = restore(&test.url, &folder.path().join("missing"), true).await;
    assert!(matches!(missing, Err(MoveError::File(_))));
    let missing = Db::sqlite_url(&folder.path().join("missing.db"));
    let refused = copy(&missing, &test.url, true).await.unwrap_err();
    assert!(refused.to_string().contains("missing.db"), "{refused}");
    assert_eq!(contents(&test.url).await, before);
}

async fn tables_that_cannot_be_carried_are_named(test: TestDb) {
    execute(
        &test.url,
        "CREATE TABLE dated (id BIGINT NOT NULL PRIMARY KEY, day DATE);",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let refused = backup(&test.url, &folder.path().join("backup")).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("column day of table dated"), "{refused}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
