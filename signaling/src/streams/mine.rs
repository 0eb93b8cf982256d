//! One's own streams: also those that no list shows.

use axum::{extract::State, http::header, response::IntoResponse};
use weir_db::StreamId;
use weir_protocol::{Page, StreamSummary};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Query, page, scope},
};

/// Your streams
///
/// Whoever may see them, the newest first.
#[utoipa::path(
    get, path = "/api/v1/me/streams", tag = "streams",
    params(PageQuery),
    responses((status = OK, body = Page<StreamSummary>), Refusals),
)]
pub(crate) async fn mine(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Query(query): Query<PageQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let limit = query.limit()?;
    // Ids as texts: scripts read no numbers of 64 bits.
    let before: Option<String> = query.after()?;
    let before: Option<StreamId> = before
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".into()))?;
    let db = &app.services.db;
    let rows = db.streams_of_owner(user.id, before, limit + 1).await?;
    let list = page(
        rows,
        limit,
        |row| row.id.to_string(),
        |row| app.services.live.summary(&row),
    );
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(list)))
}
