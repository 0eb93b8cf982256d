//! Clips: up to three minutes of what is on the air or of a recording, cut without encoding anew.

use std::path::PathBuf;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use weir_archive::movie::{Cut, Made, MovieError};
use weir_db::{ClipId, NewClip, RecordingId, Stream};
use weir_protocol::{CLIP_MAX_MS, Clip, CreateClip, Page, RecordingState, StreamSlug, TITLE_MAX};

use super::{
    keeper::{has_room, signed},
    recordings,
    vod::{self, CLIP_FILE},
};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    rest::events::ViewerTokenQuery,
    rights, streams,
    watching::Viewer,
};

const UNKNOWN: ApiError = ApiError::NotFound("clip");

/// List a stream's clips
///
/// The newest first.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/clips", tag = "recordings", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<Clip>), Refusals),
)]
pub(crate) async fn of_stream(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
    viewer: Viewer,
) -> Result<Json<Page<Clip>>, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let limit = query.limit()?;
    let after: Option<String> = query.after()?;
    let before = after.map(|id| id.parse()).transpose();
    let before = before
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".to_owned()))?;
    let db = &app.services.db;
    let rows = db.clips_of_stream(stream.id, before, limit + 1).await?;
    let place = |row: &weir_db::Clip| row.id.to_string();
    Ok(Json(page(rows, limit, place, |row| {
        described(row, &stream)
    })))
}

/// A clip
#[utoipa::path(
    get, path = "/api/v1/clips/{id}", tag = "recordings", security((), ("bearer" = [])),
    params(("id" = String, Path, description = "Of the clip"), ViewerTokenQuery),
    responses((status = OK, body = Clip), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<Json<Clip>, ApiError> {
    let (row, stream) = app.visible_clip(parsed(&id)?, &viewer).await?;
    Ok(Json(described(row, &stream)))
}

/// Cut a clip
///
/// Out of what is on the air, as far back as its DVR window goes, or out of a recording; three minutes at
/// most. It begins with the first picture from the asked time on. For everybody with an account who may
/// watch.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/clips", tag = "recordings",
    params(("slug" = StreamSlug, Path)),
    request_body = CreateClip,
    responses((status = CREATED, body = Clip, headers(("Location" = String))), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    Json(new): Json<CreateClip>,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.watchable(&slug, &Viewer::User(user.clone())).await?;
    let title = streams::line("title", &new.title, TITLE_MAX)?;
    if new.start < 0 || !(1..=CLIP_MAX_MS).contains(&new.end.saturating_sub(new.start)) {
        return Err(ApiError::BadRequest(
            "a clip ends after it starts, and lasts three minutes at most".to_owned(),
        ));
    }
    let id = ClipId::begin();
    let archive = &app.services.archive;
    if !has_room(&archive.root, 0) {
        return Err(ApiError::Unavailable("the disk is full".to_owned()));
    }
    let name = vod::clip_name(id);
    let folder = archive.store.folder(&name);
    let (made, recording) = match &new.recording {
        None => (live(&app, &stream, &new, folder).await?, None),
        Some(recording) => {
            let recording = recordings::parsed(recording)?;
            let made = of_recording(&app, &stream, recording, &new, folder).await?;
            (made, Some(recording))
        }
    };
    let row = NewClip {
        id,
        stream: stream.id,
        recording,
        user: user.id,
        title,
        duration_ms: signed(made.duration_ms),
        bytes: signed(made.bytes),
    };
    let row = match app.services.db.add_clip(&row).await {
        Ok(row) => row,
        Err(error) => {
            archive.store.remove_local(&name).await?;
            return Err(error.into());
        }
    };
    archive.bell.notify_one();
    let location = format!("/api/v1/clips/{id}");
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::Internal)?;
    let body = Json(described(row, &stream));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], body))
}

/// Delete a clip
///
/// For who cut it, and for who may change the stream.
#[utoipa::path(
    delete, path = "/api/v1/clips/{id}", tag = "recordings",
    params(("id" = String, Path, description = "Of the clip")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = parsed(&id)?;
    let (row, stream) = app.visible_clip(id, &Viewer::User(user.clone())).await?;
    if row.user != Some(user.id) {
        rights::may_change(&user, &stream)?;
    }
    if !app.services.db.delete_clip(id).await? {
        return Err(UNKNOWN);
    }
    app.services.archive.bell.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// Cuts out of what is on the air.
async fn live(
    app: &App,
    stream: &Stream,
    new: &CreateClip,
    folder: PathBuf,
) -> Result<Made, ApiError> {
    let archive = &app.services.archive;
    let (broadcast, _) = app
        .services
        .live
        .on_air_as(stream)
        .ok_or(ApiError::NotLive)?;
    let take = archive.root.take(broadcast.get());
    let take = take.ok_or(ApiError::NotFound("DVR window"))?;
    let index = app.window(&take)?;
    let place = |at: i64| index.locate_date(at.saturating_mul(1_000));
    let cut = cut(place(new.start), place(new.end))?;
    made(move || {
        std::fs::create_dir_all(&folder)?;
        weir_archive::make_clip_of_take(&take, &index, cut, &folder.join(CLIP_FILE))
            .inspect_err(|_| drop(std::fs::remove_dir_all(&folder)))
    })
    .await
}

/// Cuts out of a recording.
async fn of_recording(
    app: &App,
    stream: &Stream,
    id: RecordingId,
    new: &CreateClip,
    folder: PathBuf,
) -> Result<Made, ApiError> {
    let (db, store) = (&app.services.db, &app.services.archive.store);
    let row = db
        .recording(id)
        .await?
        .filter(|row| row.stream == stream.id && row.state == RecordingState::Ready);
    let row = row.ok_or(ApiError::NotFound("recording of this stream that is ready"))?;
    let manifest = app.manifest(&row).await?;
    let length = signed(manifest.index.duration_ms());
    if new.start >= length {
        return Err(ApiError::BadRequest(format!(
            "the recording has {length} ms; begin before"
        )));
    }
    let nanos = |ms: i64| u64::try_from(ms).unwrap_or(0) * 1_000_000;
    let place = |ms: i64| manifest.index.locate(nanos(ms));
    let cut = cut(place(new.start), place(new.end))?;
    let name = vod::recording_name(id);
    // What is in the bucket is brought here first, as far as it is needed.
    let fetched = match row.in_bucket {
        true => {
            let to = folder.with_extension("tmp");
            tokio::fs::create_dir_all(&to)
                .await
                .map_err(weir_archive::StoreError::from)?;
            let files = manifest.files_of(&cut);
            if let Err(error) = store.fetch(&name, &files, &to).await {
                drop(tokio::fs::remove_dir_all(&to).await);
                return Err(error.into());
            }
            Some(to)
        }
        false => None,
    };
    let media = fetched.clone().unwrap_or_else(|| store.folder(&name));
    let made = made(move || {
        std::fs::create_dir_all(&folder)?;
        weir_archive::make_clip(&media, &manifest.index, cut, &folder.join(CLIP_FILE))
            .inspect_err(|_| drop(std::fs::remove_dir_all(&folder)))
    })
    .await;
    if let Some(fetched) = fetched {
        drop(tokio::fs::remove_dir_all(fetched).await);
    }
    made
}

fn cut(from: Option<(u32, u64)>, to: Option<(u32, u64)>) -> Result<Cut, ApiError> {
    let outside =
        "this time is not in the DVR window; what is newest takes some seconds to be there";
    match (from, to) {
        (Some(from), Some(to)) if from < to => Ok(Cut { from, to }),
        (Some(_), Some(_)) => Err(ApiError::BadRequest(
            "nothing was on the air at this time".to_owned(),
        )),
        _ => Err(ApiError::BadRequest(outside.to_owned())),
    }
}

async fn made(
    make: impl FnOnce() -> Result<Made, MovieError> + Send + 'static,
) -> Result<Made, ApiError> {
    let made = tokio::task::spawn_blocking(make).await;
    made.map_err(|_| ApiError::Internal)?
        .map_err(|error| match error {
            MovieError::Empty | MovieError::FormatChanges => {
                ApiError::Unprocessable(error.to_string())
            }
            MovieError::Io(error) => {
                tracing::error!(%error, "a clip could not be written");
                ApiError::Unavailable("the disk cannot be written to".to_owned())
            }
        })
}

fn described(row: weir_db::Clip, stream: &Stream) -> Clip {
    Clip {
        id: row.id.to_string(),
        slug: stream.slug.clone(),
        recording: row.recording.map(|id| id.to_string()),
        creator: row.user_name,
        title: row.title,
        duration_ms: row.duration_ms,
        bytes: row.bytes,
        created_at: row.created_at,
        url: format!("/clips/{}.mp4", row.id),
    }
}

fn parsed(id: &str) -> Result<ClipId, ApiError> {
    id.parse().map_err(|_| UNKNOWN)
}
