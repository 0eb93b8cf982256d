//! Bans, purges, deletions.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_protocol::{
    Page, StreamSlug,
    room::{Ban, BanId, MessageId, NewBan, Purge, Unban},
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    auth::client::ClientAddress,
    engage::{moderation, visit::Visit},
    rooms,
};

/// Who is kept quiet in a room
///
/// Bans, shadow bans and timeouts that hold now, the newest first. For those who moderate it.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/bans", tag = "rooms",
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<Ban>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Ban>>, ApiError> {
    let (limit, before) = (query.limit()?, query.after::<i64>()?);
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    visit.moderator()?;
    let rows = match visit.row(&app).await? {
        Some(room) => {
            let db = &app.services.db;
            db.bans_page(room, before.map(BanId::new), limit + 1)
                .await?
        }
        None => Vec::new(),
    };
    Ok(Json(page(
        rows,
        limit,
        |row| row.ban.id.get(),
        |row| row.ban,
    )))
}

/// Keep somebody quiet
///
/// A ban ends their membership at once, and keeps guests from their address out too. A newer one takes
/// the place of an older one of the same kind. Nobody may do this to the room's owner, to admins, or to
/// whom stands as high as they do.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/room/bans", tag = "rooms",
    params(("slug" = StreamSlug, Path)),
    request_body = NewBan,
    responses((status = CREATED, body = Ban), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Json(new): Json<NewBan>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let room = visit.room(&app).await?;
    let id = moderation::ban(&app, &room, actor, &new).await?;
    let row = app.services.db.ban(room.id, id).await?;
    // One that was lifted or has ended meanwhile.
    let row = row.ok_or(ApiError::NotFound("ban"))?;
    let location = format!("/api/v1/streams/{slug}/room/bans/{id}");
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::Internal)?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(row.ban),
    ))
}

/// A ban
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/bans/{ban}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("ban" = BanId, Path)),
    responses((status = OK, body = Ban), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, ban)): Path<(String, String)>,
) -> Result<Json<Ban>, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    visit.moderator()?;
    Ok(Json(find(&app, &visit, &ban).await?))
}

/// Lift a ban
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/room/bans/{ban}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("ban" = BanId, Path)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn lift(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, ban)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let ban = find(&app, &visit, &ban).await?;
    let room = visit.room(&app).await?;
    let unban = Unban {
        member: ban.member,
        kind: Some(ban.kind),
    };
    moderation::unban(&app, &room, actor, &unban).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, visit: &Visit, ban: &str) -> Result<Ban, ApiError> {
    let unknown = || ApiError::NotFound("ban");
    let id: BanId = ban.parse().map_err(|_| unknown())?;
    let room = visit.row(app).await?.ok_or_else(unknown)?;
    let row = app.services.db.ban(room, id).await?;
    row.map(|row| row.ban).ok_or_else(unknown)
}

/// Delete all messages of somebody
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/room/purges", tag = "rooms",
    params(("slug" = StreamSlug, Path)),
    request_body = Purge,
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn purge(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Json(purge): Json<Purge>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let room = visit.room(&app).await?;
    moderation::purge(&app, &room, actor, &purge).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why a message is deleted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// For the audit log.
    #[param(max_length = 300)]
    reason: Option<String>,
}

/// Delete a message
///
/// One's own, or as a moderator another's.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/chat/{message}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("message" = MessageId, Path), DeleteQuery),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn delete_message(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, message)): Path<(String, String)>,
    Query(query): Query<DeleteQuery>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let unknown = || ApiError::NotFound("message");
    let id: MessageId = message.parse().map_err(|_| unknown())?;
    visit.row(&app).await?.ok_or_else(unknown)?;
    let room = visit.room(&app).await?;
    let why = query.reason.as_deref();
    rooms::delete_message(&app, &room, &visit.who, id, why).await?;
    Ok(StatusCode::NO_CONTENT)
}
