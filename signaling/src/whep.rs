//! WHEP: playback over WebRTC (draft-ietf-wish-whep).

use std::time::{Duration, Instant};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use weir_protocol::LAYER_RELATION;
use weir_sfu::{OfferError, SessionId, StreamId};

use crate::{
    ApiError, App,
    auth::client::ClientAddress,
    body::Body,
    entity_tag::EntityTag,
    live::media_id,
    sdp,
    watching::Viewer,
    whep_events::{self, SessionEvents},
};

/// How long an offer waits for a broadcast that has just begun: it is on the air once its publisher is let in, and what
/// it consists of is known a moment later, when the first of it has been read.
const SOURCE_COMES: Duration = Duration::from_secs(2);

/// Waits for what a broadcast on the air consists of; false when there was nothing to wait for.
async fn waits_for_source(app: &App, media: StreamId) -> bool {
    let (live, sfu) = (&app.services.live, &app.services.sfu);
    if !live.is_live(media) || sfu.is_live(media) {
        return false;
    }
    // If it does not come, the offer is refused as one for a stream that is not live.
    let _ = tokio::time::timeout(SOURCE_COMES, sfu.sourced(media)).await;
    true
}

/// `POST /whep/{slug}`: a viewer's offer.
pub(crate) async fn view(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
    ClientAddress(address): ClientAddress,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let mut stream = app.watchable(&slug, &viewer).await?;
    let offer = sdp::description(&headers, &body?.0)?;
    if waits_for_source(&app, media_id(&stream)).await {
        // It may be for others only by now.
        stream = app.watchable(&slug, &viewer).await?;
    }
    if let Err(full) = app.check_open().and_then(|()| app.check_room_for_viewer()) {
        return app.elsewhere(&uri, full);
    }
    let services = &app.services;
    let media = media_id(&stream);
    let answered = match offer {
        Some(offer) => services.sfu.view(media, offer).await,
        None => Err(OfferError::Form("it is empty".into())),
    };
    let (session, status) = match answered {
        Ok(session) => (session, StatusCode::CREATED),
        // The client may answer an offer of ours, where it cannot make one that does.
        Err(OfferError::Form(_)) => match services.sfu.offer(media).await {
            Ok(offered) => (offered, StatusCode::NOT_ACCEPTABLE),
            Err(refused) => return app.elsewhere(&uri, refused.into()),
        },
        Err(refused @ (OfferError::OtherCodec(_) | OfferError::Unprocessable(_))) => {
            let refusal = ApiError::from(refused).into_response();
            return Ok(with_alternate(refusal, &slug, &viewer));
        }
        Err(refused) => return app.elsewhere(&uri, refused.into()),
    };
    tracing::info!(slug = %stream.slug, "WHEP session");
    let (id, tag) = (session.id, EntityTag::fresh());
    let viewers = services.live.viewers();
    let from = (viewer.who(), address);
    let events = SessionEvents::new(stream.id, &session.answer);
    viewers.insert(id, media, tag, from, events, Instant::now());
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
    let mut response = sdp::created("/whep", session, tag, &services.config.ice_servers);
    *response.status_mut() = status;
    let layer = format!("</whep/session/{id}/layer>; rel=\"{LAYER_RELATION}\"");
    for link in [layer, whep_events::link(id)] {
        let link = HeaderValue::try_from(link).expect("letters, digits and signs");
        response.headers_mut().append(header::LINK, link);
    }
    Ok(response)
}

/// Tells a player whose offer cannot be served where else the stream is. Who watches by a
/// token has the address of its own from whoever gave it.
fn with_alternate(mut response: Response, slug: &str, viewer: &Viewer) -> Response {
    if !matches!(viewer, Viewer::Token(_)) {
        let link = format!(
            "</hls/{slug}/master.m3u8>; rel=\"alternate\"; type=\"application/vnd.apple.mpegurl\""
        );
        let link = HeaderValue::try_from(link).expect("a slug is letters, digits and dashes");
        response.headers_mut().append(header::LINK, link);
    }
    response
}

/// `GET` and `HEAD` on `/whep/{slug}`: the endpoint has no representation; that it is one is told by the
/// media type (section "WHEP Endpoint URL Discoverability" of the draft).
pub(crate) async fn look(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    app.watchable(&slug, &viewer).await?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, sdp::SDP)]))
}

/// `GET` on a session: it has no representation.
pub(crate) async fn look_at_session(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    viewer(&app, &id).map(|_| StatusCode::NO_CONTENT)
}

/// `PATCH /whep/session/{id}`: the answer to a counter-offer, trickled candidates, or an ICE restart.
pub(crate) async fn patch(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let session = viewer(&app, &id)?;
    if sdp::has_media_type(&headers, sdp::SDP) {
        return answer(&app, session, &headers, body).await;
    }
    let viewers = app.services.live.viewers();
    let tag = viewers.tag(session).ok_or(ApiError::NotFound("session"))?;
    let (response, tag) = sdp::patch(&app.services.sfu, session, tag, &headers, &body?.0).await?;
    if let Some(tag) = tag {
        viewers.set_tag(session, tag);
    }
    Ok(response)
}

async fn answer(
    app: &App,
    session: SessionId,
    headers: &HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    let answer = sdp::offer(headers, &body?.0)?;
    match app.services.sfu.answer(session, answer).await {
        Some(begun) => begun
            .map(|()| StatusCode::NO_CONTENT.into_response())
            .map_err(ApiError::from),
        None => Err(ApiError::Conflict(
            "no offer waits for an answer here: it was answered, or is older than 30 s; begin anew"
                .into(),
        )),
    }
}

/// `DELETE /whep/session/{id}`: the viewer leaves. Its address cannot be guessed (128 random bits)
/// and is known to nobody else, so it is all the right that is needed.
pub(crate) async fn end(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let session = sdp::session_id(&id)?;
    let live = &app.services.live;
    if live.viewers().stream(session).is_some() {
        live.viewers().remove(session);
        // False when it has gone by itself, which is as good.
        app.services.sfu.end_session(session).await;
        return Ok(StatusCode::OK);
    }
    match live.closed_viewers().take(session, None) {
        true => Ok(StatusCode::OK),
        false => Err(ApiError::NotFound("session")),
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
