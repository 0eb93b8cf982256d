//! All streams, also those that no public list shows; and ending what is on the air.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::StreamId;
use weir_protocol::{Page, StreamSlug, StreamSummary};

use super::audit;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    live::media_id,
    rights,
};

/// Longest search in characters.
const SEARCH_MAX: usize = 200;

/// Which streams.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// Only streams that are on the air.
    #[serde(default)]
    #[param(default = false)]
    live: bool,
    /// A part of the name in addresses, of the title, or of the owner's name.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// All streams
///
/// Whoever may see them, the newest first; with `live` those on the air.
#[utoipa::path(
    get, path = "/api/v1/admin/streams", tag = "admin",
    params(StreamQuery),
    responses((status = OK, body = Page<StreamSummary>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Query(query): Query<StreamQuery>,
) -> Result<impl IntoResponse, ApiError> {
    rights::may_administer(&user)?;
    let search = query.q.unwrap_or_default();
    if search.chars().count() > SEARCH_MAX {
        return Err(ApiError::BadRequest(format!(
            "q has at most {SEARCH_MAX} characters"
        )));
    }
    let pages = PageQuery::new(query.limit, query.cursor);
    let limit = pages.limit()?;
    // Ids as texts: scripts read no numbers of 64 bits.
    let before: Option<String> = pages.after()?;
    let before: Option<StreamId> = before
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".into()))?;
    let (db, live) = (&app.services.db, &app.services.live);
    let among: Option<Vec<StreamId>> = query
        .live
        .then(|| live.rows_on_air().iter().map(|row| row.id).collect());
    let rows = db
        .all_streams(&search, among.as_deref(), before, limit + 1)
        .await?;
    let list: Page<StreamSummary> = page(
        rows,
        limit,
        |row| row.id.to_string(),
        |row| live.summary(&row),
    );
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(list)))
}

/// End a broadcast
///
/// Whoever publishes is sent away, and viewers see that it is over. The key stays good: a publisher that
/// reconnects by itself begins another broadcast, unless the key is replaced.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/broadcast", tag = "streams",
    params(("slug" = StreamSlug, Path)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn end(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    let services = &app.services;
    if !services.live.is_live(media_id(&stream)) {
        return Err(ApiError::Conflict("the stream is not on the air".into()));
    }
    services
        .live
        .revoke(&services.sfu, media_id(&stream), None)
        .await;
    tracing::info!(slug = %stream.slug, name = %user.name, "broadcast ended");
    audit::log_stream(&app, &user, "end_broadcast", &stream).await?;
    Ok(StatusCode::NO_CONTENT)
}
