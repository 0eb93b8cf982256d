//! Polls.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use weir_protocol::{
    Page, StreamSlug,
    room::{NewPoll, Poll, PollChoices, PollId},
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, Json, PageQuery, Path, Query, page, scope},
    auth::client::ClientAddress,
    engage::{polls, visit::Visit},
};

/// Polls of a room
///
/// Open and closed ones with their results, the newest first.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/polls", tag = "rooms",
    security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<Poll>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Poll>>, ApiError> {
    let (limit, before) = (query.limit()?, query.after::<i64>()?);
    let visit = Visit::of(&app, &slug, user, address).await?;
    let rows = match visit.row(&app).await? {
        Some(room) => {
            let db = &app.services.db;
            db.polls_page(room, before.map(PollId::new), limit + 1)
                .await?
        }
        None => Vec::new(),
    };
    Ok(Json(page(rows, limit, |row| row.id.get(), |row| row)))
}

/// Open a poll
///
/// For those who moderate the room. Members are told at once.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/room/polls", tag = "rooms",
    params(("slug" = StreamSlug, Path)),
    request_body = NewPoll,
    responses((status = CREATED, body = Poll), Refusals),
)]
pub(crate) async fn open(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Json(new): Json<NewPoll>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let room = visit.room(&app).await?;
    let poll = polls::open(&app, &room, actor, new, None).await?;
    let location = format!("/api/v1/streams/{slug}/room/polls/{}", poll.id);
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::Internal)?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(poll),
    ))
}

/// A poll
///
/// With its results, and for who has an account what they chose.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/polls/{poll}", tag = "rooms",
    security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ("poll" = PollId, Path)),
    responses((status = OK, body = Poll), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, poll)): Path<(String, String)>,
) -> Result<Json<Poll>, ApiError> {
    let visit = Visit::of(&app, &slug, user, address).await?;
    let mut poll = find(&app, &visit, &poll).await?;
    if let Some(key) = visit.who.key() {
        poll.chosen = Some(app.services.db.chosen(poll.id, key).await?);
    }
    Ok(Json(poll))
}

/// Remove a poll with its votes
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/room/polls/{poll}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("poll" = PollId, Path)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, poll)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let poll = find(&app, &visit, &poll).await?;
    let room = visit.room(&app).await?;
    polls::remove(&app, &room, actor, poll.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Close a poll
///
/// Its results stand from then on. Closing a closed one changes nothing.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/room/polls/{poll}/closure", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("poll" = PollId, Path)),
    responses((status = OK, body = Poll), Refusals),
)]
pub(crate) async fn close(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, poll)): Path<(String, String)>,
) -> Result<Json<Poll>, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let poll = find(&app, &visit, &poll).await?;
    let room = visit.room(&app).await?;
    Ok(Json(polls::close(&app, &room, actor, poll.id).await?))
}

/// Vote in a poll
///
/// The newest choice counts, while the poll is open. No choice takes the vote back.
#[utoipa::path(
    put, path = "/api/v1/streams/{slug}/room/polls/{poll}/vote", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("poll" = PollId, Path)),
    request_body = PollChoices,
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn vote(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, poll)): Path<(String, String)>,
    Json(PollChoices { choices }): Json<PollChoices>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let poll = find(&app, &visit, &poll).await?;
    let room = visit.room(&app).await?;
    polls::vote(&app, &room, &visit.who, poll.id, &choices).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, visit: &Visit, poll: &str) -> Result<Poll, ApiError> {
    let unknown = || ApiError::NotFound("poll");
    let id: PollId = poll.parse().map_err(|_| unknown())?;
    let room = visit.row(app).await?.ok_or_else(unknown)?;
    let found = app.services.db.polls(room, &[id]).await?;
    found.into_iter().next().ok_or_else(unknown)
}
