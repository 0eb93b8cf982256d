//! Who came, in numbers.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use weir_db::{AttendeeRow, EventId, SessionFigures};
use weir_protocol::{AttendanceReport, AttendeeReport, EventSlug, Page, SessionReport};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page as pages, scope},
};

/// Attendance by person
///
/// Everybody who registered, and who came without. For the event's organisers; up to date to ten
/// seconds.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/attendance", tag = "events",
    params(("slug" = EventSlug, Path), PageQuery),
    responses((status = OK, body = Page<AttendeeReport>), Refusals),
)]
pub(super) async fn attendees(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let after = after.map(|id| super::id_of(&id, "page")).transpose()?;
    let db = &app.services.db;
    let rows = db.attendees(event.id, after, limit + 1).await?;
    let page = pages(rows, limit, |row| row.cursor.to_string(), attendee);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response())
}

/// Activity of an event
///
/// Registrations, attendance and watch time, of the event and of each session. For the event's
/// organisers.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/report", tag = "events",
    params(("slug" = EventSlug, Path)),
    responses((status = OK, body = AttendanceReport), Refusals),
)]
pub(super) async fn totals(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let report = of(&app, event.id).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(report)).into_response())
}

pub(super) async fn of(app: &App, event: EventId) -> Result<AttendanceReport, ApiError> {
    let db = &app.services.db;
    Ok(AttendanceReport {
        totals: db.event_totals(event).await?,
        sessions: db
            .session_figures(event)
            .await?
            .into_iter()
            .map(session)
            .collect(),
    })
}

fn session(figures: SessionFigures) -> SessionReport {
    SessionReport {
        slug: figures.slug,
        title: figures.title,
        starts_at: figures.starts_at,
        ends_at: figures.ends_at,
        attendees: figures.attendees,
        watch_ms: figures.watch_ms,
        peak: figures.peak,
    }
}

pub(super) fn attendee(row: AttendeeRow) -> AttendeeReport {
    AttendeeReport {
        user: row.user,
        name: row.name,
        status: row.status,
        checked_in_at: row.checked_in_at,
        first_seen_at: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        sessions: row.sessions,
        watch_ms: row.watch_ms,
    }
}
