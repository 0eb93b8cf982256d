//! Users from a CSV file, over HTTP and on the command line.

use std::collections::HashMap;

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, header},
};
use csv::StringRecord;
use futures_util::future::try_join_all;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{Db, DbError, ImportOutcome, ImportRow, Role};
use weir_protocol::{ImportReport, ImportedRow, RowOutcome};

use super::{check, profile::DISPLAY_NAME_MAX};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Query, scope},
    passwords, rights,
    site::audit::{self, Object},
};

/// Largest file in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Most rows in a file.
const MAX_ROWS: usize = 20_000;

/// Passwords that are hashed in one request: each takes tens of milliseconds of a core, and others want to
/// log in meanwhile. The command line has no such limit.
const MAX_PASSWORDS: usize = 200;

/// Where users are imported over HTTP.
pub(crate) const IMPORT: &str = "/api/v1/admin/users/import";

const COLUMNS: [&str; 5] = ["name", "email", "role", "display_name", "password"];

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it must be; says how it must be.
    #[error("{0}")]
    File(String),
    /// The database refused or failed. Nothing was written.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ImportError> for ApiError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::File(why) => Self::BadRequest(why),
            ImportError::Db(DbError::Conflict { .. }) => Self::Conflict(
                "somebody registered with one of these names just now; nothing was written, try again"
                    .into(),
            ),
            ImportError::Db(error) => error.into(),
        }
    }
}

/// Imports have their own limit of size.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
}

/// How to import.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Import users from CSV
///
/// The first line names the columns: `name`, and any of `email`, `role`, `display_name` and `password`. Users
/// who exist are brought up to date; empty cells leave what is there. New users without a password are sent
/// an invitation. Rows that cannot be used are left out and reported; all others are written, or none. At
/// most 20,000 rows, 200 of them with a password: the command line (`weir user import`) has no such limit.
#[utoipa::path(
    post, path = "/api/v1/admin/users/import", tag = "administration",
    params(ImportQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = OK, body = ImportReport), Refusals),
)]
pub(super) async fn import(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Query(ImportQuery { dry_run }): Query<ImportQuery>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ImportReport>, ApiError> {
    rights::may_administer(&user)?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("text/csv")) {
        return Err(ApiError::UnsupportedMediaType("text/csv"));
    }
    let report = import_users(&app.services.db, &body?, dry_run, Some(MAX_PASSWORDS)).await?;
    tracing::info!(
        by = %user.name, dry_run, created = report.created, updated = report.updated,
        errors = report.errors, "users imported"
    );
    if !dry_run {
        audit::log(&app, &user, "import_users", Object::none()).await?;
    }
    app.people.mailer.wake();
    Ok(Json(report))
}

/// Imports users from a CSV file with a heading, and reports every row. More passwords than `max_passwords`
/// are refused.
///
/// # Errors
/// When the file cannot be read at all, or the database fails. Nothing was written then.
pub async fn import_users(
    db: &Db,
    file: &[u8],
    dry_run: bool,
    max_passwords: Option<usize>,
) -> Result<ImportReport, ImportError> {
    let mut rows = read(file)?;
    let with_password = rows.iter().filter(|row| row.password.is_some()).count();
    if let Some(max) = max_passwords
        && with_password > max
    {
        return Err(ImportError::File(format!(
            "the file has {with_password} passwords; at most {max} can be set in one request: leave the \
             others out (their users are invited by mail), or use the command line"
        )));
    }
    let mut good: Vec<ImportRow> = Vec::with_capacity(rows.len());
    let mut hashes = Vec::new();
    for row in &mut rows {
        let Ok(user) = &row.user else { continue };
        let mut user = user.clone();
        if let Some(password) = row.password.take() {
            // Of the right form, but of nothing: what becomes of the row does not depend on it.
            user.password_hash = Some(String::new());
            hashes.push((good.len(), password));
        }
        good.push(user);
    }
    if !dry_run {
        let hash = |(index, password)| async move {
            let hash = passwords::hash(password).await;
            hash.map(|hash| (index, hash))
        };
        let hashed = try_join_all(hashes.into_iter().map(hash)).await;
        for (index, hash) in hashed.map_err(|error| ImportError::File(error.to_string()))? {
            good[index].password_hash = Some(hash);
        }
    }
    let mut outcomes = db.import_users(&good, dry_run).await?.into_iter();
    let mut report = ImportReport {
        dry_run,
        ..ImportReport::default()
    };
    for row in rows {
        let outcome = match row.user {
            Ok(_) => outcomes.next().unwrap_or(ImportOutcome::Skipped),
            Err(why) => ImportOutcome::Refused(why),
        };
        let (outcome, error) = match outcome {
            ImportOutcome::Created => (RowOutcome::Created, None),
            ImportOutcome::Updated => (RowOutcome::Updated, None),
            ImportOutcome::Skipped => (RowOutcome::Skipped, None),
            ImportOutcome::Refused(why) => (RowOutcome::Error, Some(why)),
        };
        match outcome {
            RowOutcome::Created => report.created += 1,
            RowOutcome::Updated => report.updated += 1,
            RowOutcome::Skipped => report.skipped += 1,
            RowOutcome::Error => report.errors += 1,
        }
        report.rows.push(ImportedRow {
            line: row.line,
            name: row.name,
            outcome,
            error,
        });
    }
    Ok(report)
}

struct Row {
    line: u64,
    name: String,
    password: Option<String>,
    user: Result<ImportRow, String>,
}

fn read(file: &[u8]) -> Result<Vec<Row>, ImportError> {
    let bad = |why: String| ImportError::File(why);
    // Spreadsheets write a byte order mark.
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(file);
    let heading = reader
        .headers()
        .map_err(|error| bad(format!("the heading cannot be read: {error}")))?;
    let mut places = HashMap::new();
    for (place, column) in heading.iter().enumerate() {
        let column = column.to_lowercase();
        let Some(known) = COLUMNS.into_iter().find(|known| *known == column) else {
            return Err(bad(format!(
                "unknown column {column:?}; known are {}",
                COLUMNS.join(", ")
            )));
        };
        if places.insert(known, place).is_some() {
            return Err(bad(format!("the column {known} stands there twice")));
        }
    }
    if !places.contains_key("name") {
        return Err(bad(
            "the first line must name the columns, with `name` among them".into(),
        ));
    }
    let width = heading.len();
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| bad(format!("the file cannot be read: {error}")))?
    {
        if rows.len() == MAX_ROWS {
            return Err(bad(format!("a file has at most {MAX_ROWS} rows; split it")));
        }
        rows.push(row(&record, &places, width));
    }
    Ok(rows)
}

fn row(record: &StringRecord, places: &HashMap<&str, usize>, width: usize) -> Row {
    let cell = |column: &str| {
        let text = places.get(column).and_then(|place| record.get(*place));
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let password = cell("password");
    let user = || -> Result<ImportRow, String> {
        if record.len() != width {
            return Err(format!(
                "the row has {} cells, the heading {width}; put commas in quotes",
                record.len()
            ));
        }
        let name = cell("name").ok_or("the name is missing")?;
        let name = weir_db::user_name(&name).map_err(|error| error.to_string())?;
        if let Some(password) = &password {
            passwords::check(password).map_err(|error| error.to_string())?;
        }
        let said = |error: ApiError| error.to_string();
        Ok(ImportRow {
            name,
            email: cell("email")
                .map(|email| check::address(&email).map_err(said))
                .transpose()?,
            role: cell("role")
                .map(|role| role.to_lowercase().parse::<Role>())
                .transpose()
                .map_err(|error| error.to_string())?,
            display_name: cell("display_name")
                .map(|name| check::line("a display name", &name, DISPLAY_NAME_MAX).map_err(said))
                .transpose()?,
            password_hash: None,
        })
    };
    Row {
        line: record.position().map_or(0, csv::Position::line),
        name: cell("name").unwrap_or_default(),
        user: user(),
        password,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn errors(file: &str) -> Vec<Option<String>> {
        let rows = read(file.as_bytes()).unwrap();
        rows.into_iter().map(|row| row.user.err()).collect()
    }

    #[test]
    fn each_row_is_judged_by_itself() {
        let found = errors(
            "\u{feff}Name, email,role,display_name,password\n\
             ann,Ann@Example.org,Speaker,\"Ann, the first\",\n\
             ,x@example.org,,,\n\
             b b,,,,longenough\n\
             cid,nowhere,,,\n\
             dan,,king,,\n\
             eve,,,,short\n\
             fay,,\n",
        );
        assert_eq!(found[0], None);
        for (place, word) in [
            (1, "name"),
            (2, "blanks"),
            (3, "e-mail"),
            (4, "role"),
            (5, "password"),
            (6, "cells"),
        ] {
            let why = found[place].as_deref().unwrap();
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn files_that_are_something_else_are_refused() {
        for (file, word) in [
            ("", "name"),
            ("email\nx@example.org\n", "name"),
            ("name,nme\n", "nme"),
            ("name,Name\n", "twice"),
        ] {
            let Err(ImportError::File(why)) = read(file.as_bytes()) else {
                panic!("{file:?} is taken");
            };
            assert!(why.contains(word), "{why}");
        }
        assert!(read(b"name\n\xff\xfe\n").is_err());
    }

    #[test]
    fn lines_are_told_as_an_editor_counts_them() {
        let rows = read(b"name,display_name\nann,\"two\nlines\"\nbob,\n").unwrap();
        assert_eq!((rows[0].line, rows[1].line), (2, 4));
    }
}
