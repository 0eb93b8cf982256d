//! Media over HTTP: whole, or in ranges (RFC 9110, section 14).

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use weir_archive::{GetRange, Store, StoreError};
use weir_protocol::Visibility;

use crate::ApiError;

/// What may be kept, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cache {
    /// Never changes.
    Media,
    /// Never changes, but may be deleted soon.
    Whole,
    /// Changes as time goes on.
    Window,
}

/// `Cache-Control`. Shared caches must not have what not everybody may see.
pub(super) fn cache(what: Cache, visibility: Visibility) -> (header::HeaderName, HeaderValue) {
    let text = match (what, visibility) {
        (Cache::Media, Visibility::Private) => "private, max-age=3600, immutable",
        (Cache::Media, _) => "public, max-age=3600, immutable",
        (Cache::Whole, Visibility::Private) => "private, no-cache",
        (Cache::Whole, _) => "public, max-age=60",
        (Cache::Window, Visibility::Private) => "private, no-cache",
        (Cache::Window, _) => "public, max-age=1",
    };
    (header::CACHE_CONTROL, HeaderValue::from_static(text))
}

/// Playlists.
pub(super) const PLAYLIST: HeaderValue = HeaderValue::from_static("application/vnd.apple.mpegurl");

/// WebVTT.
pub(super) const VTT: HeaderValue = HeaderValue::from_static("text/vtt; charset=utf-8");

/// A text or a small file.
pub(super) fn whole(
    content_type: HeaderValue,
    cache: (header::HeaderName, HeaderValue),
    body: impl Into<Bytes>,
) -> Response {
    let body: Bytes = body.into();
    ([(header::CONTENT_TYPE, content_type), cache], body).into_response()
}

/// A file of the store, or the range of it that is asked for. `name` is what a browser saves it as.
pub(super) async fn file(
    store: &Store,
    in_bucket: bool,
    path: &str,
    name: &str,
    request: &HeaderMap,
    cache: (header::HeaderName, HeaderValue),
) -> Result<Response, ApiError> {
    // Files never change: their name is their tag.
    let tag = format!("\"{}\"", path.replace('/', "-"));
    let asked = request
        .get(header::RANGE)
        .filter(|_| {
            let only_if = request.get(header::IF_RANGE);
            only_if.is_none_or(|only_if| only_if.as_bytes() == tag.as_bytes())
        })
        .and_then(|range| range.to_str().ok())
        .and_then(parse);
    let is_range = asked.is_some();
    let found = match store.read(in_bucket, path, asked).await {
        Ok(found) => found,
        // The store says in its own words that the range lies outside.
        Err(StoreError::Store(_)) if is_range => {
            let total = store.read(in_bucket, path, None).await?.total;
            let unsatisfied = format!("bytes */{total}");
            let unsatisfied = HeaderValue::try_from(unsatisfied).map_err(|_| ApiError::Internal)?;
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok((status, [(header::CONTENT_RANGE, unsatisfied)]).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let text = |text: String| HeaderValue::try_from(text).map_err(|_| ApiError::Internal);
    let length = found.range.end - found.range.start;
    let mut response = Response::new(Body::from_stream(found.bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::ETAG, text(tag)?);
    let disposition = format!("inline; filename=\"{name}\"");
    headers.insert(header::CONTENT_DISPOSITION, text(disposition)?);
    headers.insert(cache.0, cache.1);
    if is_range {
        let (from, last) = (found.range.start, found.range.end.saturating_sub(1));
        let range = format!("bytes {from}-{last}/{}", found.total);
        headers.insert(header::CONTENT_RANGE, text(range)?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// One range; several at once are answered with the whole.
fn parse(text: &str) -> Option<GetRange> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    match (from.trim(), to.trim()) {
        ("", last) => Some(GetRange::Suffix(last.parse().ok()?)),
        (from, "") => Some(GetRange::Offset(from.parse().ok()?)),
        (from, last) => {
            let (from, last): (u64, u64) = (from.parse().ok()?, last.parse().ok()?);
            (from <= last).then(|| GetRange::Bounded(from..last.saturating_add(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_rfc() {
        assert_eq!(parse("bytes=0-499"), Some(GetRange::Bounded(0..500)));
        assert_eq!(parse("bytes=500-"), Some(GetRange::Offset(500)));
        assert_eq!(parse("bytes=-5"), Some(GetRange::Suffix(5)));
        for whole in [
            "bytes=5-1",
            "bytes=0-1,5-6",
            "items=0-1",
            "bytes=a-b",
            "bytes=-",
        ] {
            assert_eq!(parse(whole), None, "{whole}");
        }
    }
}
