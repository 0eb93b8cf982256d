//! How a room is run, and the log of who did what.

use axum::{extract::State, http::header, response::IntoResponse};
use weir_protocol::{
    Page, StreamSlug,
    room::{AuditEntry, AuditId, RoomRules, RoomRulesChange},
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
    auth::client::ClientAddress,
    engage::{rules, visit::Visit},
};

/// How a stream's room is run
///
/// For those who moderate it. Members are told what concerns them when they join.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room", tag = "rooms",
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = RoomRules), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    visit.moderator()?;
    let rules = match visit.row(&app).await? {
        Some(room) => app.services.db.room_rules(room).await?,
        None => RoomRules::default(),
    };
    Ok(([(header::ETAG, version_tag(rules.version))], Json(rules)))
}

/// Run a stream's room in another way
///
/// What is absent stays. Members are told at once.
#[utoipa::path(
    patch, path = "/api/v1/streams/{slug}/room", tag = "rooms",
    params(("slug" = StreamSlug, Path), ("If-Match" = Option<String>, Header, description = "Entity tag of the rules that are edited")),
    request_body = RoomRulesChange,
    responses((status = OK, body = RoomRules), Refusals),
)]
pub(crate) async fn change(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    if_match: IfMatch,
    Json(change): Json<RoomRulesChange>,
) -> Result<impl IntoResponse, ApiError> {
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    let actor = visit.moderator()?;
    let room = visit.room(&app).await?;
    let rules = rules::change(&app, &room, actor, change, |version| {
        if_match.check(version)
    })
    .await?;
    Ok(([(header::ETAG, version_tag(rules.version))], Json(rules)))
}

/// Who did what in a room
///
/// The newest first. For those who moderate it.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/room/audit", tag = "rooms",
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<AuditEntry>), Refusals),
)]
pub(crate) async fn audit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    ClientAddress(address): ClientAddress,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let (limit, before) = (query.limit()?, query.after::<i64>()?);
    let visit = Visit::of(&app, &slug, Some(user), address).await?;
    visit.moderator()?;
    let rows = match visit.row(&app).await? {
        Some(room) => {
            let db = &app.services.db;
            let before = before.map(AuditId::new);
            db.audit_page(room, before, limit + 1).await?
        }
        None => Vec::new(),
    };
    Ok(Json(page(rows, limit, |row| row.id.get(), |row| row)))
}
