//! What players ask for over HTTP.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, RawQuery, State as Extract},
    http::{Extensions, HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;
use weir_media::Kind;

use super::{
    Entry, Origin, State, lock, playlist,
    reload::{Directives, Reached},
};
use crate::ApiError;

/// How long a blocking request is held, in target durations (rfc8216bis section 6.2.5.2).
const HELD_TARGETS: u32 = 3;

/// A plain playlist is true for a moment: browsers ask each time, a cache may answer many at once.
const CACHE_PLAYLIST: HeaderValue = HeaderValue::from_static("public, max-age=0, s-maxage=1");

/// Media never changes under its address.
const CACHE_MEDIA: HeaderValue = HeaderValue::from_static("public, max-age=3600, immutable");

/// RFC 8216 section 10.
const PLAYLIST_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.apple.mpegurl");

/// `/{slug}/master.m3u8`, media playlists, segments and parts, to be nested below `/hls`. CORS and
/// compression are the outer router's.
pub fn router(origin: Origin) -> Router {
    let media_playlist = |kind| {
        move |origin, slug, query, headers, extensions| {
            media_playlist(kind, origin, slug, query, headers, extensions)
        }
    };
    Router::new()
        .route("/{slug}/master.m3u8", get(multivariant))
        .route("/{slug}/video.m3u8", get(media_playlist(Kind::Video)))
        .route("/{slug}/audio.m3u8", get(media_playlist(Kind::Audio)))
        .route("/{slug}/{track}/{epoch}/{file}", get(media))
        .fallback(|| async { ApiError::NotFound("HLS address") })
        .with_state(origin)
}

async fn multivariant(
    Extract(origin): Extract<Origin>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let entry = origin.entry(&slug).ok_or(NO_STREAM)?;
    let text = lock(&entry.state).stream.multivariant().ok_or(NO_STREAM)?;
    origin.saw(&slug, &entry, &headers, &extensions);
    Ok((
        [
            (header::CONTENT_TYPE, PLAYLIST_TYPE),
            (header::CACHE_CONTROL, CACHE_PLAYLIST),
        ],
        text,
    )
        .into_response())
}

async fn media_playlist(
    kind: Kind,
    Extract(origin): Extract<Origin>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let entry = origin.entry(&slug).ok_or(NO_STREAM)?;
    if lock(&entry.state).stream.playlist(kind, false).is_none() {
        return Err(ApiError::NotFound("track"));
    }
    origin.saw(&slug, &entry, &headers, &extensions);
    let Directives { until, skip } = Directives::parse(query.as_deref().unwrap_or_default())?;
    let text = entry
        .when(kind, |state| {
            let track = state
                .stream
                .track(kind)
                .ok_or(ApiError::NotFound("track"))?;
            match until.map_or(Reached::Yes, |until| {
                track.reached(until, track.part_target)
            }) {
                Reached::Yes => Ok(state.stream.playlist(kind, skip)),
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
            let seconds = lock(&entry.state).stream.target_duration.as_secs();
            HeaderValue::try_from(format!("public, max-age={seconds}")).unwrap_or(CACHE_PLAYLIST)
        }
    };
    Ok((
        [
            (header::CONTENT_TYPE, PLAYLIST_TYPE),
            (header::CACHE_CONTROL, cache),
        ],
        text,
    )
        .into_response())
}

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

async fn media(
    Extract(origin): Extract<Origin>,
    Path((slug, track, epoch, file)): Path<(String, String, String, String)>,
) -> Result<Response, ApiError> {
    let gone = ApiError::NotFound("segment");
    let file = File::parse(&file).ok_or(gone.clone())?;
    let kind = [Kind::Video, Kind::Audio]
        .into_iter()
        .find(|kind| playlist::name(*kind) == track);
    let kind = kind.ok_or(ApiError::NotFound("track"))?;
    let entry = origin.entry(&slug).ok_or(NO_STREAM)?;
    let pieces = entry
        .when(kind, |state| {
            let track = state
                .stream
                .track(kind)
                .filter(|_| state.stream.epoch == epoch);
            let track = track.ok_or(gone.clone())?;
            let pieces = match file {
                File::Init(number) => track.init_of(number).map(|data| vec![data.clone()]),
                File::Segment(msn) => track.segment(msn).map(|segment| {
                    segment
                        .parts
                        .iter()
                        .map(|part| part.data.clone())
                        .collect::<Vec<_>>()
                }),
                File::Part(number) => match track.part(number) {
                    // The hinted one: held until it exists.
                    None if number == track.next_part => return Ok(None),
                    part => part.map(|part| vec![part.data.clone()]),
                },
            };
            pieces.map(Some).ok_or(gone.clone())
        })
        .await?;
    let content_type = match kind {
        Kind::Video => HeaderValue::from_static("video/mp4"),
        Kind::Audio => HeaderValue::from_static("audio/mp4"),
    };
    let length = pieces.iter().map(Bytes::len).sum::<usize>();
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, CACHE_MEDIA),
        (header::CONTENT_LENGTH, length.into()),
    ];
    // Parts one after the other, without copying them.
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    Ok((headers, body).into_response())
}

const NO_STREAM: ApiError = ApiError::NotFound("live stream");

impl Origin {
    fn saw(&self, slug: &str, entry: &Entry, headers: &HeaderMap, extensions: &Extensions) {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| peer.0.ip());
        let forwarded = || -> Option<IpAddr> {
            let last = headers.get_all("x-forwarded-for").iter().next_back()?;
            last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
        };
        let forwarded = if self.inner.config.behind_proxy {
            forwarded()
        } else {
            None
        };
        let agent = headers
            .get(header::USER_AGENT)
            .map_or(&b""[..], HeaderValue::as_bytes);
        let address = forwarded.or(peer);
        lock(&entry.viewers).saw(address, agent, Instant::now());
        if let Some(audience) = self.inner.audience.get() {
            audience.asked_for_playlist(slug, address, agent);
        }
    }
}

impl Entry {
    /// What `look` finds, as soon as it finds something. 503 when that takes too long or too many wait
    /// already, 404 when the stream ends for good meanwhile.
    async fn when<T>(
        &self,
        kind: Kind,
        mut look: impl FnMut(&mut State) -> Result<Option<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let mut changes = self.changes(kind).subscribe();
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
                let longest = HELD_TARGETS * state.stream.target_duration;
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
