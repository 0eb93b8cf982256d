//! Segments, parts and initialisation segments over HTTP.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::{Path, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use weir_media::{HlsTrack, Kind};

use super::{
    Origin, playlist,
    range::{self, Wanted},
    routes::NO_STREAM,
};
use crate::ApiError;

/// Media never changes under its address.
const CACHE_MEDIA: HeaderValue = HeaderValue::from_static("public, max-age=3600, immutable");

/// A file of a track.
enum File {
    /// Initialisation segment.
    Init(u64),
    /// Whole segment by its media sequence number.
    Segment(u64),
    /// Part by its number within the track.
    Part(u64),
}

impl File {
    fn parse(name: &str) -> Option<Self> {
        let number = |text: &str| {
            // One address per file: no sign, no leading zero.
            let number = text.parse::<u64>().ok()?;
            (number.to_string() == text).then_some(number)
        };
        if let Some(rest) = name.strip_prefix("init") {
            return Some(Self::Init(number(rest.strip_suffix(".mp4")?)?));
        }
        let name = name.strip_suffix(".m4s")?;
        if let Some(rest) = name.strip_prefix('s') {
            return Some(Self::Segment(number(rest)?));
        }
        Some(Self::Part(number(name.strip_prefix('p')?)?))
    }
}

pub(super) async fn media(
    Extract(origin): Extract<Origin>,
    Path((slug, track, epoch, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let gone = ApiError::NotFound("segment");
    let file = File::parse(&file).ok_or(gone.clone())?;
    let id = playlist::track_of(&track).ok_or(ApiError::NotFound("track"))?;
    let entry = origin.entry(&slug).ok_or(NO_STREAM)?;
    let pieces = entry
        .when(id, |state| {
            let track = state
                .stream
                .track(id)
                .filter(|_| state.stream.epoch == epoch);
            let track = track.ok_or(gone.clone())?;
            let pieces = match file {
                File::Init(number) => track.init_of(number).map(|data| vec![data.clone()]),
                File::Segment(msn) => {
                    let segment = track.segment(msn).filter(|segment| !segment.is_gap());
                    segment.map(|segment| {
                        let parts = segment.parts.iter();
                        parts.map(|part| part.data.clone()).collect::<Vec<_>>()
                    })
                }
                File::Part(number) => match track.part(number) {
                    // The hinted one: held until it exists.
                    None if number == track.next_part && !track.is_dormant => return Ok(None),
                    part => part.map(|part| vec![part.data.clone()]),
                },
            };
            pieces.map(Some).ok_or(gone.clone())
        })
        .await?;
    Ok(answer(id, &headers, pieces))
}

/// The bytes, or those of them that the client asked for.
fn answer(id: HlsTrack, headers: &HeaderMap, pieces: Vec<Bytes>) -> Response {
    let content_type = match id.kind() {
        Kind::Video => HeaderValue::from_static("video/mp4"),
        Kind::Audio => HeaderValue::from_static("audio/mp4"),
    };
    let whole = pieces.iter().map(Bytes::len).sum::<usize>();
    let fields = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, CACHE_MEDIA),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ];
    match range::wanted(headers, whole) {
        Wanted::All => {
            let length = [(header::CONTENT_LENGTH, HeaderValue::from(whole))];
            (fields, length, body(pieces)).into_response()
        }
        Wanted::Some(range) => {
            let field = format!("bytes {}-{}/{whole}", range.start, range.end - 1);
            let content = [
                (header::CONTENT_LENGTH, HeaderValue::from(range.len())),
                (header::CONTENT_RANGE, range::field(&field)),
            ];
            let pieces = range::cut(pieces, range);
            (StatusCode::PARTIAL_CONTENT, fields, content, body(pieces)).into_response()
        }
        Wanted::Nothing => {
            let field = range::field(&format!("bytes */{whole}"));
            let content = [(header::CONTENT_RANGE, field)];
            (StatusCode::RANGE_NOT_SATISFIABLE, content).into_response()
        }
    }
}

/// Parts one after the other, without copying them.
fn body(pieces: Vec<Bytes>) -> Body {
    Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)))
}
