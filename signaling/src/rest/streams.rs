//! What everybody may know of streams.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use weir_protocol::StreamSummary;

use crate::{ApiError, App};

/// Parameters of the list.
#[derive(Deserialize)]
pub(crate) struct ListQuery {
    /// Only streams that are live.
    #[serde(default)]
    live: bool,
}

/// `GET /api/v1/streams`: live ones first.
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Vec<StreamSummary>>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::BadRequest(error.body_text()))?;
    let rows = app.services.db.list_streams().await?;
    let mut list = app.services.live.list(&rows);
    list.retain(|summary| summary.live || !query.live);
    Ok(Json(list))
}

/// `GET /api/v1/streams/{slug}`.
pub(crate) async fn show(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Json<StreamSummary>, ApiError> {
    let stream = app.stream(&slug).await?;
    Ok(Json(app.services.live.summary(&stream)))
}
