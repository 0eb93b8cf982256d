//! Recordings and clips, to play and to download.
//!
//! `/vod/{id}/…` is for everybody who may see the stream; `/vod/t/{token}/{id}/…` carries a viewer token, in
//! the path so that the relative addresses within playlists carry it on. `/clips/{id}.mp4` and
//! `/clips/t/{token}/{id}.mp4` likewise.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};
use weir_archive::{
    Manifest, TrackId,
    playlist::{self, Form},
};
use weir_db::{ClipId, Recording, RecordingId, Stream};
use weir_protocol::RecordingState;

use super::{
    dvr::Wanted,
    serving::{self, Cache, cache},
};
use crate::{ApiError, App, watching::Viewer};

/// Where recordings and clips are in the store.
pub(super) const RECORDINGS: &str = "recordings";
pub(super) const CLIPS: &str = "clips";

/// A clip's file.
pub(super) const CLIP_FILE: &str = "clip.mp4";

const GONE: ApiError = ApiError::NotFound("recording");
const NO_CLIP: ApiError = ApiError::NotFound("clip");

/// How long a row is believed: it may be deleted, and its stream become private.
const BELIEVED: Duration = Duration::from_secs(2);

/// Indexes that are remembered. One of two hours has 300 kB.
const REMEMBERED: usize = 64;

pub(super) fn recording_name(id: RecordingId) -> String {
    format!("{RECORDINGS}/{id}")
}

pub(super) fn clip_name(id: ClipId) -> String {
    format!("{CLIPS}/{id}")
}

/// Recordings that were asked for lately.
#[derive(Default)]
pub(super) struct Served {
    known: Mutex<HashMap<RecordingId, Known>>,
}

#[derive(Clone)]
struct Known {
    stream: Arc<Stream>,
    in_bucket: bool,
    manifest: Arc<Manifest>,
    looked: Instant,
}

impl Served {
    /// It has moved, or is gone.
    pub(super) fn forget(&self, id: RecordingId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordingId, Known>> {
        self.known.lock().expect("nothing panics under this lock")
    }
}

impl App {
    /// A recording and its stream, if this viewer may see it.
    pub(super) async fn visible_recording(
        &self,
        id: RecordingId,
        viewer: &Viewer,
    ) -> Result<(Recording, Stream), ApiError> {
        let db = &self.services.db;
        let row = db.recording(id).await?.ok_or(GONE)?;
        if row.state == RecordingState::Deleted {
            return Err(GONE);
        }
        let stream = db.stream_by_id(row.stream).await?.ok_or(GONE)?;
        let seen = self.check_watchable(&stream, viewer).await;
        seen.map_err(|error| match error {
            ApiError::NotFound(_) => GONE,
            other => other,
        })?;
        Ok((row, stream))
    }

    /// What a recording that is ready has.
    pub(super) async fn manifest(&self, row: &Recording) -> Result<Arc<Manifest>, ApiError> {
        let archive = &self.services.archive;
        let known = archive.served.lock().get(&row.id).cloned();
        if let Some(known) = known.filter(|known| known.in_bucket == row.in_bucket) {
            return Ok(known.manifest);
        }
        let path = format!("{}/{}", recording_name(row.id), Manifest::FILE);
        let bytes = archive.store.bytes(row.in_bucket, &path, None).await?;
        let manifest = serde_json::from_slice(&bytes).map_err(|error| {
            tracing::error!(recording = %row.id, %error, "the index of a recording cannot be read");
            ApiError::Internal
        })?;
        Ok(Arc::new(manifest))
    }

    async fn known(&self, id: RecordingId, viewer: &Viewer) -> Result<Known, ApiError> {
        let served = &self.services.archive.served;
        let known = served.lock().get(&id).cloned();
        if let Some(known) = known.filter(|known| known.looked.elapsed() < BELIEVED) {
            self.check_watchable(&known.stream, viewer).await?;
            return Ok(known);
        }
        let (row, stream) = self.visible_recording(id, viewer).await?;
        if row.state != RecordingState::Ready {
            return Err(GONE);
        }
        let known = Known {
            stream: Arc::new(stream),
            in_bucket: row.in_bucket,
            manifest: self.manifest(&row).await?,
            looked: Instant::now(),
        };
        let mut all = served.lock();
        if all.len() >= REMEMBERED {
            let oldest = all.iter().min_by_key(|(_, known)| known.looked);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                all.remove(&oldest);
            }
        }
        all.insert(id, known.clone());
        Ok(known)
    }

    async fn by_token(&self, token: &str) -> Result<Viewer, ApiError> {
        let pass = self.pass(token).await?;
        pass.map(Viewer::Token)
            .ok_or(ApiError::BadCredentials("this is no viewer token"))
    }
}

/// The addresses of recordings.
pub(crate) fn routes(app: &App) -> Router {
    Router::new()
        .route("/{id}/{file}", get(of_recording))
        .route("/{id}/{track}/{file}", get(media))
        .route("/t/{token}/{id}/{file}", get(of_recording_by_token))
        .route("/t/{token}/{id}/{track}/{file}", get(media_by_token))
        .with_state(app.clone())
}

/// The addresses of clips.
pub(crate) fn clip_routes(app: &App) -> Router {
    Router::new()
        .route("/{file}", get(clip))
        .route("/t/{token}/{file}", get(clip_by_token))
        .with_state(app.clone())
}

async fn of_recording(
    State(app): State<App>,
    Path((id, file)): Path<(String, String)>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&app, &id, &file, &viewer, &headers).await
}

async fn of_recording_by_token(
    State(app): State<App>,
    Path((token, id, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let viewer = app.by_token(&token).await?;
    serve(&app, &id, &file, &viewer, &headers).await
}

async fn media(
    State(app): State<App>,
    Path((id, track, file)): Path<(String, String, String)>,
    viewer: Viewer,
) -> Result<Response, ApiError> {
    serve_media(&app, &id, &track, &file, &viewer).await
}

async fn media_by_token(
    State(app): State<App>,
    Path((token, id, track, file)): Path<(String, String, String, String)>,
) -> Result<Response, ApiError> {
    let viewer = app.by_token(&token).await?;
    serve_media(&app, &id, &track, &file, &viewer).await
}

async fn clip(
    State(app): State<App>,
    Path(file): Path<String>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve_clip(&app, &file, &viewer, &headers).await
}

async fn clip_by_token(
    State(app): State<App>,
    Path((token, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let viewer = app.by_token(&token).await?;
    serve_clip(&app, &file, &viewer, &headers).await
}

async fn serve(
    app: &App,
    id: &str,
    file: &str,
    viewer: &Viewer,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let id: RecordingId = id.parse().map_err(|_| GONE)?;
    let known = app.known(id, viewer).await?;
    let manifest = &known.manifest;
    let visibility = known.stream.details.visibility;
    if let Some(number) = movie_number(file).filter(|number| *number < manifest.movies.len()) {
        let path = format!("{}/{file}", recording_name(id));
        let name = format!("{}-{id}-{}.mp4", known.stream.slug, number + 1);
        let store = &app.services.archive.store;
        let cache = cache(Cache::Media, visibility);
        return serving::file(store, known.in_bucket, &path, &name, headers, cache).await;
    }
    let cache = cache(Cache::Whole, visibility);
    if file == "thumbnails.vtt" {
        let index = &manifest.index;
        let text = playlist::pictures(
            index.begins().unwrap_or_default(),
            index.duration_ms(),
            &manifest.pictures,
            |date| manifest.position(date),
            |at| format!("thumbnails/{at}.jpg"),
        );
        return Ok(serving::whole(serving::VTT, cache, text));
    }
    let no_track = ApiError::NotFound("track");
    let text = match file {
        "master.m3u8" => playlist::multivariant(&manifest.index, |track| format!("{track}.m3u8")),
        file => {
            let track: TrackId = file
                .strip_suffix(".m3u8")
                .and_then(|track| track.parse().ok())
                .ok_or(no_track.clone())?;
            playlist::media(
                &manifest.index,
                track,
                Form::Whole,
                |run| format!("{track}/init-{run}.mp4"),
                |segment| format!("{track}/{}.m4s", segment.seq),
            )
        }
    };
    let text = text.ok_or(no_track)?;
    Ok(serving::whole(serving::PLAYLIST, cache, text))
}

fn movie_number(file: &str) -> Option<usize> {
    let number = file.strip_prefix("movie-")?.strip_suffix(".mp4")?;
    let number = number.parse().ok()?;
    (Manifest::movie_name(number) == file).then_some(number)
}

async fn serve_media(
    app: &App,
    id: &str,
    track: &str,
    file: &str,
    viewer: &Viewer,
) -> Result<Response, ApiError> {
    let id: RecordingId = id.parse().map_err(|_| GONE)?;
    let known = app.known(id, viewer).await?;
    let gone = ApiError::NotFound("segment");
    let wanted = Wanted::parse(track, file).ok_or(gone.clone())?;
    let (name, range) = match wanted {
        Wanted::Init(track, run) => (Manifest::init_name(track, run), None),
        Wanted::Picture(at) => (Manifest::picture_name(at), None),
        Wanted::Segment(track, seq) => {
            let segments = known
                .manifest
                .index
                .tracks
                .get(&track)
                .ok_or(gone.clone())?;
            let found = segments.binary_search_by_key(&seq, |it| it.seq);
            let segment = &segments[found.map_err(|_| gone)?];
            let range = segment.offset..segment.offset + segment.len;
            (Manifest::media_name(track, segment), Some(range))
        }
    };
    let path = format!("{}/{name}", recording_name(id));
    let store = &app.services.archive.store;
    let bytes = store.bytes(known.in_bucket, &path, range).await?;
    let cache = cache(Cache::Media, known.stream.details.visibility);
    Ok(serving::whole(wanted.content_type(), cache, bytes))
}

async fn serve_clip(
    app: &App,
    file: &str,
    viewer: &Viewer,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let id = file.strip_suffix(".mp4").and_then(|id| id.parse().ok());
    let (row, stream) = app.visible_clip(id.ok_or(NO_CLIP)?, viewer).await?;
    let path = format!("{}/{CLIP_FILE}", clip_name(row.id));
    let name = format!("{}-clip-{}.mp4", stream.slug, row.id);
    let store = &app.services.archive.store;
    let cache = cache(Cache::Media, stream.details.visibility);
    serving::file(store, row.in_bucket, &path, &name, headers, cache).await
}

impl App {
    /// A clip and its stream, if this viewer may see it.
    pub(super) async fn visible_clip(
        &self,
        id: ClipId,
        viewer: &Viewer,
    ) -> Result<(weir_db::Clip, Stream), ApiError> {
        let db = &self.services.db;
        let row = db.clip(id).await?.ok_or(NO_CLIP)?;
        let stream = db.stream_by_id(row.stream).await?.ok_or(NO_CLIP)?;
        let seen = self.check_watchable(&stream, viewer).await;
        seen.map_err(|error| match error {
            ApiError::NotFound(_) => NO_CLIP,
            other => other,
        })?;
        Ok((row, stream))
    }
}
