//! What the figures' pages ask the server.

use weir_protocol::{
    BroadcastInsight, BroadcastSummary, CreatorInsight, Page, StreamInsight, StreamSlug,
    ViewerSessionReport,
};

use super::{
    super::questions::{of, paged},
    period::Period,
};
use crate::api::{self, ApiError};

/// A stream by minutes, since a moment.
pub async fn since(slug: &StreamSlug, from_ms: i64) -> Result<StreamInsight, ApiError> {
    let address = of(slug, &format!("/insight?step=minute&from={from_ms}"));
    api::get(&address).json().await
}

/// A stream over some time.
pub async fn stream(
    slug: &StreamSlug,
    period: Period,
    to_ms: i64,
) -> Result<StreamInsight, ApiError> {
    let address = of(slug, &format!("/insight?{}", period.series(to_ms)));
    api::get(&address).json().await
}

/// The newest first.
pub async fn broadcasts(
    slug: &StreamSlug,
    cursor: Option<String>,
) -> Result<Page<BroadcastSummary>, ApiError> {
    api::get(&paged(&of(slug, "/broadcasts"), cursor))
        .json()
        .await
}

/// One broadcast over time.
pub async fn broadcast(id: &str) -> Result<BroadcastInsight, ApiError> {
    api::get(&format!("/api/v1/broadcasts/{id}/insight"))
        .json()
        .await
}

/// Its viewers, the newest first.
pub async fn sessions(
    slug: &StreamSlug,
    broadcast: &str,
    cursor: Option<String>,
) -> Result<Page<ViewerSessionReport>, ApiError> {
    let mut address = of(slug, &format!("/sessions?broadcast={broadcast}"));
    if let Some(cursor) = cursor {
        address.push_str("&cursor=");
        address.push_str(&cursor);
    }
    api::get(&address).json().await
}

/// All streams of the user.
pub async fn creator(period: Period, to_ms: i64) -> Result<CreatorInsight, ApiError> {
    let address = format!("/api/v1/me/insight?{}", period.range(to_ms));
    api::get(&address).json().await
}
