//! What these pages ask the server for.

use weir_protocol::{Clip, Page, Recording, StreamSlug};

use crate::{
    api::{ApiError, get},
    page::browse::{cursor_parameter, encoded},
};

/// Entries of a page of a list.
const LIMIT: u32 = 12;

/// A recording.
pub async fn recording(id: &str) -> Result<Recording, ApiError> {
    get(&format!("/api/v1/recordings/{}", encoded(id)))
        .json()
        .await
}

/// A clip.
pub async fn clip(id: &str) -> Result<Clip, ApiError> {
    get(&format!("/api/v1/clips/{}", encoded(id))).json().await
}

/// Recordings of a stream, the newest first.
pub async fn recordings(
    slug: &StreamSlug,
    cursor: Option<String>,
) -> Result<Page<Recording>, ApiError> {
    let cursor = cursor_parameter(cursor);
    get(&format!(
        "/api/v1/streams/{slug}/recordings?limit={LIMIT}{cursor}"
    ))
    .json()
    .await
}

/// Clips of a stream, the newest first.
pub async fn clips(slug: &StreamSlug, cursor: Option<String>) -> Result<Page<Clip>, ApiError> {
    let cursor = cursor_parameter(cursor);
    get(&format!(
        "/api/v1/streams/{slug}/clips?limit={LIMIT}{cursor}"
    ))
    .json()
    .await
}

/// A text file of the server.
pub async fn text(address: &str) -> Result<String, ApiError> {
    get(address).text().await
}
