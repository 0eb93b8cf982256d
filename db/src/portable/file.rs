//! A backup as a file: lines of JSON, compressed by gzip.
//!
//! The first line says what it is: `{"weir_backup":1,"taken_at":…,"migrations":[…]}`. For each table
//! follow `{"table":"users","columns":[{"name":"id","kind":"integer"},…]}`, its rows as lists, and
//! `{"rows":2,"check":"…"}`. The last line is `{"end":true}`.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, ErrorKind, Read as _, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use serde_json::{Map, Value as Json, json};
use tokio::sync::mpsc;

use super::{
    Column, Item, MoveError, Moved, ReadEnd, Snapshot, Sum, damaged,
    value::{Kind, Row},
};

/// Version of the form above.
const FORMAT: u64 = 1;

/// Longest line in bytes that is read: what is longer is no backup.
const LINE_MAX: u64 = 64 * 1024 * 1024;

/// Rows that go together through the channel.
const BATCH: usize = 200;

/// Writes what a reader sends into a new file.
pub(super) fn write(path: &Path, items: mpsc::Receiver<Item>) -> Result<Moved, MoveError> {
    let failed = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::AlreadyExists => "it exists already; choose another name".to_owned(),
            _ => error.to_string(),
        };
        MoveError::File(format!("cannot write {}: {why}", path.display()))
    };
    if path.exists() {
        return Err(failed(ErrorKind::AlreadyExists.into()));
    }
    let draft = draft(path);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        // Hashes of passwords are in it.
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    let written = write_all(file, items).and_then(|moved| {
        // A hard link fails where the name exists by now, a rename would replace it.
        fs::hard_link(&draft, path).map_err(WriteEnd::Io)?;
        Ok(moved)
    });
    // Without its draft nothing of a failure stays.
    let removed = fs::remove_file(&draft);
    match written {
        Ok(moved) => removed.map(|()| moved).map_err(failed),
        Err(WriteEnd::Io(error)) => Err(failed(error)),
        Err(WriteEnd::Cut) => Err(damaged("its end is missing")),
    }
}

enum WriteEnd {
    Io(std::io::Error),
    /// The reader failed, and says why.
    Cut,
}

impl From<std::io::Error> for WriteEnd {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    name.into()
}

fn write_all(file: File, mut items: mpsc::Receiver<Item>) -> Result<Moved, WriteEnd> {
    let mut out = GzEncoder::new(BufWriter::new(file), Compression::default());
    let mut line = |json: Json| {
        serde_json::to_writer(&mut out, &json)?;
        out.write_all(b"\n")
    };
    let mut moved = Moved {
        tables: Vec::new(),
        taken_at: 0,
    };
    loop {
        match items.blocking_recv().ok_or(WriteEnd::Cut)? {
            Item::Start(snapshot) => {
                moved.taken_at = snapshot.taken_at;
                line(json!({
                    "weir_backup": FORMAT,
                    "taken_at": snapshot.taken_at,
                    "migrations": snapshot.migrations,
                }))?;
            }
            Item::Table { name, columns } => {
                let columns = columns.iter();
                let columns: Vec<Json> = columns
                    .map(|column| json!({"name": column.name, "kind": column.kind}))
                    .collect();
                line(json!({"table": name, "columns": columns}))?;
                moved.tables.push((name, 0));
            }
            Item::Rows(rows) => rows.iter().try_for_each(|row| line(row.to_json()))?,
            Item::EndOfTable(sum) => {
                line(json!({"rows": sum.rows, "check": format!("{:032x}", sum.check)}))?;
                if let Some((_, rows)) = moved.tables.last_mut() {
                    *rows = sum.rows;
                }
            }
            Item::End => {
                line(json!({"end": true}))?;
                break;
            }
        }
    }
    let mut buffer = out.finish()?;
    buffer.flush()?;
    buffer.get_ref().sync_all()?;
    Ok(moved)
}

/// Sends what is in a file.
pub(super) fn read(path: &Path, items: &mpsc::Sender<Item>) -> Result<(), ReadEnd> {
    let unreadable = |error| MoveError::File(format!("cannot read {}: {error}", path.display()));
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut lines = Lines(BufReader::new(MultiGzDecoder::new(file)));
    let send = |item| {
        items
            .blocking_send(item)
            .map_err(|_| ReadEnd::NobodyListens)
    };
    let first = lines.object()?;
    match first.get("weir_backup").and_then(Json::as_u64) {
        Some(FORMAT) => {}
        Some(other) => {
            return Err(MoveError::Unsupported(format!(
                "the backup has format {other}, this version of Weir reads {FORMAT}"
            ))
            .into());
        }
        None => return Err(damaged("it is no backup of Weir").into()),
    }
    let migrations = first.get("migrations").and_then(Json::as_array);
    let migrations = migrations.and_then(|all| all.iter().map(Json::as_i64).collect());
    send(Item::Start(Snapshot {
        taken_at: first.get("taken_at").and_then(Json::as_i64).unwrap_or(0),
        migrations: migrations.ok_or_else(|| damaged("it does not say its migrations"))?,
    }))?;
    loop {
        let head = lines.object()?;
        if head.contains_key("end") {
            return send(Item::End);
        }
        let (name, columns) = table(&head).ok_or_else(|| damaged("a table has no head"))?;
        send(Item::Table {
            name,
            columns: columns.clone(),
        })?;
        let mut batch = Vec::new();
        let sum = loop {
            match lines.json()? {
                Json::Object(end) => break sum(&end),
                row => batch.push(Row::from_json(row, &columns)?),
            }
            if batch.len() == BATCH {
                send(Item::Rows(std::mem::take(&mut batch)))?;
            }
        };
        if !batch.is_empty() {
            send(Item::Rows(batch))?;
        }
        let sum = sum.ok_or_else(|| damaged("a table has no end"))?;
        send(Item::EndOfTable(sum))?;
    }
}

fn table(head: &Map<String, Json>) -> Option<(String, Vec<Column>)> {
    let column = |json: &Json| {
        Some(Column {
            name: json.get("name")?.as_str()?.to_owned(),
            kind: serde_json::from_value::<Kind>(json.get("kind")?.clone()).ok()?,
        })
    };
    let columns = head.get("columns")?.as_array()?.iter().map(column);
    let name = head.get("table")?.as_str()?.to_owned();
    Some((name, columns.collect::<Option<_>>()?))
}

fn sum(end: &Map<String, Json>) -> Option<Sum> {
    Some(Sum {
        rows: end.get("rows")?.as_u64()?,
        check: u128::from_str_radix(end.get("check")?.as_str()?, 16).ok()?,
    })
}

/// The lines of a file that may be anything.
struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    fn json(&mut self) -> Result<Json, MoveError> {
        let mut line = Vec::new();
        (&mut self.0)
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)
            .map_err(|error| damaged(error.to_string()))?;
        if line.last() != Some(&b'\n') {
            return Err(damaged("its end is missing"));
        }
        serde_json::from_slice(&line)
            .map_err(|error| damaged(format!("a line is no JSON: {error}")))
    }

    fn object(&mut self) -> Result<Map<String, Json>, MoveError> {
        match self.json()? {
            Json::Object(object) => Ok(object),
            _ => Err(damaged("a line is out of place")),
        }
    }
}
