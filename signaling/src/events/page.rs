//! The page of an event, in one request.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{Event, EventPage as Rows, PageSession, Registration};
use weir_protocol::{
    EventDetails, EventPage, EventSession, EventSessionSpeaker, EventSlug, EventSummary,
    MyRegistration, RegistrationStatus, SessionStream, room::RoomName,
};

use super::{Ticket, asker, branding, no_event};
use crate::{
    ApiError, App, Refusals,
    api::{Guest, Json, Path, Query, scope, version_tag},
    live, rights,
};

/// Parameters of what a private event shows to the invited.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InvitationQuery {
    /// Token of an invitation: lets its bearer see a private event.
    #[param(max_length = 64)]
    pub(super) invitation: Option<String>,
}

/// An event
///
/// Everything that its page shows: the event, its sessions with speakers and live state, and the
/// registration of whoever asks, by credentials or by ticket.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}", tag = "events", security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path), InvitationQuery,
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = OK, body = EventPage), Refusals),
)]
pub(super) async fn show(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    ticket: Ticket,
    Path(slug): Path<String>,
    Query(query): Query<InvitationQuery>,
) -> Result<Response, ApiError> {
    let slug = slug.parse().map_err(|_| no_event())?;
    let db = &app.services.db;
    let rows = db.event_page(&slug, asker(user.as_ref(), ticket)).await?;
    let rows = rows.ok_or_else(no_event)?;
    let seen = rights::sees_event(user.as_ref(), &rows.event, rows.part);
    if !seen
        && !app
            .invited(&rows.event, query.invitation.as_deref())
            .await?
    {
        return Err(no_event());
    }
    let may_edit = user
        .as_ref()
        .is_some_and(|user| rights::may_organise(user, &rows.event, rows.part).is_ok());
    let tag = version_tag(rows.event.version);
    let sessions = rows
        .sessions
        .iter()
        .map(|session| described(&app, &rows.event.fields.slug, session))
        .collect();
    let page = EventPage {
        registration: rows
            .registration
            .as_ref()
            .map(|(registration, position)| my(registration, *position, None)),
        may_edit,
        sessions,
        event: details(&rows, may_edit),
    };
    Ok(([(header::ETAG, tag)], Json(page)).into_response())
}

/// An event as lists show it.
pub(super) fn summary(event: &Event) -> EventSummary {
    let fields = &event.fields;
    EventSummary {
        slug: fields.slug.clone(),
        title: fields.title.clone(),
        time_zone: fields.time_zone.clone(),
        starts_at: fields.starts_at,
        ends_at: fields.ends_at,
        visibility: fields.visibility,
        state: event.state,
        branding: fields.branding.clone(),
    }
}

pub(super) fn details(rows: &Rows, may_edit: bool) -> EventDetails {
    let fields = &rows.event.fields;
    let warnings = match may_edit {
        true => branding::check(&fields.branding).unwrap_or_default(),
        false => Vec::new(),
    };
    EventDetails {
        summary: summary(&rows.event),
        description: fields.description.clone(),
        owner: rows.owner.clone(),
        organisers: rows.organisers.clone(),
        attendee_limit: fields.attendee_limit,
        places_taken: rows.taken,
        registration_opens_at: fields.registration_opens_at,
        registration_closes_at: fields.registration_closes_at,
        registration_open: rows.event.takes_registrations(live::now()),
        approval: fields.approval,
        version: rows.event.version,
        warnings,
    }
}

pub(super) fn described(app: &App, event: &EventSlug, row: &PageSession) -> EventSession {
    let fields = &row.session.fields;
    let speakers = row.speakers.iter().map(|speaker| EventSessionSpeaker {
        user: speaker.user.clone(),
        name: speaker.name.clone(),
        bio: speaker.bio.clone(),
    });
    let stream = row.stream.as_ref().map(|stream| {
        let (live, viewers) = app.services.live.glance(stream.id);
        SessionStream {
            slug: stream.slug.clone(),
            title: stream.title.clone(),
            live,
            viewers,
        }
    });
    let room = RoomName::Event {
        event: event.clone(),
        session: fields.slug.clone(),
    };
    EventSession {
        slug: fields.slug.clone(),
        title: fields.title.clone(),
        description: fields.description.clone(),
        starts_at: fields.starts_at,
        ends_at: fields.ends_at,
        stage: fields.stage.clone(),
        position: fields.position,
        speakers: speakers.collect(),
        stream,
        room: room.to_string(),
        version: row.session.version,
    }
}

/// A registration for whoever made it.
pub(super) fn my(
    registration: &Registration,
    position: u32,
    ticket: Option<String>,
) -> MyRegistration {
    MyRegistration {
        id: registration.id.to_string(),
        name: registration.name.clone(),
        status: registration.status,
        waiting_position: (position > 0).then_some(position),
        checked_in_at: registration.checked_in_at,
        created_at: registration.created_at,
        ticket,
    }
}

/// Whether somebody with this status belongs to the event.
pub(super) fn takes_part(status: RegistrationStatus) -> bool {
    use RegistrationStatus::{Cancelled, Confirmed, Pending, Rejected, Waiting};
    match status {
        Pending | Confirmed | Waiting => true,
        Rejected | Cancelled => false,
    }
}
