//! What a streamer does with streams: create, delete, new key.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use weir_db::NewStream;
use weir_protocol::{CreateStream, StreamAccess, StreamSlug};

use crate::{
    ApiError, App,
    auth::LoggedIn,
    keys::{self, StreamKey},
    live::media_id,
};

/// Longest title in characters.
const TITLE_MAX: usize = 200;

/// `POST /api/v1/streams`: a new stream of the user. Its key is shown this once.
pub(crate) async fn create(
    State(app): State<App>,
    LoggedIn(user): LoggedIn,
    uri: Uri,
    headers: HeaderMap,
    request: Result<Json<CreateStream>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(CreateStream { slug, title }) = request?;
    let title = title.unwrap_or_else(|| slug.to_string());
    let title = title.trim();
    if title.is_empty() || title.chars().count() > TITLE_MAX {
        return Err(ApiError::BadRequest(format!(
            "a title has 1 to {TITLE_MAX} characters"
        )));
    }
    let (key, key_hash) = keys::generate();
    let access = app.access(&uri, &headers, &slug, &key)?;
    let new = NewStream {
        slug,
        title: title.to_owned(),
        key_hash,
        owner: Some(user.id),
    };
    let stream = app.services.db.create_stream(new).await?;
    tracing::info!(slug = %stream.slug, name = %user.name, "stream created");
    let location = HeaderValue::try_from(format!("/api/v1/streams/{}", stream.slug))
        .expect("a slug is plain ASCII");
    let mut response = (StatusCode::CREATED, secret(access)).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// `DELETE /api/v1/streams/{slug}`: the stream, its broadcasts, and whoever publishes or watches it.
pub(crate) async fn delete(
    State(app): State<App>,
    user: LoggedIn,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    let stream = app.stream(&slug).await?;
    user.may_change(&stream)?;
    app.services.db.delete_stream(&stream.slug).await?;
    tracing::info!(slug = %stream.slug, name = %user.0.name, "stream deleted");
    let services = &app.services;
    services.live.forget(&services.sfu, media_id(&stream)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/streams/{slug}/key`: a new key, shown this once. Whoever publishes under the old
/// one is off the air at once.
pub(crate) async fn rotate_key(
    State(app): State<App>,
    user: LoggedIn,
    Path(slug): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let stream = app.stream(&slug).await?;
    user.may_change(&stream)?;
    let (key, key_hash) = keys::generate();
    let access = app.access(&uri, &headers, &stream.slug, &key)?;
    app.services.db.rotate_key(&stream.slug, key_hash).await?;
    tracing::info!(slug = %stream.slug, name = %user.0.name, "stream key rotated");
    // Nobody can have the new key yet: it is in the answer that comes after this.
    let services = &app.services;
    services
        .live
        .revoke(&services.sfu, media_id(&stream), None)
        .await;
    Ok(secret(access).into_response())
}

fn secret(access: StreamAccess) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(access))
}

impl App {
    fn access(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        slug: &StreamSlug,
        key: &StreamKey,
    ) -> Result<StreamAccess, ApiError> {
        let config = &self.services.config;
        let base = config
            .addresses
            .base(uri, headers, config.behind_proxy)
            .ok_or_else(|| ApiError::BadRequest("the request has no usable Host field".into()))?;
        Ok(config.addresses.access(&base, slug, key))
    }
}
