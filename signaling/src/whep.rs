//! WHEP: playback over WebRTC (draft-ietf-wish-whep).

use std::time::Instant;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use weir_protocol::LAYER_RELATION;
use weir_sfu::SessionId;

use crate::{
    ApiError, App, auth::client::ClientAddress, body::Body, entity_tag::EntityTag, live::media_id,
    sdp, watching::Viewer,
};

/// `POST /whep/{slug}`: a viewer's offer.
pub(crate) async fn view(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let offer = sdp::offer(&headers, &body?.0)?;
    app.check_open()?;
    let services = &app.services;
    let media = media_id(&stream);
    let session = services.sfu.view(media, offer).await?;
    tracing::info!(slug = %stream.slug, "WHEP session");
    let (id, tag) = (session.id, EntityTag::fresh());
    let viewers = services.live.viewers();
    let from = (viewer.who(), address);
    viewers.insert(id, media, tag.clone(), from, Instant::now());
    if let Viewer::Token(pass) = &viewer {
        // The newest win: whoever loads a page again is not kept out by what is left of the old one.
        let under = viewers.under(pass.id());
        for old in under.iter().rev().skip(pass.max_sessions()) {
            viewers.remove(*old);
            services.sfu.end_session(*old).await;
        }
        // Taken back while the session was being made.
        if pass.over().is_cancelled() {
            viewers.remove(id);
            services.sfu.end_session(id).await;
            return Err(ApiError::NotFound("stream"));
        }
    }
    if let Some(user) = viewer.user_id()
        && let Err(error) = services.db.note_watching(user, stream.id).await
    {
        tracing::warn!(%error, "who watches could not be written");
    }
    let audience = services.live.audience();
    audience.arrived(id, stream.id, viewer.user_id(), Some(address), &headers);
    let mut response = sdp::created("/whep", session, &tag, &services.config.ice_servers);
    let link = format!("</whep/session/{id}/layer>; rel=\"{LAYER_RELATION}\"");
    let link = HeaderValue::try_from(link).expect("letters, digits and signs");
    response.headers_mut().append(header::LINK, link);
    Ok(response)
}

/// `GET /whep/{slug}`: the endpoint has no representation.
pub(crate) async fn look(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
) -> Result<StatusCode, ApiError> {
    app.watchable(&slug, &viewer)
        .await
        .map(|_| StatusCode::NO_CONTENT)
}

/// `PATCH /whep/session/{id}`: trickled candidates, or an ICE restart.
pub(crate) async fn patch(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let session = viewer(&app, &id)?;
    let viewers = app.services.live.viewers();
    let tag = viewers.tag(session).ok_or(ApiError::NotFound("session"))?;
    let (response, tag) = sdp::patch(&app.services.sfu, session, &tag, &headers, &body?.0).await?;
    if let Some(tag) = tag {
        viewers.set_tag(session, tag);
    }
    Ok(response)
}

/// `DELETE /whep/session/{id}`: the viewer leaves. Its address cannot be guessed (128 random bits)
/// and is known to nobody else, so it is all the right that is needed.
pub(crate) async fn end(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let session = viewer(&app, &id)?;
    app.services.live.viewers().remove(session);
    if app.services.sfu.end_session(session).await {
        Ok(StatusCode::OK)
    } else {
        Err(ApiError::NotFound("session"))
    }
}

/// The session in the address, if it is a viewer's: to end a publisher's takes the stream key.
pub(crate) fn viewer(app: &App, id: &str) -> Result<SessionId, ApiError> {
    let session = sdp::session_id(id)?;
    match app.services.live.viewers().stream(session) {
        Some(_) => Ok(session),
        None => Err(ApiError::NotFound("session")),
    }
}
