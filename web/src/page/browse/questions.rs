//! What these pages ask the server for.

use weir_protocol::{CategoryInfo, Page, PlannedStream, StreamSummary, UserCard};

use crate::api::{ApiError, get};

/// Entries of a page of a list.
const LIMIT: u32 = 24;

/// Streams that a query fits (see [`super::SearchQuery`]), page by page.
pub async fn search(
    parameters: &str,
    cursor: Option<String>,
) -> Result<Page<StreamSummary>, ApiError> {
    let cursor = cursor_parameter(cursor);
    get(&format!(
        "/api/v1/streams?limit={LIMIT}{parameters}{cursor}"
    ))
    .json()
    .await
}

/// The first live streams.
pub async fn live() -> Result<Page<StreamSummary>, ApiError> {
    get("/api/v1/streams?live=true&limit=100").json().await
}

/// What the server recommends to everybody, or to whoever is logged in.
pub async fn recommended(for_me: bool) -> Result<Vec<StreamSummary>, ApiError> {
    let list = if for_me { "for-me" } else { "recommended" };
    get(&format!("/api/v1/streams/{list}?limit=40"))
        .json()
        .await
}

/// Whom a user follows.
pub async fn following(name: &str) -> Result<Vec<UserCard>, ApiError> {
    let name = encoded(name);
    let page: Page<UserCard> = get(&format!("/api/v1/users/{name}/following?limit=100"))
        .json()
        .await?;
    Ok(page.items)
}

/// All categories; a site has a handful or some dozens.
pub async fn categories() -> Result<Vec<CategoryInfo>, ApiError> {
    let page: Page<CategoryInfo> = get("/api/v1/categories?limit=100").json().await?;
    Ok(page.items)
}

/// One of them.
pub async fn category(slug: &str) -> Result<CategoryInfo, ApiError> {
    get(&format!("/api/v1/categories/{}", encoded(slug)))
        .json()
        .await
}

/// What is planned, the next first.
pub async fn planned(limit: u32, cursor: Option<String>) -> Result<Page<PlannedStream>, ApiError> {
    let cursor = cursor_parameter(cursor);
    get(&format!("/api/v1/schedule?limit={limit}{cursor}"))
        .json()
        .await
}

/// A value within an address.
pub fn encoded(text: &str) -> String {
    String::from(js_sys::encode_uri_component(text))
}

/// `&cursor=…`, if it goes on somewhere.
pub fn cursor_parameter(cursor: Option<String>) -> String {
    cursor.map_or_else(String::new, |at| format!("&cursor={}", encoded(&at)))
}
