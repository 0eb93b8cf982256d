//! The server's REST API: asking, and what every part asks for. Each page's own questions stand beside the page.

mod error;
mod refresh;
mod request;

pub use error::ApiError;
pub use refresh::{keep_session, note_session, refresh_if_due};
pub use request::{Answer, Ask, delete, get, patch, post, post_parting, put};

use weir_protocol::{Page, ServerTime, StreamSlug, StreamSummary, finding::Finding};

use crate::dom;

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
    let page: Page<StreamSummary> = get("/api/v1/streams?limit=100").json().await?;
    Ok(page.items)
}

/// `GET /api/v1/streams/{slug}`.
pub async fn stream(slug: &StreamSlug) -> Result<StreamSummary, ApiError> {
    get(&format!("/api/v1/streams/{slug}")).json().await
}

/// `GET /api/v1/streams/{slug}/findings`: of the broadcast that is on the air.
pub async fn findings(slug: &StreamSlug) -> Result<Vec<Finding>, ApiError> {
    let address = format!("/api/v1/streams/{slug}/findings?live=true");
    let page: Page<Finding> = get(&address).json().await?;
    Ok(page.items)
}

/// Whether somebody is logged in here: the session itself is not for scripts to see, its token against
/// forged requests is.
pub fn logged_in() -> bool {
    request::csrf_token().is_some()
}

/// `GET /api/v1/time`.
pub async fn time() -> Result<TimeSample, ApiError> {
    let asked_ms = dom::wall_ms();
    let server: ServerTime = get("/api/v1/time").json().await?;
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
