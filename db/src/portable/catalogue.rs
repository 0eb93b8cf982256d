//! Which tables a database has, asked of the database.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, Row as _};

use super::{Column, MoveError, open::Backend, value::Kind};

/// Where sqlx notes the applied migrations. It is made anew by them and never carried over.
pub(super) const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// All tables with rows of ours, by name.
pub(super) type Tables = BTreeMap<String, Vec<Column>>;

/// Reads the tables. A kind of table or column that cannot be carried is an error, never left out.
pub(super) async fn tables(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<Tables, MoveError> {
    let query = match backend {
        // `sqlite_…` are SQLite's own: its schema, and the statistics that ANALYZE makes.
        Backend::Sqlite => {
            "SELECT t.name, t.type, c.name, c.type, c.hidden
             FROM pragma_table_list AS t JOIN pragma_table_xinfo(t.name) AS c
             WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.type <> 'view'
             ORDER BY t.name, c.cid"
        }
        // A column's type as a word of the catalogue, 's' and 'v' are generated columns.
        Backend::Postgres => {
            "SELECT t.relname::text,
                 CASE t.relkind WHEN 'r' THEN 'table' ELSE t.relkind::text END,
                 c.attname::text, format_type(c.atttypid, NULL),
                 CASE c.attgenerated WHEN '' THEN 0::bigint ELSE 1::bigint END
             FROM pg_class AS t JOIN pg_attribute AS c ON c.attrelid = t.oid
             WHERE t.relnamespace = to_regnamespace(quote_ident(current_schema()))
                 AND t.relkind IN ('r', 'p', 'f') AND c.attnum > 0 AND NOT c.attisdropped
             ORDER BY t.relname, c.attnum"
        }
    };
    // Not kept prepared: a restore changes the tables below it.
    let rows = sqlx::query(query)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let mut tables = Tables::new();
    for row in rows {
        let (table, table_kind): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if table == MIGRATIONS_TABLE {
            continue;
        }
        let (name, declared): (String, String) = (row.try_get(2)?, row.try_get(3)?);
        let hidden: i64 = row.try_get(4)?;
        if table_kind != "table" || hidden != 0 {
            return Err(MoveError::Unsupported(format!(
                "table {table} is of a kind that backups do not carry ({table_kind}, column {name})"
            )));
        }
        let kind = Kind::of(&declared).ok_or_else(|| {
            MoveError::Unsupported(format!(
                "column {name} of table {table} has a type that backups do not carry ({declared})"
            ))
        })?;
        tables.entry(table).or_default().push(Column { name, kind });
    }
    Ok(tables)
}

/// Versions of the applied migrations, ascending; `None` when there is no table of them.
pub(super) async fn migrations(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<Option<Vec<i64>>, MoveError> {
    let exists = match backend {
        Backend::Sqlite => {
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        }
        Backend::Postgres => {
            "SELECT count(*) FROM pg_tables
             WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'"
        }
    };
    let row = sqlx::query(exists).fetch_one(&mut *connection).await?;
    if row.try_get::<i64, _>(0)? == 0 {
        return Ok(None);
    }
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations ORDER BY version")
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let versions = rows.iter().map(|row| row.try_get(0));
    Ok(Some(versions.collect::<sqlx::Result<_>>()?))
}

/// A name in SQL. Names are the catalogue's, and quoted all the same.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn list(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    names.join(", ")
}
