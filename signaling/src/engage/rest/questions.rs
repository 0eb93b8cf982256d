//! Questions of the audience.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_protocol::{
    Page, StreamSlug,
    room::{
        AskQuestions, NewQuestion, Question, QuestionChange, QuestionId, QuestionOrder,
        QuestionState,
    },
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, IfMatch, Json, PageQuery, Path, Query, scope, version_tag},
    auth::client::ClientAddress,
    engage::{questions, visit::Visit},
};

/// Which questions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only those of this state.
    #[param(inline)]
    state: Option<QuestionState>,
    /// In which order; most votes first when absent.
    #[param(inline)]
    order: Option<QuestionOrder>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Questions of a room's audience
///
/// Pinned ones first when ordered by votes. Those that wait or were dismissed are shown to moderators
/// and to their authors.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/questions", tag = "rooms",
    security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ListQuery),
    responses((status = OK, body = Page<Question>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Question>>, ApiError> {
    let paging = PageQuery::new(query.limit, query.cursor.clone());
    let limit = paging.limit()?;
    paging.after::<(bool, u64, i64)>()?;
    let visit = Visit::of(&app, &slug, user, address).await?;
    let Some(room) = visit.row(&app).await? else {
        return Ok(Json(Page {
            items: Vec::new(),
            next: None,
        }));
    };
    let ask = AskQuestions {
        state: query.state,
        order: query.order.unwrap_or_default(),
        after: query.cursor,
        limit: None,
    };
    let found = questions::list(&app, room, &visit.who, None, ask, limit).await?;
    Ok(Json(Page {
        items: found.questions,
        next: found.after,
    }))
}

/// Ask something
///
/// Where questions are moderated it is shown to others when a moderator has approved it.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/room/questions", tag = "rooms",
    params(("slug" = StreamSlug, Path)),
    request_body = NewQuestion,
    responses((status = CREATED, body = Question), Refusals),
)]
pub(crate) async fn ask(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Json(NewQuestion { text }): Json<NewQuestion>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let room = visit.room(&app).await?;
    let id = questions::ask(&app, &room, &visit.who, &text, None).await?;
    let question = questions::one(&app, room.id, &visit.who, id).await?;
    let location = format!("/api/v1/streams/{slug}/room/questions/{id}");
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::Internal)?;
    Ok((
        StatusCode::CREATED,
        [
            (header::LOCATION, location),
            (header::ETAG, version_tag(question.version)),
        ],
        Json(question),
    ))
}

/// A question
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/questions/{question}", tag = "rooms",
    security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ("question" = QuestionId, Path)),
    responses((status = OK, body = Question), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, question)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, user, address).await?;
    let question = find(&app, &visit, &question).await?;
    let tag = version_tag(question.version);
    Ok(([(header::ETAG, tag)], Json(question)))
}

/// Say what became of a question
///
/// For those who moderate the room.
#[utoipa::path(
    patch, path = "/api/v1/streams/{slug}/room/questions/{question}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("question" = QuestionId, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the question that is edited")),
    request_body = QuestionChange,
    responses((status = OK, body = Question), Refusals),
)]
pub(crate) async fn change(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, question)): Path<(String, String)>,
    if_match: IfMatch,
    Json(QuestionChange { state }): Json<QuestionChange>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let before = find(&app, &visit, &question).await?;
    if_match.check(before.version)?;
    let room = visit.room(&app).await?;
    let question = questions::set_state(&app, &room, actor, before.id, state).await?;
    let tag = version_tag(question.version);
    Ok(([(header::ETAG, tag)], Json(question)))
}

/// Remove a question
///
/// One's own, or as a moderator any.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/room/questions/{question}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("question" = QuestionId, Path)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, question)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let question = find(&app, &visit, &question).await?;
    let room = visit.room(&app).await?;
    questions::remove(&app, &room, &visit.who, visit.actor()?, question.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Want to know it too
///
/// Counts once.
#[utoipa::path(
    put, path = "/api/v1/streams/{slug}/room/questions/{question}/vote", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("question" = QuestionId, Path)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn upvote(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, question)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    vote(&app, visit, &question, true).await
}

/// Take that back
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/room/questions/{question}/vote", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("question" = QuestionId, Path)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn take_back(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, question)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    vote(&app, visit, &question, false).await
}

async fn vote(app: &App, visit: Visit, question: &str, vote: bool) -> Result<StatusCode, ApiError> {
    let question = find(app, &visit, question).await?;
    let room = visit.room(app).await?;
    questions::upvote(app, &room, &visit.who, question.id, vote).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, visit: &Visit, question: &str) -> Result<Question, ApiError> {
    let unknown = || ApiError::NotFound("question");
    let id: QuestionId = question.parse().map_err(|_| unknown())?;
    let room = visit.row(app).await?.ok_or_else(unknown)?;
    Ok(questions::one(app, room, &visit.who, id).await?)
}
