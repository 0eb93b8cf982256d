//! Emotes of rooms and of the whole site.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use weir_db::{DbError, ImageId};
use weir_protocol::{
    StreamSlug,
    room::{EMOTES_MAX, Emote, NewEmote, is_emote_code},
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, Json, Path, scope},
    auth::client::ClientAddress,
    engage::{audit, moderation, visit::Visit},
    rights,
    site::audit::{self as site, Object},
};

/// Emotes of a room
///
/// Its own, without the site's; by code.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/emotes", tag = "rooms",
    security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = Vec<Emote>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
) -> Result<Json<Vec<Emote>>, ApiError> {
    let visit = Visit::of(&app, &slug, user, address).await?;
    Ok(Json(match visit.row(&app).await? {
        Some(room) => app.services.db.emotes(Some(room)).await?,
        None => Vec::new(),
    }))
}

/// Add an emote to a room
///
/// For its owner and admins; at most 200. `:code:` in messages is shown as the picture.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/room/emotes", tag = "rooms",
    params(("slug" = StreamSlug, Path)),
    request_body = NewEmote,
    responses((status = CREATED, body = Emote), Refusals),
)]
pub(crate) async fn add(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Json(new): Json<NewEmote>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.runner()?;
    let emote = checked(&app, new).await?;
    let room = visit.room(&app).await?;
    let db = &app.services.db;
    db.add_emote(Some(room.id), &emote, actor.user.id, EMOTES_MAX)
        .await?;
    moderation::refresh(&app, &room).await?;
    let object = audit::Object::new(&emote.code, "");
    audit::log(&app, &room, actor, "add_emote", object).await?;
    created(
        format!("/api/v1/streams/{slug}/room/emotes/{}", emote.code),
        emote,
    )
}

/// Remove an emote of a room
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/room/emotes/{code}", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("code" = String, Path, description = "Its code, without colons")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path((slug, code)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.runner()?;
    let unknown = || ApiError::NotFound("emote");
    visit.row(&app).await?.ok_or_else(unknown)?;
    let room = visit.room(&app).await?;
    if !is_emote_code(&code) || !app.services.db.remove_emote(Some(room.id), &code).await? {
        return Err(unknown());
    }
    moderation::refresh(&app, &room).await?;
    let object = audit::Object::new(&code, "");
    audit::log(&app, &room, actor, "remove_emote", object).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Emotes of the whole site
#[utoipa::path(
    get, path = "/api/v1/emotes", tag = "rooms", security(()),
    responses((status = OK, body = Vec<Emote>), Refusals),
)]
pub(crate) async fn list_site(State(app): State<App>) -> Result<Json<Vec<Emote>>, ApiError> {
    Ok(Json(app.services.db.emotes(None).await?))
}

/// Add an emote to the whole site
///
/// For admins; at most 200.
#[utoipa::path(
    post, path = "/api/v1/admin/emotes", tag = "admin",
    request_body = NewEmote,
    responses((status = CREATED, body = Emote), Refusals),
)]
pub(crate) async fn add_site(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Json(new): Json<NewEmote>,
) -> Result<impl IntoResponse, ApiError> {
    rights::may_administer(&user)?;
    let emote = checked(&app, new).await?;
    app.services
        .db
        .add_emote(None, &emote, user.id, EMOTES_MAX)
        .await?;
    app.rooms.engage().policies().all_changed(&app.rooms).await;
    site::log(&app, &user, "add_emote", Object::id(&emote.code)).await?;
    created(format!("/api/v1/admin/emotes/{}", emote.code), emote)
}

/// Remove an emote of the whole site
#[utoipa::path(
    delete, path = "/api/v1/admin/emotes/{code}", tag = "admin",
    params(("code" = String, Path, description = "Its code, without colons")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn remove_site(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Path(code): Path<String>,
) -> Result<StatusCode, ApiError> {
    rights::may_administer(&user)?;
    if !is_emote_code(&code) || !app.services.db.remove_emote(None, &code).await? {
        return Err(ApiError::NotFound("emote"));
    }
    app.rooms.engage().policies().all_changed(&app.rooms).await;
    site::log(&app, &user, "remove_emote", Object::id(&code)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn checked(app: &App, NewEmote { code, image }: NewEmote) -> Result<Emote, ApiError> {
    if !is_emote_code(&code) {
        return Err(ApiError::BadRequest(
            "a code has 2 to 32 letters, digits and _, without colons".into(),
        ));
    }
    let id: ImageId = image.parse()?;
    match app.services.db.want_image(&id).await {
        Err(DbError::NotFound { .. }) => Err(ApiError::Unprocessable(
            "there is no such picture; upload it first and take the id of the answer".into(),
        )),
        other => Ok(other?),
    }?;
    Ok(Emote { code, image })
}

fn created(location: String, emote: Emote) -> Result<impl IntoResponse, ApiError> {
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::Internal)?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(emote),
    ))
}
