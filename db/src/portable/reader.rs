//! Reads all rows of one snapshot.

use futures_util::TryStreamExt as _;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tokio::sync::mpsc;

use super::{
    Column, Item, MoveError, ReadEnd, Snapshot, Sum,
    catalogue::{self, list, quoted},
    open::{self, Backend},
    value::Row,
};
use crate::id;

/// Rows that go together through the channel.
const BATCH: usize = 200;

/// Reads everything and ends.
pub(super) async fn read(url: &str, items: mpsc::Sender<Item>) -> Result<(), ReadEnd> {
    let (mut connection, backend) = open::existing(url).await?;
    let begin = match backend {
        // A reader of a WAL keeps the state of its first look.
        Backend::Sqlite => "BEGIN",
        Backend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    let mut transaction = connection.begin_with(begin).await?;
    let migrations = catalogue::migrations(&mut transaction, backend).await?;
    let start = Item::Start(Snapshot {
        taken_at: id::now(),
        migrations: migrations.ok_or(MoveError::NotOurs)?,
    });
    send(&items, start).await?;
    for (name, columns) in catalogue::tables(&mut transaction, backend).await? {
        let table = Item::Table {
            name: name.clone(),
            columns: columns.clone(),
        };
        send(&items, table).await?;
        let sum = rows(&mut transaction, &name, &columns, Some(&items)).await?;
        send(&items, Item::EndOfTable(sum)).await?;
    }
    send(&items, Item::End).await?;
    transaction.rollback().await?;
    connection.close().await?;
    Ok(())
}

/// Reads the rows of a table, in no particular order, and sends them where somebody wants them.
pub(super) async fn rows(
    connection: &mut AnyConnection,
    table: &str,
    columns: &[Column],
    items: Option<&mpsc::Sender<Item>>,
) -> Result<Sum, ReadEnd> {
    let query = format!("SELECT {} FROM {}", list(columns), quoted(table));
    let mut sum = Sum::default();
    let mut batch = Vec::new();
    let mut rows = sqlx::query(AssertSqlSafe(query))
        .persistent(false)
        .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let row = Row::from_database(&row, columns)?;
        sum.add(&row);
        if let Some(items) = items {
            batch.push(row);
            if batch.len() == BATCH {
                send(items, Item::Rows(std::mem::take(&mut batch))).await?;
            }
        }
    }
    if let Some(items) = items
        && !batch.is_empty()
    {
        send(items, Item::Rows(batch)).await?;
    }
    Ok(sum)
}

async fn send(items: &mpsc::Sender<Item>, item: Item) -> Result<(), ReadEnd> {
    items.send(item).await.map_err(|_| ReadEnd::NobodyListens)
}
