//! Events are listed, made, changed, published, cancelled and removed.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{Asker, Event, EventFields, EventId, User};
use weir_protocol::{
    CreateEvent, EditEvent, EventDetails, EventSlug, EventState, EventSummary, Page, SetEventState,
};

use super::{check, letters, no_event, page};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page as pages, scope, version_tag},
    rights,
};

/// Which events to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    /// Those that are not over, the next first.
    #[default]
    Upcoming,
    /// Those that are, the latest first.
    Past,
}

/// Parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Which ones.
    #[serde(default)]
    #[param(inline)]
    when: When,
    /// The beginning of a word of the title, in any case.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// List public events
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", security(()),
    params(ListQuery),
    responses((status = OK, body = Page<EventSummary>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<EventSummary>>, ApiError> {
    let search = query.q.unwrap_or_default();
    if search.chars().count() > 100 {
        return Err(ApiError::BadRequest("q has at most 100 characters".into()));
    }
    let at = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (at.limit()?, at.after::<(i64, String)>()?);
    let after = after
        .map(|(start, id)| Ok::<_, ApiError>((start, super::id_of::<EventId>(&id, "page")?)))
        .transpose()?;
    let past = query.when == When::Past;
    let db = &app.services.db;
    let rows = db
        .list_events(past, search.trim(), after, limit + 1)
        .await?;
    let key = |event: &Event| (event.fields.starts_at, event.id.to_string());
    Ok(Json(pages(rows, limit, key, |event| page::summary(&event))))
}

/// List the events that you organise
///
/// The newest first, drafts included.
#[utoipa::path(
    get, path = "/api/v1/me/events", tag = "events",
    params(PageQuery),
    responses((status = OK, body = Page<EventSummary>), Refusals),
)]
pub(super) async fn mine(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<EventSummary>>, ApiError> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let after = after.map(|id| super::id_of(&id, "page")).transpose()?;
    let db = &app.services.db;
    let rows = db.events_organised_by(user.id, after, limit + 1).await?;
    let key = |event: &Event| event.id.to_string();
    Ok(Json(pages(rows, limit, key, |event| page::summary(&event))))
}

/// Create an event
///
/// As a draft: its organisers and speakers see it until it is published.
#[utoipa::path(
    post, path = "/api/v1/events", tag = "events",
    request_body = CreateEvent,
    responses((status = CREATED, body = EventDetails), Refusals),
)]
pub(super) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Json(new): Json<CreateEvent>,
) -> Result<Response, ApiError> {
    rights::may_stream(&user)?;
    let mut fields = EventFields {
        slug: new.slug,
        title: new.title,
        description: new.description,
        time_zone: new.time_zone,
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        visibility: new.visibility,
        attendee_limit: new.attendee_limit,
        registration_opens_at: new.registration_opens_at,
        registration_closes_at: new.registration_closes_at,
        approval: new.approval,
        branding: new.branding,
    };
    check::event(&app, &mut fields).await?;
    let event = app.services.db.create_event(user.id, fields).await?;
    tracing::info!(slug = %event.fields.slug, name = %user.name, "event created");
    let location = format!("/api/v1/events/{}", event.fields.slug);
    let location = HeaderValue::try_from(location).expect("a slug is plain ASCII");
    let answer = answer(&app, &event, &user).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer).into_response())
}

/// Change an event
///
/// Those who wait move up when there are more places.
#[utoipa::path(
    patch, path = "/api/v1/events/{slug}", tag = "events",
    params(
        ("slug" = EventSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the event that was read"),
    ),
    request_body = EditEvent,
    responses((status = OK, body = EventDetails), Refusals),
)]
pub(super) async fn edit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    condition: IfMatch,
    Path(slug): Path<String>,
    Json(edit): Json<EditEvent>,
) -> Result<Response, ApiError> {
    let mut event = app.organised(&slug, &user).await?;
    condition.check(event.version)?;
    if edit == EditEvent::default() {
        return Ok(answer(&app, &event, &user).await?.into_response());
    }
    apply(&mut event.fields, edit);
    check::event(&app, &mut event.fields).await?;
    let db = &app.services.db;
    let written = db.update_event(&event, event.version).await?;
    let (event, promoted) = written.ok_or(ApiError::Changed)?;
    letters::promoted(&app, &event, promoted).await;
    Ok(answer(&app, &event, &user).await?.into_response())
}

fn apply(fields: &mut EventFields, edit: EditEvent) {
    fn set<T>(field: &mut T, said: Option<T>) {
        if let Some(said) = said {
            *field = said;
        }
    }
    set(&mut fields.slug, edit.slug);
    set(&mut fields.title, edit.title);
    set(&mut fields.description, edit.description);
    set(&mut fields.time_zone, edit.time_zone);
    set(&mut fields.starts_at, edit.starts_at);
    set(&mut fields.ends_at, edit.ends_at);
    set(&mut fields.visibility, edit.visibility);
    set(&mut fields.attendee_limit, edit.attendee_limit);
    set(
        &mut fields.registration_opens_at,
        edit.registration_opens_at,
    );
    set(
        &mut fields.registration_closes_at,
        edit.registration_closes_at,
    );
    set(&mut fields.approval, edit.approval);
    set(&mut fields.branding, edit.branding);
}

/// Publish, cancel or end an event
///
/// A draft is published; a published event is cancelled, and its attendees are told, or ended.
#[utoipa::path(
    post, path = "/api/v1/events/{slug}/state", tag = "events",
    params(("slug" = EventSlug, Path)),
    request_body = SetEventState,
    responses((status = OK, body = EventDetails), Refusals),
)]
pub(super) async fn set_state(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
    Json(SetEventState { state }): Json<SetEventState>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let from: &[EventState] = match state {
        EventState::Draft => {
            return Err(ApiError::Unprocessable(
                "what was published is not a draft any more; cancel it, or make it unlisted".into(),
            ));
        }
        EventState::Published => &[EventState::Draft],
        EventState::Cancelled | EventState::Ended => &[EventState::Published],
    };
    if event.state == state {
        return Ok(answer(&app, &event, &user).await?.into_response());
    }
    let db = &app.services.db;
    let Some(event) = db.set_event_state(event.id, from, state).await? else {
        return Err(ApiError::Conflict(format!(
            "an event that is {} cannot become {}",
            event.state.as_str(),
            state.as_str()
        )));
    };
    tracing::info!(slug = %event.fields.slug, state = state.as_str(), "event changed its state");
    if state == EventState::Cancelled {
        letters::cancelled(&app, &event, &user).await;
    }
    Ok(answer(&app, &event, &user).await?.into_response())
}

/// Delete an event
///
/// With its sessions, registrations and figures. For its owner.
#[utoipa::path(
    delete, path = "/api/v1/events/{slug}", tag = "events",
    params(
        ("slug" = EventSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the event that was read"),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    condition: IfMatch,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    let event = app.organised(&slug, &user).await?;
    rights::owns_event(&user, &event)?;
    condition.check(event.version)?;
    let db = &app.services.db;
    let sessions = db.event_page(&event.fields.slug, Asker::Nobody).await?;
    if !db.delete_event(event.id, None).await? {
        return Err(no_event());
    }
    for session in sessions.map(|page| page.sessions).unwrap_or_default() {
        super::sessions::close_room(&app, session.session.id);
    }
    tracing::info!(slug = %event.fields.slug, name = %user.name, "event deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// The event as its organisers see it.
pub(super) async fn answer(
    app: &App,
    event: &Event,
    user: &User,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let db = &app.services.db;
    let rows = db
        .event_page(&event.fields.slug, Asker::User(user.id))
        .await?;
    let rows = rows.ok_or_else(no_event)?;
    let tag = version_tag(rows.event.version);
    Ok(([(header::ETAG, tag)], Json(page::details(&rows, true))))
}
