//! Lists as CSV (RFC 4180), for spreadsheets.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use weir_db::RegistrationsQuery;
use weir_protocol::EventSlug;

use super::{registrations, report};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Path, scope},
};

/// Rows in a file at most.
const ROWS: u32 = 200_000;

/// Registrations of an event as CSV
///
/// For its organisers.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/registrations.csv", tag = "events",
    params(("slug" = EventSlug, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(super) async fn registrations(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let query = RegistrationsQuery {
        limit: ROWS,
        ..RegistrationsQuery::default()
    };
    let rows = app
        .services
        .db
        .event_registrations(event.id, &query)
        .await?;
    let head = [
        "id",
        "user",
        "name",
        "email",
        "status",
        "invited",
        "checked_in_at",
        "created_at",
    ];
    let rows = rows.into_iter().map(registrations::row).map(|row| {
        vec![
            row.id,
            text(row.user),
            safe(&row.name),
            text(row.email),
            row.status.as_str().to_owned(),
            row.invited.to_string(),
            moment(row.checked_in_at),
            moment(Some(row.created_at)),
        ]
    });
    file(&event.fields.slug, "registrations", &head, rows)
}

/// Attendance by person as CSV
///
/// For the event's organisers.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/attendance.csv", tag = "events",
    params(("slug" = EventSlug, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(super) async fn attendance(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let rows = app.services.db.attendees(event.id, None, ROWS).await?;
    let head = [
        "user",
        "name",
        "status",
        "checked_in_at",
        "first_seen_at",
        "last_seen_at",
        "sessions",
        "watch_seconds",
    ];
    let rows = rows.into_iter().map(report::attendee).map(|row| {
        vec![
            text(row.user),
            safe(&row.name),
            row.status
                .map(|it| it.as_str().to_owned())
                .unwrap_or_default(),
            moment(row.checked_in_at),
            moment(row.first_seen_at),
            moment(row.last_seen_at),
            row.sessions.to_string(),
            (row.watch_ms / 1000).to_string(),
        ]
    });
    file(&event.fields.slug, "attendance", &head, rows)
}

/// Activity of an event by session as CSV
///
/// For its organisers.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/report.csv", tag = "events",
    params(("slug" = EventSlug, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(super) async fn report(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let report = report::of(&app, event.id).await?;
    let head = [
        "session",
        "title",
        "starts_at",
        "ends_at",
        "attendees",
        "peak",
        "watch_seconds",
    ];
    let rows = report.sessions.into_iter().map(|row| {
        vec![
            row.slug.to_string(),
            safe(&row.title),
            moment(Some(row.starts_at)),
            moment(Some(row.ends_at)),
            row.attendees.to_string(),
            row.peak.to_string(),
            (row.watch_ms / 1000).to_string(),
        ]
    });
    file(&event.fields.slug, "report", &head, rows)
}

fn file(
    event: &EventSlug,
    what: &str,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<Response, ApiError> {
    let written = || -> csv::Result<Vec<u8>> {
        let mut csv = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        csv.write_record(head)?;
        for row in rows {
            csv.write_record(row)?;
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    };
    let text = written().map_err(|error| {
        tracing::error!(%error, "a CSV file could not be written");
        ApiError::Internal
    })?;
    let name = format!("attachment; filename=\"{event}-{what}.csv\"");
    let name = HeaderValue::try_from(name).expect("a slug is plain ASCII");
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
        ),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, text).into_response())
}

fn text(text: Option<String>) -> String {
    safe(&text.unwrap_or_default())
}

/// A spreadsheet takes what begins so for a formula, and would run what an attendee wrote.
fn safe(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

/// RFC 3339, in UTC.
fn moment(at: Option<i64>) -> String {
    let at = at.and_then(chrono::DateTime::from_timestamp_millis);
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        assert_eq!(safe("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(safe("Anna"), "Anna");
        assert_eq!(moment(Some(0)), "1970-01-01T00:00:00Z");
        assert_eq!(moment(None), "");
    }
}
