//! What players ask for over HTTP.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{ConnectInfo, Path, RawQuery, State as Extract},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use tokio::time::Instant;
use weir_media::HlsTrack;

use super::{
    Entry, Origin, State,
    clock::rfc3339,
    files, lock, playlist,
    reload::{Directives, Reached},
    track::Track,
    wall_clock,
};
use crate::ApiError;

/// How long a blocking request is held, in target durations (rfc8216bis section 6.2.5.2).
const HELD_TARGETS: u32 = 3;

/// How long a blocking answer stays right in caches, in target durations (rfc8216bis appendix B.1).
const CACHED_TARGETS: u64 = 6;

/// A plain playlist is true for a moment: browsers ask each time, a cache may answer many at once.
const CACHE_PLAYLIST: HeaderValue = HeaderValue::from_static("public, max-age=0, s-maxage=1");

/// So is what is not there: a stream may begin, a segment may come.
const CACHE_ERROR: HeaderValue = HeaderValue::from_static("public, max-age=0, s-maxage=1");

const NOT_CACHED: HeaderValue = HeaderValue::from_static("no-store");

/// RFC 8216 section 10.
const PLAYLIST_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.apple.mpegurl");

/// ISO/IEC 23009-1 annex C.
const MANIFEST_TYPE: HeaderValue = HeaderValue::from_static("application/dash+xml");

/// `/{slug}/master.m3u8`, `/{slug}/manifest.mpd`, media playlists, segments and parts, to be nested below
/// `/hls`. CORS and compression are the outer router's.
pub fn router(origin: Origin) -> Router {
    Router::new()
        .route("/{slug}/master.m3u8", get(multivariant))
        .route("/{slug}/manifest.mpd", get(manifest))
        .route("/{slug}/time", get(time))
        .route("/{slug}/{track}", get(media_playlist))
        .route("/{slug}/{track}/{epoch}/{file}", get(files::media))
        .fallback(|| async { ApiError::NotFound("HLS address") })
        .with_state(origin)
        .layer(middleware::map_response(cached_briefly))
}

/// Many players that ask for what is not there are answered by a cache; what the server cannot do at the
/// moment is not remembered.
async fn cached_briefly(mut response: Response) -> Response {
    if matches!(
        response.status(),
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST
    ) {
        let fields = response.headers_mut();
        fields.insert(header::CACHE_CONTROL, CACHE_ERROR);
    }
    response
}

fn text(content_type: HeaderValue, cache: HeaderValue, text: Bytes) -> Response {
    let fields = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, cache),
    ];
    (fields, text).into_response()
}

async fn multivariant(
    Extract(origin): Extract<Origin>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let entry = origin.entry(&slug).ok_or(NO_STREAM)?;
    let text = lock(&entry.state).stream.multivariant().ok_or(NO_STREAM)?;
    origin.saw(&slug, &headers, &extensions);
    Ok(self::text(PLAYLIST_TYPE, CACHE_PLAYLIST, text))
}

/// One manifest names all rungs, so it waits for those that are being started.
async fn manifest(
    Extract(origin): Extract<Origin>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let entry = origin.entry(&slug).ok_or(NO_STREAM)?;
    if !lock(&entry.state).stream.is_ready() {
        return Err(NO_STREAM);
    }
    origin.saw(&slug, &headers, &extensions);
    entry.wanted.ask();
    let mut changes = entry.any.subscribe();
    let deadline = Instant::now() + entry.wakes_within / 2;
    loop {
        changes.borrow_and_update();
        let all_are_there = {
            let state = lock(&entry.state);
            state.is_removed || state.stream.pictures().all(Track::is_servable)
        };
        // What has not come by then is left out: the stream shall play.
        if all_are_there
            || tokio::time::timeout_at(deadline, changes.changed())
                .await
                .is_err()
        {
            break;
        }
    }
    let state = lock(&entry.state);
    let manifest = state.stream.manifest(wall_clock()).ok_or(NO_STREAM)?;
    Ok(text(MANIFEST_TYPE, CACHE_PLAYLIST, manifest))
}

/// The server's clock, which availability times in manifests are to be held against.
async fn time() -> Response {
    let now = Bytes::from(rfc3339(wall_clock()));
    text(HeaderValue::from_static("text/plain"), NOT_CACHED, now)
}

async fn media_playlist(
    Extract(origin): Extract<Origin>,
    Path((slug, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let unknown = ApiError::NotFound("HLS address");
    let name = name.strip_suffix(".m3u8").ok_or(unknown.clone())?;
    let id = playlist::track_of(name).ok_or(unknown)?;
    let entry = origin.entry(&slug).ok_or(NO_STREAM)?;
    {
        let state = lock(&entry.state);
        if !state.stream.is_ready() || state.stream.track(id).is_none() {
            return Err(ApiError::NotFound("track"));
        }
    }
    origin.saw(&slug, &headers, &extensions);
    let Directives { until, skip } = Directives::parse(query.as_deref().unwrap_or_default())?;
    if id != HlsTrack::Audio {
        entry.wanted.ask();
    }
    let playlist = entry
        .when(id, |state| {
            let track = state.stream.track(id).ok_or(ApiError::NotFound("track"))?;
            // Players turn to another rung at once, where they would ask again for one that is late.
            if state.stream.is_withheld(id) {
                return Err(ApiError::NotFound("rung at present"));
            }
            if !track.is_servable() {
                return Ok(None);
            }
            match until.map_or(Reached::Yes, |until| {
                track.reached(until, track.part_target)
            }) {
                Reached::Yes => Ok(state.stream.playlist(id, skip)),
                Reached::NotYet => Ok(None),
                Reached::TooFar => Err(ApiError::BadRequest(
                    "_HLS_msn or _HLS_part is too far in the future".into(),
                )),
            }
        })
        .await?;
    let cache = match until {
        None => CACHE_PLAYLIST,
        // The answer to this question stays right: it contains what was asked for.
        Some(_) => {
            let target = lock(&entry.state).stream.target_duration.as_secs();
            let seconds = CACHED_TARGETS * target;
            HeaderValue::try_from(format!("public, max-age={seconds}")).unwrap_or(CACHE_PLAYLIST)
        }
    };
    Ok(text(PLAYLIST_TYPE, cache, playlist))
}

pub(super) const NO_STREAM: ApiError = ApiError::NotFound("live stream");

impl Origin {
    fn saw(&self, slug: &str, headers: &HeaderMap, extensions: &Extensions) {
        let Some(audience) = self.inner.audience.get() else {
            return;
        };
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| peer.0.ip());
        let agent = headers
            .get(header::USER_AGENT)
            .map_or(&b""[..], HeaderValue::as_bytes);
        audience.asked_for_playlist(slug, peer, agent);
    }
}

impl Entry {
    /// What `look` finds, as soon as it finds something. 503 when that takes too long or too many wait
    /// already, 404 when the stream ends for good meanwhile.
    pub(super) async fn when<T>(
        &self,
        id: HlsTrack,
        mut look: impl FnMut(&mut State) -> Result<Option<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let mut changes = self.changes(id).subscribe();
        let mut place = None;
        let mut deadline = None;
        loop {
            changes.borrow_and_update();
            {
                let mut state = lock(&self.state);
                if state.is_removed {
                    return Err(NO_STREAM);
                }
                if let Some(found) = look(&mut state)? {
                    return Ok(found);
                }
                let mut longest = HELD_TARGETS * state.stream.target_duration;
                let track = state.stream.track(id);
                if track.is_some_and(|track| !track.is_servable()) {
                    longest = longest.max(self.wakes_within);
                }
                deadline.get_or_insert_with(|| Instant::now() + longest);
            }
            if place.is_none() {
                let full =
                    |_| ApiError::Unavailable("too many players wait for this stream".into());
                place = Some(self.waiting.try_acquire().map_err(full)?);
            }
            let deadline = deadline.unwrap_or_else(Instant::now);
            if tokio::time::timeout_at(deadline, changes.changed())
                .await
                .is_err()
            {
                return Err(ApiError::Unavailable(
                    "the media did not come in time".into(),
                ));
            }
        }
    }
}
