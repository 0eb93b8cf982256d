//! No query walks a whole table: the plan of every statement in the crate's own text is looked at.

use std::{fs, path::Path};

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use crate::fixture::TestDb;

/// Tables that have a handful of rows, whatever the site has.
const SMALL: &[&str] = &["token_keys", "sqlite_master"];

/// String literals of the sources that are whole statements with a condition. Those that are put together
/// of parts have their own tests.
fn statements(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            statements(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut literals = Vec::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find('"') {
            let is_part = rest[..start].trim_end().ends_with("&str =");
            rest = &rest[start + 1..];
            let mut escaped = false;
            let end = rest.find(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            let Some(end) = end else { break };
            // A constant is a beginning that conditions are added to.
            if !is_part {
                literals.push(rest[..end].replace("\\\n", " "));
            }
            rest = &rest[end + 1..];
        }
        for literal in literals {
            let begins = literal.trim_start();
            let is_statement = ["SELECT ", "UPDATE ", "DELETE ", "INSERT ", "WITH "]
                .iter()
                .any(|word| begins.starts_with(word));
            // `{…}` is a part to fill in, `::` a cast of PostgreSQL's catalogue.
            if is_statement
                && begins.contains("WHERE")
                && !begins.contains(['{', '\\'])
                && !begins.contains("::")
            {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                found.push((name, literal));
            }
        }
    }
}

#[tokio::test]
async fn no_query_walks_a_whole_table() {
    let test = TestDb::sqlite().await;
    let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
    let mut all = Vec::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    statements(&sources, &mut all);
    let mut looked_at = 0;
    let mut walks = Vec::new();
    for (file, statement) in all {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let plan = sqlx::raw_sql(AssertSqlSafe(explain))
            .fetch_all(&mut connection)
            .await;
        // What is no statement by itself is a part of one, or PostgreSQL's.
        let Ok(plan) = plan else { continue };
        looked_at += 1;
        for step in plan {
            let step: String = step.get("detail");
            let Some(what) = step.strip_prefix("SCAN ") else {
                continue;
            };
            let table = table_of(&statement, what.split(' ').next().unwrap());
            // Of an index in its order, of a list of values, of what another step of the plan made.
            let fine = what.contains("USING")
                || what.starts_with("CONSTANT")
                || !is_table(&mut connection, &table).await
                || SMALL.contains(&table.as_str());
            if !fine {
                walks.push(format!("{file}: {step}: {}", one_line(&statement)));
            }
        }
    }
    assert!(looked_at > 20, "only {looked_at} statements were found");
    assert!(walks.is_empty(), "\n{}", walks.join("\n"));
}

/// The table of a name in a plan, which may be an alias of it.
fn table_of(statement: &str, name: &str) -> String {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let aliased = words.windows(3).find_map(|window| {
        let alias = window[2].trim_matches([',', ')', ';']);
        let plain = window[1].trim_matches([',', ')', ';']);
        match window {
            [table, "AS", _] if alias == name => Some(*table),
            [_, _, "ON" | "WHERE" | "ORDER"] if plain == name => Some(window[0]),
            _ => None,
        }
    });
    aliased.unwrap_or(name).to_owned()
}

async fn is_table(connection: &mut SqliteConnection, name: &str) -> bool {
    let found =
        sqlx::query("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1")
            .bind(name)
            .fetch_one(connection);
    found.await.unwrap().get::<i64, _>(0) == 1
}

fn one_line(statement: &str) -> String {
    let words: Vec<&str> = statement.split_whitespace().collect();
    words.join(" ")
}
