//! Coming streams: planned by those who keep order in a stream, read by everybody who may see it, also as
//! a calendar.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use icalendar::{Calendar, Component, Event};
use weir_db::{NewScheduled, ScheduleId, Scheduled};
use weir_protocol::{DESCRIPTION_MAX, Page, PlanStream, PlannedStream, StreamSlug, TITLE_MAX};

use super::texts;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
    live,
    rest::events::ViewerTokenQuery,
    watching::Viewer,
};

/// Longest stream that can be planned, in milliseconds.
const LONGEST: i64 = 7 * 24 * 60 * 60 * 1000;

/// Last moment that can be planned: the end of the year 9999, where calendars end.
const LAST: i64 = 253_402_300_799_000;

/// Entries of a calendar file.
const CALENDAR: u32 = 200;

const UNKNOWN: ApiError = ApiError::NotFound("planned stream");

/// Where a list goes on: start and id of its last entry.
type At = (i64, String);

/// List what is planned for a stream
///
/// The next first; what is over is left out.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/schedule", tag = "schedule", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<PlannedStream>), Refusals),
)]
pub(crate) async fn of_stream(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
    viewer: Viewer,
) -> Result<Json<Page<PlannedStream>>, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let limit = query.limit()?;
    let db = &app.services.db;
    let rows = db
        .schedule_of(stream.id, live::now(), after(&query)?, limit + 1)
        .await?;
    Ok(Json(page(rows, limit, place, planned)))
}

/// Plan a stream
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/schedule", tag = "schedule",
    params(("slug" = StreamSlug, Path)),
    request_body = PlanStream,
    responses((status = CREATED, body = PlannedStream, headers(("Location" = String))), Refusals),
)]
pub(crate) async fn plan(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    Json(new): Json<PlanStream>,
) -> Result<Response, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let entry = checked(new)?;
    let db = &app.services.db;
    let id = db.create_scheduled(stream.id, &entry).await?;
    let row = db.scheduled(stream.id, id).await?.ok_or(UNKNOWN)?;
    let location = format!("/api/v1/streams/{}/schedule/{id}", stream.slug);
    let location = HeaderValue::try_from(location).expect("a slug and digits");
    let headers = [
        (header::LOCATION, location),
        (header::ETAG, version_tag(row.version)),
    ];
    Ok((StatusCode::CREATED, headers, Json(planned(row))).into_response())
}

/// A planned stream
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/schedule/{id}", tag = "schedule", security((), ("bearer" = [])),
    params(
        ("slug" = StreamSlug, Path),
        ("id" = String, Path, description = "Of the entry"),
        ViewerTokenQuery,
    ),
    responses((status = OK, body = PlannedStream, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path((slug, id)): Path<(String, String)>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let row = app.services.db.scheduled(stream.id, parsed(&id)?).await?;
    let row = row.ok_or(UNKNOWN)?;
    let tag = version_tag(row.version);
    Ok(([(header::ETAG, tag)], Json(planned(row))))
}

/// Change a planned stream
#[utoipa::path(
    put, path = "/api/v1/streams/{slug}/schedule/{id}", tag = "schedule",
    params(
        ("slug" = StreamSlug, Path),
        ("id" = String, Path, description = "Of the entry"),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is changed"),
    ),
    request_body = PlanStream,
    responses((status = OK, body = PlannedStream, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn change(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path((slug, id)): Path<(String, String)>,
    condition: IfMatch,
    Json(new): Json<PlanStream>,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let entry = checked(new)?;
    let (db, id) = (&app.services.db, parsed(&id)?);
    let row = db.scheduled(stream.id, id).await?.ok_or(UNKNOWN)?;
    condition.check(row.version)?;
    if !db.edit_scheduled(id, row.version, &entry).await? {
        return Err(ApiError::Changed);
    }
    let row = db.scheduled(stream.id, id).await?.ok_or(UNKNOWN)?;
    let tag = version_tag(row.version);
    Ok(([(header::ETAG, tag)], Json(planned(row))))
}

/// Take a plan back
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/schedule/{id}", tag = "schedule",
    params(
        ("slug" = StreamSlug, Path),
        ("id" = String, Path, description = "Of the entry"),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is taken back"),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn take_back(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path((slug, id)): Path<(String, String)>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let (db, id) = (&app.services.db, parsed(&id)?);
    let row = db.scheduled(stream.id, id).await?.ok_or(UNKNOWN)?;
    condition.check(row.version)?;
    db.delete_scheduled(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A stream's plans as a calendar
///
/// iCalendar (RFC 5545), to subscribe to.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/schedule.ics", tag = "schedule", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ViewerTokenQuery),
    responses((status = OK, body = String, content_type = "text/calendar"), Refusals),
)]
pub(crate) async fn calendar_of_stream(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let db = &app.services.db;
    let rows = db
        .schedule_of(stream.id, live::now(), None, CALENDAR)
        .await?;
    Ok(file(&stream.title, &rows))
}

/// List what is planned
///
/// By public streams, the next first; what has begun is left out.
#[utoipa::path(
    get, path = "/api/v1/schedule", tag = "schedule", security((), ("bearer" = [])),
    params(PageQuery),
    responses((status = OK, body = Page<PlannedStream>), Refusals),
)]
pub(crate) async fn upcoming(
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PlannedStream>>, ApiError> {
    let limit = query.limit()?;
    let db = &app.services.db;
    let rows = db.upcoming(live::now(), after(&query)?, limit + 1).await?;
    Ok(Json(page(rows, limit, place, planned)))
}

/// What is planned as a calendar
///
/// iCalendar (RFC 5545), to subscribe to.
#[utoipa::path(
    get, path = "/api/v1/schedule.ics", tag = "schedule", security((), ("bearer" = [])),
    responses((status = OK, body = String, content_type = "text/calendar"), Refusals),
)]
pub(crate) async fn calendar(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    let rows = app
        .services
        .db
        .upcoming(live::now(), None, CALENDAR)
        .await?;
    Ok(file("Coming streams", &rows))
}

fn checked(new: PlanStream) -> Result<NewScheduled, ApiError> {
    let lasts = new.ends_at.saturating_sub(new.starts_at);
    if new.starts_at < 0 || new.ends_at > LAST || !(1..=LONGEST).contains(&lasts) {
        return Err(ApiError::BadRequest(
            "a planned stream ends after it begins, and lasts seven days at most".to_owned(),
        ));
    }
    Ok(NewScheduled {
        title: texts::line("title", &new.title, TITLE_MAX)?,
        description: texts::text("description", &new.description, DESCRIPTION_MAX)?,
        starts_at: new.starts_at,
        ends_at: new.ends_at,
    })
}

fn planned(row: Scheduled) -> PlannedStream {
    PlannedStream {
        id: row.id.to_string(),
        slug: row.slug,
        title: row.entry.title,
        description: row.entry.description,
        starts_at: row.entry.starts_at,
        ends_at: row.entry.ends_at,
    }
}

fn parsed(id: &str) -> Result<ScheduleId, ApiError> {
    id.parse().map_err(|_| UNKNOWN)
}

fn place(row: &Scheduled) -> At {
    (row.entry.starts_at, row.id.to_string())
}

fn after(query: &PageQuery) -> Result<Option<(i64, ScheduleId)>, ApiError> {
    let at: Option<At> = query.after()?;
    let at = at.map(|(start, id)| id.parse().map(|id| (start, id)));
    at.transpose()
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".to_owned()))
}

fn file(name: &str, rows: &[Scheduled]) -> impl IntoResponse + use<> {
    let mut calendar = Calendar::new();
    calendar.name(name);
    for row in rows {
        let mut event = Event::new();
        event
            .uid(&format!("{}@weir", row.id))
            .summary(&row.entry.title)
            .sequence(u32::try_from(row.version).unwrap_or(u32::MAX));
        if !row.entry.description.is_empty() {
            event.description(&row.entry.description);
        }
        // UTC in the form of RFC 5545 section 3.3.5.
        for (property, millis) in [
            ("DTSTAMP", row.updated_at),
            ("DTSTART", row.entry.starts_at),
            ("DTEND", row.entry.ends_at),
        ] {
            event.add_property(property, utc(millis));
        }
        calendar.push(event.done());
    }
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CACHE_CONTROL, "private, max-age=60"),
    ];
    (headers, calendar.to_string())
}

/// `20261121T120000Z`. Civil date from days since 1970 (Howard Hinnant's algorithm for the proleptic
/// Gregorian calendar).
fn utc(millis: i64) -> String {
    let seconds = millis.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_calendars_read_them() {
        assert_eq!(utc(0), "19700101T000000Z");
        assert_eq!(utc(951_782_400_000), "20000229T000000Z");
        assert_eq!(utc(1_795_262_706_000), "20261121T120506Z");
        assert_eq!(utc(LAST), "99991231T235959Z");
    }
}
