//! Following and blocking.

use axum::{extract::State, http::StatusCode};
use serde_json::json;
use weir_db::{Acquaintance, User};
use weir_protocol::{NotificationKind, Page, UserCard};

use super::{images::image_url, notify};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    happenings::Happening,
};

/// Who follows a user
#[utoipa::path(
    get, path = "/api/v1/users/{name}/followers", tag = "users", security(()),
    params(("name" = String, Path, max_length = 64), PageQuery),
    responses((status = OK, body = Page<UserCard>), Refusals),
)]
pub(super) async fn followers(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<UserCard>>, ApiError> {
    let (limit, after) = (query.limit()?, query.after()?);
    let user = app.other(&name).await?;
    let rows = app.services.db.followers(user.id, after, limit + 1).await?;
    Ok(cards(rows, limit))
}

/// Whom a user follows
#[utoipa::path(
    get, path = "/api/v1/users/{name}/following", tag = "users", security(()),
    params(("name" = String, Path, max_length = 64), PageQuery),
    responses((status = OK, body = Page<UserCard>), Refusals),
)]
pub(super) async fn following(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<UserCard>>, ApiError> {
    let (limit, after) = (query.limit()?, query.after()?);
    let user = app.other(&name).await?;
    let rows = app.services.db.following(user.id, after, limit + 1).await?;
    Ok(cards(rows, limit))
}

/// Follow a user
///
/// Who is told when the user goes live; see notifications. Again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/me/following/{name}", tag = "account",
    params(("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn follow(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let other = app.other(&name).await?;
    if app.services.db.follow(user.id, other.id).await? {
        let payload = json!({ "user": user.name });
        notify::soft(
            &app,
            &[other.id],
            NotificationKind::Follower,
            Some(&user),
            &payload,
        )
        .await;
        let bus = app.services.live.bus();
        bus.emit(Happening::UserFollowed {
            user: other,
            follower: user,
        })
        .await;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Stop following a user
#[utoipa::path(
    delete, path = "/api/v1/me/following/{name}", tag = "account",
    params(("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn unfollow(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let other = app.other(&name).await?;
    app.services.db.unfollow(user.id, other.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom you have blocked
#[utoipa::path(
    get, path = "/api/v1/me/blocks", tag = "account",
    params(PageQuery),
    responses((status = OK, body = Page<UserCard>), Refusals),
)]
pub(super) async fn blocked(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<UserCard>>, ApiError> {
    let (limit, after) = (query.limit()?, query.after()?);
    let rows = app.services.db.blocked(user.id, after, limit + 1).await?;
    Ok(cards(rows, limit))
}

/// Block a user
///
/// Who can neither watch your streams nor chat there from now on, does not follow you any more, and is
/// not followed. Again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/me/blocks/{name}", tag = "account",
    params(("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn block(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let other = app.other(&name).await?;
    app.services.db.block(user.id, other.id).await?;
    app.after_block(user.id, other.id).await?;
    let bus = app.services.live.bus();
    bus.emit(Happening::UserBlocked {
        owner: user,
        user: other,
    })
    .await;
    Ok(StatusCode::NO_CONTENT)
}

/// Stop blocking a user
#[utoipa::path(
    delete, path = "/api/v1/me/blocks/{name}", tag = "account",
    params(("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn unblock(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let other = app.other(&name).await?;
    app.services.db.unblock(user.id, other.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl App {
    /// The user of a name in an address.
    pub(crate) async fn other(&self, name: &str) -> Result<User, ApiError> {
        let user = self.services.db.user_by_name(name).await?;
        user.ok_or(ApiError::NotFound("user"))
    }
}

fn cards(rows: Vec<Acquaintance>, limit: u32) -> Json<Page<UserCard>> {
    let key = |row: &Acquaintance| (row.since, row.id.get());
    Json(page(rows, limit, key, |row| UserCard {
        display_name: row.display_name.unwrap_or_else(|| row.name.clone()),
        name: row.name,
        avatar_url: row.avatar.map(|id| image_url(&id)),
        since: row.since,
    }))
}
