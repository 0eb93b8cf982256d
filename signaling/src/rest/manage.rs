//! What a streamer does with streams: create, delete, new key.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use url::Url;
use weir_db::NewStream;
use weir_protocol::{CreateStream, StreamAccess, StreamSlug, TITLE_MAX};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, Path, scope},
    happenings::Happening,
    keys::{self, StreamKey},
    live::media_id,
    rights,
    site::audit,
    streams,
};

/// Create a stream
///
/// Its key is shown this once.
#[utoipa::path(
    post, path = "/api/v1/streams", tag = "streams",
    request_body = CreateStream,
    responses((status = CREATED, body = StreamAccess), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    uri: Uri,
    headers: HeaderMap,
    Json(new): Json<CreateStream>,
) -> Result<Response, ApiError> {
    rights::may_stream(&user)?;
    let details = app.details(&new).await?;
    let CreateStream { slug, title, .. } = new;
    let title = title.unwrap_or_else(|| slug.to_string());
    let title = streams::line("title", &title, TITLE_MAX)?;
    let (key, key_hash) = keys::generate();
    let access = app.access(&uri, &headers, &slug, &key)?;
    let new = NewStream {
        slug,
        title,
        key_hash,
        owner: Some(user.id),
    };
    let stream = app.services.db.create_stream_with(new, details).await?;
    tracing::info!(slug = %stream.slug, name = %user.name, "stream created");
    app.streams.lists.forget();
    let bus = app.services.live.bus();
    bus.emit(Happening::StreamCreated {
        stream: stream.clone(),
    })
    .await;
    let location = HeaderValue::try_from(format!("/api/v1/streams/{}", stream.slug))
        .expect("a slug is plain ASCII");
    let mut response = (StatusCode::CREATED, secret(access)).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Delete a stream
///
/// With its broadcasts; whoever publishes or watches it is sent away.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}", tag = "streams",
    params(
        ("slug" = StreamSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is deleted"),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    condition.check(stream.version)?;
    app.services.db.delete_stream(&stream.slug).await?;
    tracing::info!(slug = %stream.slug, name = %user.name, "stream deleted");
    let services = &app.services;
    app.streams.lists.forget();
    app.watching.hls.forget(&stream.slug);
    services.live.forget(&services.sfu, media_id(&stream)).await;
    let bus = services.live.bus();
    let deleted = stream.clone();
    bus.emit(Happening::StreamDeleted { stream: deleted }).await;
    audit::log_stream(&app, &user, "delete_stream", &stream).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replace a stream's key
///
/// The new key is shown this once. Whoever publishes under the old one is off the air at once.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/key", tag = "streams",
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = StreamAccess), Refusals),
)]
pub(crate) async fn rotate_key(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    let (key, key_hash) = keys::generate();
    let access = app.access(&uri, &headers, &stream.slug, &key)?;
    app.services.db.rotate_key(&stream.slug, key_hash).await?;
    tracing::info!(slug = %stream.slug, name = %user.name, "stream key rotated");
    // Nobody can have the new key yet: it is in the answer that comes after this.
    let services = &app.services;
    services
        .live
        .revoke(&services.sfu, media_id(&stream), None)
        .await;
    audit::log_stream(&app, &user, "replace_key", &stream).await?;
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
        let base = self.base(uri, headers)?;
        Ok(self.services.config.addresses.access(&base, slug, key))
    }

    /// The address under which the client has reached the server.
    pub(crate) fn base(&self, uri: &Uri, headers: &HeaderMap) -> Result<Url, ApiError> {
        let config = &self.services.config;
        config
            .addresses
            .base(uri, headers)
            .ok_or_else(|| ApiError::BadRequest("the request has no usable Host field".into()))
    }
}
