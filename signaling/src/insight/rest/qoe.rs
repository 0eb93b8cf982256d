//! What players say of their playback.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use weir_protocol::{QoeReport, StreamSlug};

use super::Somebody;
use crate::{
    ApiError, App, Refusals,
    api::{Json, Path},
    auth::client::ClientAddress,
    insight::visitor::Origin,
    sdp,
};

/// When a player that says too much may say more.
const WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Report how a playback goes
///
/// Sent by players every 30 seconds and at the end. Only for a playback that the server knows: a WHEP
/// session, or whoever asked for the HLS playlists from the same address with the same user agent.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/qoe", tag = "insight", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path)),
    request_body = QoeReport,
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn report(
    State(app): State<App>,
    Path(slug): Path<String>,
    ClientAddress(address): ClientAddress,
    Somebody(user): Somebody,
    headers: HeaderMap,
    Json(report): Json<QoeReport>,
) -> Result<StatusCode, ApiError> {
    check(&report)?;
    // A stream that may not be seen is told by nothing from one without this playback.
    let nobody = |error| match error {
        ApiError::NotFound(_) => ApiError::NotFound("playback"),
        other => other,
    };
    let stream = app.stream(&slug).await.map_err(nobody)?;
    let session = report.session.as_deref().map(sdp::session_id).transpose()?;
    let from = Origin::new(Some(address), &headers);
    let audience = app.services.live.audience();
    let user = user.map(|user| user.id);
    match audience.report(session, stream.id, user, from, &report) {
        Some(true) => Ok(StatusCode::NO_CONTENT),
        Some(false) => Err(ApiError::TooManyRequests(WAIT)),
        None => Err(ApiError::NotFound("playback")),
    }
}

/// The limits that the schema names.
fn check(report: &QoeReport) -> Result<(), ApiError> {
    let limits = [
        ("join_ms", report.join_ms.unwrap_or(0), 600_000),
        ("delay_ms", report.delay_ms.unwrap_or(0), 600_000),
        ("stalls", report.stalls, 1_000_000),
        ("stall_ms", report.stall_ms, 86_400_000),
    ];
    match limits.iter().find(|(_, value, most)| value > most) {
        Some((name, _, most)) => Err(ApiError::BadRequest(format!("{name} is at most {most}"))),
        None => Ok(()),
    }
}
