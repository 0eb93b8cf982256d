//! The server's REST API.

use gloo_net::http::Request;
use serde::de::DeserializeOwned;
use weir_protocol::{Page, ServerTime, StreamSlug, StreamSummary, finding::Finding};

use crate::dom;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// There is no such thing.
    NotFound,
    /// The server answered with another status.
    Status(u16),
    /// No answer at all.
    Unreachable,
    /// An answer that this client does not understand: most likely an old page with a new server.
    Unreadable,
}

/// One answer of the server's clock: when it was asked and answered by the browser's clock, and what it said.
#[derive(Debug, Clone, Copy)]
pub struct TimeSample {
    /// [`dom::wall_ms`] before the question.
    pub asked_ms: f64,
    /// [`dom::wall_ms`] after the answer.
    pub answered_ms: f64,
    /// The server's time in between.
    pub server_ms: f64,
}

/// `GET /api/v1/streams`: its first page, which has what is live in front.
pub async fn streams() -> Result<Vec<StreamSummary>, ApiError> {
    let page: Page<StreamSummary> = get("/api/v1/streams?limit=100").await?;
    Ok(page.items)
}

/// `GET /api/v1/streams/{slug}`.
pub async fn stream(slug: &StreamSlug) -> Result<StreamSummary, ApiError> {
    get(&format!("/api/v1/streams/{slug}")).await
}

/// `GET /api/v1/streams/{slug}/findings`: of the broadcast that is on the air.
pub async fn findings(slug: &StreamSlug) -> Result<Vec<Finding>, ApiError> {
    let page: Page<Finding> = get(&format!("/api/v1/streams/{slug}/findings?live=true")).await?;
    Ok(page.items)
}

/// Whether somebody is logged in here: the session itself is not for scripts to see, its token against
/// forged requests is.
pub fn logged_in() -> bool {
    let cookies = dom::property(&dom::document(), "cookie").and_then(|text| text.as_string());
    cookies.is_some_and(|cookies| {
        let mut names = cookies
            .split(';')
            .filter_map(|one| one.trim().split('=').next());
        names.any(|name| name.ends_with("weir_csrf"))
    })
}

/// `GET /api/v1/time`.
pub async fn time() -> Result<TimeSample, ApiError> {
    let asked_ms = dom::wall_ms();
    let server: ServerTime = get("/api/v1/time").await?;
    Ok(TimeSample {
        asked_ms,
        answered_ms: dom::wall_ms(),
        server_ms: server.now_ms as f64,
    })
}

/// Where the live state of a stream is told.
pub fn events_address(slug: &StreamSlug) -> String {
    format!("/api/v1/streams/{slug}/events")
}

async fn get<T: DeserializeOwned>(address: &str) -> Result<T, ApiError> {
    let answer = Request::get(address)
        .cache(web_sys::RequestCache::NoStore)
        .send()
        .await
        .map_err(|_| ApiError::Unreachable)?;
    match answer.status() {
        200 => answer.json().await.map_err(|_| ApiError::Unreadable),
        404 => Err(ApiError::NotFound),
        status => Err(ApiError::Status(status)),
    }
}
