//! Calendar files (RFC 5545). Times are moments in UTC: an event is at one moment, whatever zone a
//! calendar shows, and whatever becomes of that zone's rules.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use icalendar::{Calendar, Component as _, EventLike as _, EventStatus, Property};
use serde::{Deserialize, Serialize};
use weir_db::{Event, EventSession};
use weir_protocol::{EventSlug, EventState};

use super::{TOKEN_MAX, Ticket, letters, page::InvitationQuery};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, Json, Path, Query, scope},
    keys,
};

/// An event as a calendar file
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/calendar.ics", tag = "events",
    security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path), InvitationQuery,
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = OK, body = String, content_type = "text/calendar"), Refusals),
)]
pub(super) async fn event(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    ticket: Ticket,
    Path(slug): Path<String>,
    Query(query): Query<InvitationQuery>,
) -> Result<Response, ApiError> {
    let (event, _) = app
        .visible_event(&slug, user.as_ref(), ticket, query.invitation.as_deref())
        .await?;
    let mut calendar = empty(&event.fields.title, Some(&event.fields.time_zone));
    calendar.push(of_event(&app, &event, true));
    Ok(file(&calendar, event.fields.slug.as_str()))
}

/// A session as a calendar file
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/sessions/{session}/calendar.ics", tag = "events",
    security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path), ("session" = EventSlug, Path), InvitationQuery,
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = OK, body = String, content_type = "text/calendar"), Refusals),
)]
pub(super) async fn session(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    ticket: Ticket,
    Path((slug, session)): Path<(String, String)>,
    Query(query): Query<InvitationQuery>,
) -> Result<Response, ApiError> {
    let (event, _) = app
        .visible_event(&slug, user.as_ref(), ticket, query.invitation.as_deref())
        .await?;
    let session = app.session_of(&event, &session).await?;
    let mut calendar = empty(&event.fields.title, Some(&event.fields.time_zone));
    calendar.push(of_session(&app, &event, &session));
    let name = format!("{}-{}", event.fields.slug, session.fields.slug);
    Ok(file(&calendar, &name))
}

/// Where somebody's calendar is.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub(super) struct CalendarAddress {
    /// Secret: whoever has it reads the calendar. Shown this once.
    url: String,
}

/// Make an address for your calendar
///
/// A calendar program reads the events there that you attend, organise or speak at. The address
/// before it, if any, is worth nothing from now on.
#[utoipa::path(
    post, path = "/api/v1/me/calendar", tag = "events",
    responses((status = CREATED, body = CalendarAddress), Refusals),
)]
pub(super) async fn make(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let config = &app.services.config;
    let base = config.addresses.base(&uri, &headers);
    let base =
        base.ok_or_else(|| ApiError::BadRequest("the request has no usable Host field".into()))?;
    let (token, hash) = keys::generate();
    app.services.db.set_calendar_token(user.id, hash).await?;
    let base = base.as_str().trim_end_matches('/');
    let url = format!("{base}/api/v1/calendars/{}", token.reveal());
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Json(CalendarAddress { url })).into_response())
}

/// Take your calendar's address back
#[utoipa::path(
    delete, path = "/api/v1/me/calendar", tag = "events",
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
) -> Result<StatusCode, ApiError> {
    app.services.db.remove_calendar_token(user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody's calendar
///
/// The token in the address is all the right that is needed: calendar programs send no credentials.
#[utoipa::path(
    get, path = "/api/v1/calendars/{token}", tag = "events", security(()),
    params(("token" = String, Path, max_length = 64)),
    responses((status = OK, body = String, content_type = "text/calendar"), Refusals),
)]
pub(super) async fn feed(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    let none = ApiError::NotFound("calendar");
    if token.len() > TOKEN_MAX {
        return Err(none);
    }
    let db = &app.services.db;
    let owner = db.calendar_owner(keys::hash(&token)).await?.ok_or(none)?;
    let mut calendar = empty("My events", None);
    for entry in db.calendar_of(owner).await? {
        calendar.push(of_event(&app, &entry.event, entry.certain));
    }
    Ok(file(&calendar, "events"))
}

fn empty(name: &str, time_zone: Option<&str>) -> Calendar {
    let mut calendar = Calendar::empty();
    calendar.append_property(Property::new("VERSION", "2.0"));
    calendar.append_property(Property::new("PRODID", "-//Weir//Events//EN"));
    calendar.append_property(Property::new("CALSCALE", "GREGORIAN"));
    calendar.append_property(Property::new("METHOD", "PUBLISH"));
    calendar.name(name);
    if let Some(time_zone) = time_zone {
        calendar.timezone(time_zone);
    }
    calendar
}

fn of_event(app: &App, event: &Event, certain: bool) -> icalendar::Event {
    let fields = &event.fields;
    entry(&Entry {
        uid: format!("event-{}@weir", event.id),
        // Each change counts its version up, so a calendar program takes the newest.
        sequence: event.version,
        title: fields.title.clone(),
        description: &fields.description,
        starts_at: fields.starts_at,
        ends_at: fields.ends_at,
        place: "",
        page: letters::page(app, event),
        updated_at: event.updated_at,
        status: status(event, certain),
    })
}

fn of_session(app: &App, event: &Event, session: &EventSession) -> icalendar::Event {
    let fields = &session.fields;
    entry(&Entry {
        uid: format!("session-{}@weir", session.id),
        // A change of the event, like its being cancelled, is one of the session.
        sequence: event.version + session.version,
        title: format!("{}: {}", event.fields.title, fields.title),
        description: &fields.description,
        starts_at: fields.starts_at,
        ends_at: fields.ends_at,
        place: &fields.stage,
        page: letters::page(app, event),
        updated_at: session.updated_at.max(event.updated_at),
        status: status(event, true),
    })
}

fn status(event: &Event, certain: bool) -> EventStatus {
    match event.state {
        EventState::Cancelled => EventStatus::Cancelled,
        EventState::Draft => EventStatus::Tentative,
        EventState::Published | EventState::Ended if certain => EventStatus::Confirmed,
        EventState::Published | EventState::Ended => EventStatus::Tentative,
    }
}

struct Entry<'a> {
    uid: String,
    sequence: i64,
    title: String,
    description: &'a str,
    starts_at: i64,
    ends_at: i64,
    place: &'a str,
    page: String,
    updated_at: i64,
    status: EventStatus,
}

fn entry(entry: &Entry<'_>) -> icalendar::Event {
    let mut event = icalendar::Event::with_uid(&entry.uid);
    event
        .sequence(u32::try_from(entry.sequence).unwrap_or(u32::MAX))
        .summary(&entry.title)
        .starts(moment(entry.starts_at))
        .ends(moment(entry.ends_at))
        .timestamp(moment(entry.updated_at))
        .last_modified(moment(entry.updated_at))
        .url(&entry.page)
        .status(entry.status);
    if !entry.description.is_empty() {
        event.description(entry.description);
    }
    if !entry.place.is_empty() {
        event.location(entry.place);
    }
    event.done()
}

fn moment(at: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).unwrap_or_default()
}

fn file(calendar: &Calendar, name: &str) -> Response {
    let name = format!("inline; filename=\"{name}.ics\"");
    let name = HeaderValue::try_from(name).expect("slugs are plain ASCII");
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/calendar; charset=utf-8"),
        ),
        (header::CONTENT_DISPOSITION, name),
    ];
    (headers, calendar.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(status: EventStatus) -> String {
        let mut calendar = empty("Name", Some("Europe/Berlin"));
        calendar.push(entry(&Entry {
            uid: "event-1@weir".into(),
            sequence: 3,
            title: "Tea, cake; \\ more".into(),
            description: "First line\nsecond line",
            // 2026-03-29T00:30:00Z: half an hour before Berlin's clocks go forward.
            starts_at: 1_774_744_200_000,
            ends_at: 1_774_749_600_000,
            place: "Tent",
            page: "https://example.org/events/x".into(),
            updated_at: 1_774_000_000_000,
            status,
        }));
        calendar.to_string()
    }

    #[test]
    fn an_event_is_at_one_moment_whatever_the_clocks_do() {
        let text = text(EventStatus::Confirmed);
        for line in [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Weir//Events//EN",
            "UID:event-1@weir",
            "SEQUENCE:3",
            "DTSTART:20260329T003000Z",
            "DTEND:20260329T020000Z",
            "SUMMARY:Tea\\, cake\\; \\\\ more",
            "DESCRIPTION:First line\\nsecond line",
            "STATUS:CONFIRMED",
            "END:VCALENDAR",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
        }
    }

    #[test]
    fn a_cancelled_event_says_so() {
        assert!(text(EventStatus::Cancelled).contains("STATUS:CANCELLED\r\n"));
    }
}
