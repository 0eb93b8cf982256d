//! WHEP: playback over WebRTC (draft-ietf-wish-whep).

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use weir_sfu::SessionId;

use crate::{ApiError, App, body::Body, live::media_id, sdp};

/// `POST /whep/{slug}`: a viewer's offer.
pub(crate) async fn view(
    State(app): State<App>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let stream = app.stream(&slug).await?;
    let offer = sdp::offer(&headers, &body?.0)?;
    app.check_open()?;
    let services = &app.services;
    let session = services.sfu.view(media_id(&stream), offer).await?;
    tracing::info!(slug = %stream.slug, "WHEP session");
    Ok(sdp::created("/whep", session, &services.config.ice_servers))
}

/// `GET /whep/{slug}`: the endpoint has no representation.
pub(crate) async fn look(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.stream(&slug).await.map(|_| StatusCode::NO_CONTENT)
}

/// `PATCH /whep/session/{id}`: trickled candidates.
pub(crate) async fn trickle(
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<StatusCode, ApiError> {
    sdp::session_id(&id)?;
    sdp::trickle(&headers, &body?.0)
}

/// `DELETE /whep/session/{id}`: the viewer leaves. Its address cannot be guessed (128 random bits)
/// and is known to nobody else, so it is all the right that is needed.
pub(crate) async fn end(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let session = viewer(&app, &id)?;
    if app.services.sfu.end_session(session).await {
        Ok(StatusCode::OK)
    } else {
        Err(ApiError::NotFound("session"))
    }
}

/// The session in the address, unless it is a publisher's, which takes the stream key to end.
fn viewer(app: &App, id: &str) -> Result<SessionId, ApiError> {
    let session = sdp::session_id(id)?;
    match app.services.live.publishers().get(session) {
        None => Ok(session),
        Some(_) => Err(ApiError::NotFound("session")),
    }
}
