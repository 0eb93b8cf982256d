//! Many rows, in a few statements, beside the server.
//!
//! They are copies of a user and of a stream that the server made itself, so that this needs to know
//! only which columns tell rows apart.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

/// Ids from here on: below those that the server makes.
const FIRST_ID: i64 = 1_000_000;

/// Past broadcasts of each stream.
const BROADCASTS: u32 = 2;

pub(super) async fn load(
    url: &str,
    stream: &str,
    user: &str,
    users: u32,
    streams: u32,
) -> anyhow::Result<()> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    let sqlite = url.starts_with("sqlite");
    if sqlite {
        run(&mut connection, "PRAGMA busy_timeout = 30000".to_owned()).await?;
    }
    let mut transaction = connection.begin().await?;
    let own = [
        ("id", format!("{FIRST_ID} + n.i")),
        ("name", "'bench-' || n.i".to_owned()),
        ("email", "'bench-' || n.i || '@example.org'".to_owned()),
        ("role", "'attendee'".to_owned()),
    ];
    copies(&mut transaction, sqlite, "users", "name", user, users, &own).await?;
    let own = [
        ("id", format!("{FIRST_ID} + n.i")),
        ("slug", "'bench-' || n.i".to_owned()),
        ("title", "'Stream number ' || n.i".to_owned()),
        ("key_hash", "'bench-' || n.i".to_owned()),
        ("owner_id", format!("{FIRST_ID} + 1 + n.i * 7 % {users}")),
        ("created_at", "t.created_at - n.i * 1000".to_owned()),
        // What is searched by is made by the server, at its next start.
        ("indexed", "0".to_owned()),
    ];
    copies(
        &mut transaction,
        sqlite,
        "streams",
        "slug",
        stream,
        streams,
        &own,
    )
    .await?;
    let past = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
         INSERT INTO broadcasts (id, stream_id, protocol, started_at, ended_at, peak_viewers)
         SELECT {FIRST_ID} + n.i, {FIRST_ID} + 1 + n.i % {streams}, 'rtmp', 1700000000000 + n.i * 1000,
             1700000500000 + n.i * 1000, n.i % 100 FROM n",
        streams * BROADCASTS
    );
    run(&mut transaction, past).await?;
    transaction.commit().await?;
    run(&mut connection, "ANALYZE".to_owned()).await?;
    connection.close().await?;
    Ok(())
}

/// `count` copies of one row, with `own` instead of its own values; what `own` says of columns that the
/// table does not have is left out.
async fn copies(
    connection: &mut AnyConnection,
    sqlite: bool,
    table: &str,
    key: &str,
    template: &str,
    count: u32,
    own: &[(&str, String)],
) -> anyhow::Result<()> {
    let query = match sqlite {
        true => format!("SELECT name FROM pragma_table_info('{table}')"),
        false => format!(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = '{table}'"
        ),
    };
    let rows = sqlx::query(AssertSqlSafe(query))
        .fetch_all(&mut *connection)
        .await?;
    let columns: Vec<String> = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    let values: Vec<String> = columns
        .iter()
        .map(|column| match own.iter().find(|(name, _)| name == column) {
            Some((_, value)) => value.clone(),
            None => format!("t.{column}"),
        })
        .collect();
    let insert = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO {table} ({}) SELECT {} FROM n, {table} AS t WHERE t.{key} = '{template}'",
        columns.join(", "),
        values.join(", "),
    );
    run(connection, insert).await
}

async fn run(connection: &mut AnyConnection, statement: String) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}
