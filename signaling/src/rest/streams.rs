//! What everybody may know of streams.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_protocol::{StreamSlug, StreamSummary};

use crate::{
    ApiError, App, Refusals,
    api::{Json, Path, Query},
};

/// Parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only streams that are live.
    #[serde(default)]
    live: bool,
}

/// List streams
///
/// Live ones first.
#[utoipa::path(
    get, path = "/api/v1/streams", tag = "streams", security((), ("bearer" = [])),
    params(ListQuery),
    responses((status = OK, body = Vec<StreamSummary>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<StreamSummary>>, ApiError> {
    let rows = app.services.db.list_streams().await?;
    let mut list = app.services.live.list(&rows);
    list.retain(|summary| summary.live || !query.live);
    Ok(Json(list))
}

/// A stream
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}", tag = "streams", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = StreamSummary), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Json<StreamSummary>, ApiError> {
    let stream = app.stream(&slug).await?;
    Ok(Json(app.services.live.summary(&stream)))
}
