//! Who moderates a room.

use axum::{extract::State, http::StatusCode};
use weir_protocol::{
    StreamSlug,
    room::{RoomModerator, SetModerator},
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Path, scope},
    auth::client::ClientAddress,
    engage::{moderation, visit::Visit},
};

/// Moderators of a room
///
/// Beside its owner and the site's moderators; at most 100. For those who moderate it.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/moderators", tag = "rooms",
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = Vec<RoomModerator>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
) -> Result<Json<Vec<RoomModerator>>, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    visit.moderator()?;
    Ok(Json(match visit.row(&app).await? {
        Some(room) => app.services.db.room_moderators(room).await?,
        None => Vec::new(),
    }))
}

/// Make a user a moderator of a room
///
/// For its owner and admins. Done twice, it is the same.
#[utoipa::path(
    put, path = "/api/v1/streams/{slug}/room/moderators/{name}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("name" = String, Path, description = "Name of the user")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn add(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    set(&app, &slug, user, address, name, true).await
}

/// Take that back
///
/// For its owner and admins.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/room/moderators/{name}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("name" = String, Path, description = "Name of the user")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    set(&app, &slug, user, address, name, false).await
}

async fn set(
    app: &App,
    slug: &str,
    user: weir_db::User,
    address: std::net::IpAddr,
    name: String,
    moderator: bool,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(app, slug, Some(user), address).await?;
    let actor = visit.runner()?;
    let room = visit.room(app).await?;
    let set = SetModerator { name, moderator };
    moderation::set_moderator(app, &room, actor, &set).await?;
    Ok(StatusCode::NO_CONTENT)
}
