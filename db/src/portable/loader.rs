//! Fills a database with the rows of a snapshot, in one transaction.
//!
//! The tables are made by the migrations that the snapshot's database had. Later ones run when its rows
//! are in, so that they change rows as they would have changed them at home.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row as _};
use tokio::sync::mpsc;

use super::{
    Column, Item, MoveError, Moved, ReadEnd, Snapshot, Sum,
    catalogue::{self, MIGRATIONS_TABLE, Tables, list, quoted},
    damaged,
    open::{self, Backend},
    reader,
    value::Row,
};
use crate::MIGRATIONS;

/// Values in one statement at most: SQLite takes 32,766, PostgreSQL 65,535.
const VALUES: usize = 16_000;

/// Takes what a reader sends, to its end.
pub(super) async fn load(
    url: &str,
    mut items: mpsc::Receiver<Item>,
    force: bool,
) -> Result<Moved, MoveError> {
    let Some(Item::Start(snapshot)) = items.recv().await else {
        return Err(damaged("it has no beginning"));
    };
    let newest = known(&snapshot)?;
    let (mut connection, backend) = open::target(url).await?;
    let begin = match backend {
        Backend::Sqlite => "BEGIN IMMEDIATE",
        Backend::Postgres => "BEGIN",
    };
    // Dropped at any error below, and then the target is what it was.
    let mut transaction = connection.begin_with(begin).await?;
    let keys = {
        let connection = &mut *transaction;
        let had = clear(connection, backend).await?;
        MIGRATIONS
            .run_direct(newest, &mut *connection, false)
            .await?;
        if !force {
            // Migrations put rows in by themselves; a database with no others is empty.
            let there = catalogue::tables(connection, backend).await?;
            let has = counts(connection, there.keys()).await?;
            let more = had
                .iter()
                .find(|(table, rows)| **rows > has.get(*table).copied().unwrap_or(0));
            if let Some((table, _)) = more {
                let table = table.clone();
                return Err(MoveError::NotEmpty { table });
            }
        }
        take_foreign_keys_off(connection, backend).await?
    };
    let tables = catalogue::tables(&mut transaction, backend).await?;
    for table in tables.keys() {
        // What a migration itself puts in comes with the snapshot too, as it has become since.
        run(&mut transaction, format!("DELETE FROM {}", quoted(table))).await?;
    }
    let sent = fill(&mut transaction, &tables, &mut items).await?;
    for (table, columns, sum) in &sent {
        let arrived = reader::rows(&mut transaction, table, columns, None).await;
        if arrived.map_err(failure)? != *sum {
            let table = table.clone();
            return Err(MoveError::Differs { table });
        }
    }
    put_foreign_keys_on(&mut transaction, backend, keys).await?;
    MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await?;
    transaction.commit().await?;
    // The planner knows nothing of tables that were filled at one go.
    run(&mut connection, "ANALYZE".to_owned()).await?;
    connection.close().await?;
    Ok(Moved {
        tables: sent
            .into_iter()
            .map(|(table, _, sum)| (table, sum.rows))
            .collect(),
        taken_at: snapshot.taken_at,
    })
}

/// The last migration of the snapshot, when this program has all of them.
fn known(snapshot: &Snapshot) -> Result<Option<i64>, MoveError> {
    for version in &snapshot.migrations {
        if !MIGRATIONS.version_exists(*version) {
            return Err(MoveError::Newer(*version));
        }
    }
    let newest = snapshot.migrations.last().copied();
    let until = |newest| MIGRATIONS.iter().filter(move |m| m.version <= newest);
    // A migration that was added in between has not run there: its columns would be missing.
    let applied = newest.map_or(0, |newest| until(newest).count());
    if newest.is_none() || applied != snapshot.migrations.len() {
        return Err(damaged("its migrations are not those of a version of Weir"));
    }
    Ok(newest)
}

/// Removes all tables, and gives how many rows they had.
async fn clear(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<BTreeMap<String, i64>, MoveError> {
    if backend == Backend::Postgres {
        // A running server would hold its tables; better an error than to wait for its end.
        run(connection, "SET LOCAL lock_timeout = '10s'".to_owned()).await?;
    }
    let ours = catalogue::migrations(connection, backend).await?;
    let tables = catalogue::tables(connection, backend).await?;
    let Some(_) = ours else {
        return match tables.into_keys().next() {
            Some(table) => Err(MoveError::Foreign(table)),
            None => Ok(BTreeMap::new()),
        };
    };
    let had = counts(connection, tables.keys()).await?;
    let names = tables.keys().map(String::as_str).chain([MIGRATIONS_TABLE]);
    match backend {
        Backend::Sqlite => {
            for table in names {
                run(connection, format!("DROP TABLE {}", quoted(table))).await?;
            }
        }
        // All in one, since they point to one another.
        Backend::Postgres => {
            let names: Vec<String> = names.map(quoted).collect();
            run(connection, format!("DROP TABLE {}", names.join(", "))).await?;
        }
    }
    Ok(had)
}

/// Rows of each table.
async fn counts(
    connection: &mut AnyConnection,
    tables: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, i64>, MoveError> {
    let mut counts = BTreeMap::new();
    for table in tables {
        let query = format!("SELECT count(*) FROM {}", quoted(table));
        let row = sqlx::query(AssertSqlSafe(query))
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
        counts.insert(table.clone(), row.try_get(0)?);
    }
    Ok(counts)
}

/// A foreign key of PostgreSQL that was taken off.
struct ForeignKey {
    table: String,
    name: String,
    definition: String,
}

/// Rows come table by table, in no order, and tables may point to themselves and to one another. So
/// PostgreSQL's foreign keys go for the time of the load, and are checked as a whole when they return.
/// SQLite's are switched off on the connection.
async fn take_foreign_keys_off(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<Vec<ForeignKey>, MoveError> {
    if backend == Backend::Sqlite {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT t.relname::text, c.conname::text, pg_get_constraintdef(c.oid)
         FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
         WHERE c.contype = 'f'
             AND c.connamespace = to_regnamespace(quote_ident(current_schema()))",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut keys = Vec::new();
    for row in rows {
        let key = ForeignKey {
            table: row.try_get(0)?,
            name: row.try_get(1)?,
            definition: row.try_get(2)?,
        };
        let (table, name) = (quoted(&key.table), quoted(&key.name));
        let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {name}");
        run(connection, drop).await?;
        keys.push(key);
    }
    Ok(keys)
}

async fn put_foreign_keys_on(
    connection: &mut AnyConnection,
    backend: Backend,
    keys: Vec<ForeignKey>,
) -> Result<(), MoveError> {
    for key in keys {
        let (table, name) = (quoted(&key.table), quoted(&key.name));
        let add = format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} {}",
            key.definition
        );
        run(connection, add).await?;
    }
    if backend == Backend::Sqlite {
        let orphan = sqlx::query("SELECT \"table\", parent FROM pragma_foreign_key_check")
            .fetch_optional(connection)
            .await?;
        if let Some(orphan) = orphan {
            let (table, parent): (String, String) = (orphan.try_get(0)?, orphan.try_get(1)?);
            return Err(damaged(format!(
                "a row of {table} points to a row of {parent} that is not there"
            )));
        }
    }
    Ok(())
}

/// Inserts all rows, and gives what was sent of each table.
async fn fill(
    connection: &mut AnyConnection,
    tables: &Tables,
    items: &mut mpsc::Receiver<Item>,
) -> Result<Vec<(String, Vec<Column>, Sum)>, MoveError> {
    let mut sent: Vec<(String, Vec<Column>, Sum)> = Vec::new();
    let mut current: Option<(String, Vec<Column>, Sum)> = None;
    loop {
        match (items.recv().await, &mut current) {
            (Some(Item::Table { name, columns }), None) => {
                let here = tables.get(&name).map(Vec::as_slice).unwrap_or_default();
                if sent.iter().any(|(earlier, ..)| *earlier == name) {
                    return Err(damaged(format!("table {name} is in it twice")));
                }
                if let Some(stranger) = columns.iter().find(|column| !here.contains(column)) {
                    return Err(damaged(format!(
                        "table {name} has no column {} of that kind at its version",
                        stranger.name
                    )));
                }
                current = Some((name, columns, Sum::default()));
            }
            (Some(Item::Rows(rows)), Some((table, columns, sum))) => {
                rows.iter().for_each(|row| sum.add(row));
                insert(connection, table, columns, rows).await?;
            }
            (Some(Item::EndOfTable(said)), Some((table, _, sum))) => {
                if said != *sum {
                    return Err(damaged(format!("table {table} does not have its checksum")));
                }
                sent.extend(current.take());
            }
            (Some(Item::End), None) => return Ok(sent),
            (None, _) => return Err(damaged("its end is missing")),
            (Some(_), _) => return Err(damaged("its parts are out of order")),
        }
    }
}

async fn insert(
    connection: &mut AnyConnection,
    table: &str,
    columns: &[Column],
    rows: Vec<Row>,
) -> Result<(), MoveError> {
    let width = columns.len();
    if width == 0 {
        return Err(damaged(format!("table {table} has no columns")));
    }
    let mut rows = rows.into_iter();
    loop {
        let batch: Vec<Row> = rows.by_ref().take((VALUES / width).max(1)).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let mut query = format!("INSERT INTO {} ({}) VALUES ", quoted(table), list(columns));
        for row in 0..batch.len() {
            let places = (0..width).map(|column| format!("${}", row * width + column + 1));
            let separator = if row == 0 { "(" } else { ", (" };
            query += separator;
            query += &places.collect::<Vec<_>>().join(", ");
            query += ")";
        }
        let query = sqlx::query(AssertSqlSafe(query)).persistent(false);
        let query = batch.into_iter().fold(query, |query, row| row.bind(query));
        query.execute(&mut *connection).await?;
    }
}

async fn run(connection: &mut AnyConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

fn failure(end: ReadEnd) -> MoveError {
    match end {
        ReadEnd::Failed(error) => error,
        ReadEnd::NobodyListens => damaged("nobody listens to a check"),
    }
}
