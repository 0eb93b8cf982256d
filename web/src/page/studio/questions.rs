//! What the studio asks the server.

use weir_protocol::{
    CategoryInfo, CreateStream, EditStream, Page, StreamAccess, StreamSlug, StreamSummary,
    StreamViewers, UploadedImage,
};

use crate::api::{self, Answer, ApiError};

/// The user's own streams, also those that no list shows.
pub async fn my_streams(cursor: Option<String>) -> Result<Page<StreamSummary>, ApiError> {
    api::get(&paged("/api/v1/me/streams", cursor)).json().await
}

pub async fn create(stream: &CreateStream) -> Result<StreamAccess, ApiError> {
    api::post("/api/v1/streams").body(stream).json().await
}

/// With the tag that an edit needs.
pub async fn stream(slug: &StreamSlug) -> Result<Answer<StreamSummary>, ApiError> {
    api::get(&of(slug, "")).tagged().await
}

pub async fn edit(
    slug: &StreamSlug,
    tag: Option<&str>,
    edit: &EditStream,
) -> Result<Answer<StreamSummary>, ApiError> {
    let ask = api::patch(&of(slug, "")).if_match(tag);
    ask.body(edit).tagged().await
}

pub async fn delete(slug: &StreamSlug) -> Result<(), ApiError> {
    api::delete(&of(slug, "")).done().await
}

/// The old key is worth nothing from then on.
pub async fn new_key(slug: &StreamSlug) -> Result<StreamAccess, ApiError> {
    api::post(&of(slug, "/key")).json().await
}

pub async fn viewers(slug: &StreamSlug) -> Result<StreamViewers, ApiError> {
    api::get(&of(slug, "/viewers")).json().await
}

pub async fn upload(file: web_sys::Blob) -> Result<UploadedImage, ApiError> {
    let media_type = file.type_();
    let ask = api::post("/api/v1/images");
    ask.raw(file.into(), &media_type).json().await
}

/// All of them; a site has few.
pub async fn categories() -> Result<Vec<CategoryInfo>, ApiError> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let address = paged("/api/v1/categories", cursor);
        let page: Page<CategoryInfo> = api::get(&address).json().await?;
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// An address of the stream's own.
pub fn of(slug: &StreamSlug, what: &str) -> String {
    format!("/api/v1/streams/{slug}{what}")
}

/// The page of a list that begins at a cursor.
pub fn paged(address: &str, cursor: Option<String>) -> String {
    match cursor {
        Some(cursor) => format!("{address}?cursor={cursor}"),
        None => address.to_owned(),
    }
}
