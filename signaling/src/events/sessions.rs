//! Sessions of an event.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_db::{Asker, DbError, Event, EventSessionId, RoomSubject, SessionFields, Stream, User};
use weir_protocol::{
    CreateEventSession, EditEventSession, EventSession, EventSlug, SetSessionStream, StreamSlug,
};

use super::{Ticket, check, page, page::InvitationQuery};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, IfMatch, Json, Path, Query, scope, version_tag},
    rights,
};

/// Create a session of an event
#[utoipa::path(
    post, path = "/api/v1/events/{slug}/sessions", tag = "events",
    params(("slug" = EventSlug, Path)),
    request_body = CreateEventSession,
    responses((status = CREATED, body = EventSession), Refusals),
)]
pub(super) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
    Json(new): Json<CreateEventSession>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    check::times(new.starts_at, new.ends_at)?;
    position(new.position)?;
    let speakers = check::speakers(&app, new.speakers).await?;
    let stream = match new.stream {
        Some(stream) => Some(shown(&app, &user, &stream, &speakers, None).await?),
        None => None,
    };
    let fields = SessionFields {
        slug: new.slug,
        title: check::title(&new.title)?,
        description: check::description(&new.description)?,
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        stage: check::stage(&new.stage)?,
        position: new.position,
        stream: stream.as_ref().map(|(stream, _)| stream.id),
        stream_agreed: stream.is_some_and(|(_, agreed)| agreed),
    };
    let db = &app.services.db;
    let session = db.create_event_session(event.id, fields, &speakers).await;
    let session = session.map_err(clear)?;
    let slug = session.fields.slug;
    let location = format!("/api/v1/events/{}/sessions/{slug}", event.fields.slug);
    let location = HeaderValue::try_from(location).expect("slugs are plain ASCII");
    let answer = answer(&app, &event, &slug).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer).into_response())
}

/// A session of an event
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/sessions/{session}", tag = "events",
    security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path), ("session" = EventSlug, Path), InvitationQuery,
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = OK, body = EventSession), Refusals),
)]
pub(super) async fn show(
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
    Ok(answer(&app, &event, &session.fields.slug)
        .await?
        .into_response())
}

/// Change a session of an event
#[utoipa::path(
    patch, path = "/api/v1/events/{slug}/sessions/{session}", tag = "events",
    params(
        ("slug" = EventSlug, Path), ("session" = EventSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the session that was read"),
    ),
    request_body = EditEventSession,
    responses((status = OK, body = EventSession), Refusals),
)]
pub(super) async fn edit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    condition: IfMatch,
    Path((slug, session)): Path<(String, String)>,
    Json(edit): Json<EditEventSession>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let mut session = app.session_of(&event, &session).await?;
    condition.check(session.version)?;
    let fields = &mut session.fields;
    if let Some(title) = edit.title {
        fields.title = check::title(&title)?;
    }
    if let Some(description) = edit.description {
        fields.description = check::description(&description)?;
    }
    if let Some(stage) = edit.stage {
        fields.stage = check::stage(&stage)?;
    }
    if let Some(place) = edit.position {
        position(place)?;
        fields.position = place;
    }
    fields.starts_at = edit.starts_at.unwrap_or(fields.starts_at);
    fields.ends_at = edit.ends_at.unwrap_or(fields.ends_at);
    check::times(fields.starts_at, fields.ends_at)?;
    let speakers = match edit.speakers {
        Some(speakers) => Some(check::speakers(&app, speakers).await?),
        None => None,
    };
    match edit.stream {
        None => {}
        Some(None) => (fields.stream, fields.stream_agreed) = (None, false),
        Some(Some(stream)) => {
            let (stream, agreed) = shown(
                &app,
                &user,
                &stream,
                speakers.as_deref().unwrap_or_default(),
                Some(session.id),
            )
            .await?;
            // What a speaker has agreed to stays so.
            let agreed = agreed || (fields.stream == Some(stream.id) && fields.stream_agreed);
            (fields.stream, fields.stream_agreed) = (Some(stream.id), agreed);
        }
    }
    let db = &app.services.db;
    let written = db
        .update_event_session(&session, speakers.as_deref(), session.version)
        .await
        .map_err(clear)?;
    let written = written.ok_or(ApiError::Changed)?;
    Ok(answer(&app, &event, &written.fields.slug)
        .await?
        .into_response())
}

/// Show a session on your own stream
///
/// For its speakers. Attendees may then watch the stream, even if it is private.
#[utoipa::path(
    put, path = "/api/v1/events/{slug}/sessions/{session}/stream", tag = "events",
    params(("slug" = EventSlug, Path), ("session" = EventSlug, Path)),
    request_body = SetSessionStream,
    responses((status = OK, body = EventSession), Refusals),
)]
pub(super) async fn set_stream(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path((slug, session)): Path<(String, String)>,
    Json(SetSessionStream { stream }): Json<SetSessionStream>,
) -> Result<Response, ApiError> {
    let (event, part) = app
        .visible_event(&slug, Some(&user), Ticket(None), None)
        .await?;
    let mut session = app.session_of(&event, &session).await?;
    let db = &app.services.db;
    if rights::may_organise(&user, &event, part).is_err()
        && !db.speaks_in(session.id, user.id).await?
    {
        return Err(ApiError::Forbidden("you do not speak in this session"));
    }
    let stream = app.stream(stream.as_str()).await?;
    rights::may_change(&user, &stream)?;
    (session.fields.stream, session.fields.stream_agreed) = (Some(stream.id), true);
    let written = db
        .update_event_session(&session, None, session.version)
        .await
        .map_err(clear)?;
    let written = written.ok_or(ApiError::Changed)?;
    Ok(answer(&app, &event, &written.fields.slug)
        .await?
        .into_response())
}

/// Delete a session of an event
///
/// With its room and its figures.
#[utoipa::path(
    delete, path = "/api/v1/events/{slug}/sessions/{session}", tag = "events",
    params(
        ("slug" = EventSlug, Path), ("session" = EventSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the session that was read"),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    condition: IfMatch,
    Path((slug, session)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let session = app.session_of(&event, &session).await?;
    condition.check(session.version)?;
    let db = &app.services.db;
    if !db
        .delete_event_session(session.id, Some(session.version))
        .await?
    {
        return Err(ApiError::Changed);
    }
    close_room(&app, session.id);
    Ok(StatusCode::NO_CONTENT)
}

/// The room of a session that is gone: its members leave, and what was said is removed.
pub(super) fn close_room(app: &App, session: EventSessionId) {
    let subject = RoomSubject::EventSession(session.get());
    app.rooms.close(subject);
    let db = app.services.db.clone();
    app.services.live.spawn_kept(async move {
        if let Err(error) = db.delete_room(subject).await {
            tracing::warn!(%error, "the room of a deleted session could not be removed");
        }
    });
}

fn position(position: u32) -> Result<(), ApiError> {
    if position > 10_000 {
        return Err(ApiError::BadRequest("position is at most 10000".into()));
    }
    Ok(())
}

/// A stream that shows a session, and whether its owner agrees by this that attendees watch it. Others'
/// streams may be shown where everybody may watch them anyway: their owners agree by doing it themselves.
async fn shown(
    app: &App,
    user: &User,
    slug: &StreamSlug,
    speakers: &[weir_db::SpeakerRow],
    session: Option<EventSessionId>,
) -> Result<(Stream, bool), ApiError> {
    let unknown = || {
        ApiError::Unprocessable(
            "the stream must be yours, or a public one of a speaker; a speaker shows a private stream by \
             PUT …/stream"
                .into(),
        )
    };
    let stream = app.services.db.stream_by_slug(slug).await?;
    let stream = stream.ok_or_else(unknown)?;
    if rights::may_change(user, &stream).is_ok() {
        return Ok((stream, true));
    }
    let public = stream.details.visibility == weir_protocol::Visibility::Public;
    let by_speaker = match (stream.owner, session) {
        (None, _) => false,
        (Some(owner), _) if speakers.iter().any(|it| it.user == Some(owner)) => true,
        (Some(owner), Some(session)) => app.services.db.speaks_in(session, owner).await?,
        (Some(_), None) => false,
    };
    match by_speaker && public {
        true => Ok((stream, false)),
        false => Err(unknown()),
    }
}

fn clear(error: DbError) -> ApiError {
    match error {
        DbError::Conflict { what: "stage" } => ApiError::Conflict(
            "another session is on this stage at that time; choose another time or another stage"
                .into(),
        ),
        other => other.into(),
    }
}

async fn answer(
    app: &App,
    event: &Event,
    session: &EventSlug,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let db = &app.services.db;
    let rows = db.event_page(&event.fields.slug, Asker::Nobody).await?;
    let row = rows.and_then(|rows| {
        let mut sessions = rows.sessions.into_iter();
        sessions.find(|it| it.session.fields.slug == *session)
    });
    let row = row.ok_or(ApiError::NotFound("session"))?;
    let tag = version_tag(row.session.version);
    let described = page::described(app, &event.fields.slug, &row);
    Ok(([(header::ETAG, tag)], Json(described)))
}
