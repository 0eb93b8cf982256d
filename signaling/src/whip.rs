//! WHIP: ingest over WebRTC (RFC 9725).

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use weir_sfu::SessionId;

use crate::{ApiError, App, auth, body::Body, entity_tag::EntityTag, live::media_id, sdp};

/// `POST /whip`: a publisher's offer, with the stream key as bearer token.
pub(crate) async fn publish(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let stream = auth::published_stream(&app, &headers).await?;
    let offer = sdp::offer(&headers, &body?.0)?;
    if let Err(stopping) = app.check_open() {
        return app.elsewhere(&uri, stopping);
    }
    let services = &app.services;
    let session = match services.sfu.publish(media_id(&stream), offer).await {
        Ok(session) => session,
        Err(refused) => return app.elsewhere(&uri, refused.into()),
    };
    tracing::info!(slug = %stream.slug, "WHIP session");
    let tag = EntityTag::fresh();
    let publishers = services.live.publishers();
    if let Some(forgotten) = publishers.insert(session.id, stream, tag) {
        services.sfu.end_session(forgotten).await;
    }
    Ok(sdp::created(
        "/whip",
        session,
        tag,
        &services.config.ice_servers,
    ))
}

/// `PATCH /whip/session/{id}`: trickled candidates, or an ICE restart.
pub(crate) async fn patch(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let session = own_session(&app, &headers, &id).await?;
    let publishers = app.services.live.publishers();
    let gone = ApiError::NotFound("session");
    let tag = publishers.tag(session).ok_or(gone)?;
    let (response, tag) = sdp::patch(&app.services.sfu, session, tag, &headers, &body?.0).await?;
    if let Some(tag) = tag {
        publishers.set_tag(session, tag);
    }
    Ok(response)
}

/// `DELETE /whip/session/{id}`: the publisher stops. OBS expects 200, also where it has closed the connection before.
pub(crate) async fn end(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let stream = auth::published_stream(&app, &headers).await?;
    let session = sdp::session_id(&id)?;
    let live = &app.services.live;
    match live.publishers().get(session) {
        Some(published) if published.id == stream.id => {
            live.publishers().remove(session);
            // False when it has gone by itself, which is as good.
            app.services.sfu.end_session(session).await;
            Ok(StatusCode::OK)
        }
        None if live
            .closed_publishers()
            .take(session, Some(media_id(&stream))) =>
        {
            Ok(StatusCode::OK)
        }
        _ => Err(ApiError::NotFound("session")),
    }
}

/// `GET` on a session: it has no representation (RFC 9725 section 4.1).
pub(crate) async fn look(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    own_session(&app, &headers, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The session in the address, if it publishes the stream whose key the request carries. Somebody
/// else's session is as unknown as none.
async fn own_session(app: &App, headers: &HeaderMap, id: &str) -> Result<SessionId, ApiError> {
    let stream = auth::published_stream(app, headers).await?;
    let session = sdp::session_id(id)?;
    match app.services.live.publishers().get(session) {
        Some(published) if published.id == stream.id => Ok(session),
        _ => Err(ApiError::NotFound("session")),
    }
}
