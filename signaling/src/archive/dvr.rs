//! The DVR window of what is live, from disk: `/hls/{slug}/dvr.m3u8` and what stands below it. Who may have
//! it is asked where all of `/hls` is.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::HeaderValue,
    response::Response,
    routing::get,
};
use weir_archive::{
    Index, Take, TrackId,
    playlist::{self, Form},
};
use weir_protocol::Visibility;

use super::serving::{self, Cache, cache};
use crate::{ApiError, App, live};

const NONE: ApiError = ApiError::NotFound("DVR window");

/// The addresses.
pub(crate) fn routes(app: &App) -> Router {
    Router::new()
        .route("/{slug}/dvr.m3u8", get(multivariant))
        .route("/{slug}/dvr/{file}", get(playlists))
        .route("/{slug}/dvr/{broadcast}/{track}/{file}", get(media))
        .with_state(app.clone())
}

/// A stream's newest broadcast on disk.
async fn take(app: &App, slug: &str) -> Result<(Arc<Take>, Visibility), ApiError> {
    let stream = app.stream(slug).await?;
    let take = app.services.archive.root.newest_of(stream.id.get());
    Ok((take.ok_or(NONE)?, stream.details.visibility))
}

impl App {
    /// What lies in the window of a broadcast now.
    pub(super) fn window(&self, take: &Take) -> Result<Index, ApiError> {
        let window = self.services.archive.root.settings().window;
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let index = take.between((live::now() * 1_000).saturating_sub(window), i64::MAX);
        index.leader().is_some().then_some(index).ok_or(NONE)
    }
}

async fn multivariant(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Response, ApiError> {
    let (take, visibility) = take(&app, &slug).await?;
    let index = app.window(&take)?;
    let text = playlist::multivariant(&index, |track| format!("dvr/{track}.m3u8")).ok_or(NONE)?;
    let cache = cache(Cache::Window, visibility);
    Ok(serving::whole(serving::PLAYLIST, cache, text))
}

async fn playlists(
    State(app): State<App>,
    Path((slug, file)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (take, visibility) = take(&app, &slug).await?;
    let index = app.window(&take)?;
    let id = take.broadcast();
    let cache = cache(Cache::Window, visibility);
    if file == "thumbnails.vtt" {
        let (begins, ends) = (index.begins().ok_or(NONE)?, index.duration_ms());
        let position = |date| weir_archive::position(&index, date);
        let pictures: Vec<i64> = take
            .pictures()
            .into_iter()
            .filter(|at| at * 1_000 >= begins)
            .collect();
        let text = playlist::pictures(begins, ends, &pictures, position, |at| {
            format!("{id}/thumbnails/{at}.jpg")
        });
        return Ok(serving::whole(serving::VTT, cache, text));
    }
    let track: TrackId = file
        .strip_suffix(".m3u8")
        .and_then(|track| track.parse().ok())
        .ok_or(ApiError::NotFound("track"))?;
    let form = Form::Window {
        is_over: take.is_over(),
    };
    let text = playlist::media(
        &index,
        track,
        form,
        |run| format!("{id}/{track}/init-{run}.mp4"),
        |segment| format!("{id}/{track}/{}.m4s", segment.seq),
    );
    let text = text.ok_or(ApiError::NotFound("track"))?;
    Ok(serving::whole(serving::PLAYLIST, cache, text))
}

async fn media(
    State(app): State<App>,
    Path((slug, broadcast, track, file)): Path<(String, i64, String, String)>,
) -> Result<Response, ApiError> {
    let gone = ApiError::NotFound("segment");
    let stream = app.stream(&slug).await?;
    let take = app.services.archive.root.take(broadcast);
    // The gate has looked at this stream only.
    let take = take
        .filter(|take| take.stream() == stream.id.get())
        .ok_or(gone.clone())?;
    let wanted = Wanted::parse(&track, &file).ok_or(gone.clone())?;
    let content_type = wanted.content_type();
    let read = tokio::task::spawn_blocking(move || match wanted {
        Wanted::Init(track, run) => take.init(track, run),
        Wanted::Segment(track, seq) => take.segment(track, seq),
        Wanted::Picture(at) => take.picture(at),
    });
    // What slid out of the window is gone.
    let bytes = read
        .await
        .map_err(|_| ApiError::Internal)?
        .map_err(|_| gone)?;
    let cache = cache(Cache::Media, stream.details.visibility);
    Ok(serving::whole(content_type, cache, bytes))
}

/// A file in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Initialisation segment of a run.
    Init(TrackId, u32),
    /// Segment by its number.
    Segment(TrackId, u64),
    /// Picture by its date in Unix milliseconds.
    Picture(i64),
}

impl Wanted {
    /// Reads the last two steps of an address. One address for each file: no sign, no leading zero.
    pub(super) fn parse(track: &str, file: &str) -> Option<Self> {
        if track == "thumbnails" {
            let text = file.strip_suffix(".jpg")?;
            let at: i64 = text.parse().ok()?;
            return (at.to_string() == text).then_some(Self::Picture(at));
        }
        let track: TrackId = track.parse().ok()?;
        if let Some(run) = file.strip_prefix("init-") {
            let text = run.strip_suffix(".mp4")?;
            let run: u32 = text.parse().ok()?;
            return (run.to_string() == text).then_some(Self::Init(track, run));
        }
        let text = file.strip_suffix(".m4s")?;
        let seq: u64 = text.parse().ok()?;
        (seq.to_string() == text).then_some(Self::Segment(track, seq))
    }

    pub(super) fn content_type(self) -> HeaderValue {
        match self {
            Self::Init(track, _) | Self::Segment(track, _) => {
                HeaderValue::from_static(track.content_type())
            }
            Self::Picture(_) => HeaderValue::from_static("image/jpeg"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_one_address() {
        let read = Wanted::parse;
        assert_eq!(read("v0", "7.m4s"), Some(Wanted::Segment(TrackId::TOP, 7)));
        assert_eq!(
            read("a", "init-0.mp4"),
            Some(Wanted::Init(TrackId::Audio, 0))
        );
        assert_eq!(read("thumbnails", "12.jpg"), Some(Wanted::Picture(12)));
        for (track, file) in [
            ("v0", "07.m4s"),
            ("v0", "+7.m4s"),
            ("v0", "7.mp4"),
            ("v0", "init-00.mp4"),
            ("thumbnails", "../1.jpg"),
            ("b", "7.m4s"),
        ] {
            assert_eq!(read(track, file), None, "{track}/{file}");
        }
    }
}
