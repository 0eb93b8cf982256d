//! Recordings: listed, named, protected, deleted.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use weir_db::{RecordingId, Stream};
use weir_protocol::{EditRecording, Page, Recording, RecordingState, StreamSlug, TITLE_MAX};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
    rest::events::ViewerTokenQuery,
    rights, streams,
    watching::Viewer,
};

const UNKNOWN: ApiError = ApiError::NotFound("recording");

/// List a stream's recordings
///
/// The newest first. Those that are not ready are shown to who may change the stream.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/recordings", tag = "recordings", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<Recording>), Refusals),
)]
pub(crate) async fn of_stream(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
    viewer: Viewer,
) -> Result<Json<Page<Recording>>, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let limit = query.limit()?;
    let is_mine = viewer
        .user()
        .is_some_and(|user| rights::sees_all_of(user, &stream));
    let rows = app
        .services
        .db
        .recordings_of_stream(stream.id, !is_mine, before(&query)?, limit + 1)
        .await?;
    let place = |row: &weir_db::Recording| row.id.to_string();
    Ok(Json(page(rows, limit, place, |row| {
        described(&row, &stream, true)
    })))
}

/// List recordings of a user's streams
///
/// The newest first, of public streams; one's own are all shown.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/recordings", tag = "recordings", security((), ("bearer" = [])),
    params(("name" = String, Path, description = "Name of the user"), PageQuery),
    responses((status = OK, body = Page<Recording>), Refusals),
)]
pub(crate) async fn of_user(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
    viewer: Viewer,
) -> Result<Json<Page<Recording>>, ApiError> {
    let db = &app.services.db;
    let owner = db
        .user_by_name(&name)
        .await?
        .ok_or(ApiError::NotFound("user"))?;
    if let Some(user) = viewer.user_id()
        && db.is_blocked(owner.id, user).await?
    {
        return Err(ApiError::Forbidden("this user has blocked you"));
    }
    let limit = query.limit()?;
    let is_own = viewer.user_id() == Some(owner.id);
    let rows = db
        .recordings_of_user(owner.id, !is_own, before(&query)?, limit + 1)
        .await?;
    let mut ids: Vec<weir_db::StreamId> = rows.iter().map(|row| row.stream).collect();
    ids.sort_unstable();
    ids.dedup();
    let streams = db.streams_by_ids(&ids).await?;
    let place = |row: &weir_db::Recording| row.id.to_string();
    let rows = page(rows, limit, place, |row| {
        let stream = streams.iter().find(|stream| stream.id == row.stream)?;
        Some(described(&row, stream, true))
    });
    Ok(Json(Page {
        items: rows.items.into_iter().flatten().collect(),
        next: rows.next,
    }))
}

/// A recording
#[utoipa::path(
    get, path = "/api/v1/recordings/{id}", tag = "recordings", security((), ("bearer" = [])),
    params(("id" = String, Path, description = "Of the recording"), ViewerTokenQuery),
    responses((status = OK, body = Recording, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    let (row, stream) = app.visible_recording(parsed(&id)?, &viewer).await?;
    let is_mine = viewer
        .user()
        .is_some_and(|user| rights::sees_all_of(user, &stream));
    if row.state != RecordingState::Ready && !is_mine {
        return Err(UNKNOWN);
    }
    let mut body = described(&row, &stream, true);
    if row.state == RecordingState::Ready {
        let manifest = app.manifest(&row).await?;
        if manifest.pictures.is_empty() {
            body.thumbnails = None;
        }
    }
    Ok(([(header::ETAG, version_tag(row.version))], Json(body)))
}

/// Change a recording
#[utoipa::path(
    patch, path = "/api/v1/recordings/{id}", tag = "recordings",
    params(
        ("id" = String, Path, description = "Of the recording"),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is changed"),
    ),
    request_body = EditRecording,
    responses((status = OK, body = Recording, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(id): Path<String>,
    condition: IfMatch,
    Json(change): Json<EditRecording>,
) -> Result<impl IntoResponse, ApiError> {
    let id = parsed(&id)?;
    let (row, stream) = app
        .visible_recording(id, &Viewer::User(user.clone()))
        .await?;
    rights::may_change(&user, &stream)?;
    condition.check(row.version)?;
    let title = match &change.title {
        Some(title) => streams::line("title", title, TITLE_MAX)?,
        None => row.title.clone(),
    };
    let protected = change.protected.unwrap_or(row.protected);
    let db = &app.services.db;
    if !db
        .edit_recording(id, row.version, &title, protected)
        .await?
    {
        return Err(ApiError::Changed);
    }
    let row = db.recording(id).await?.ok_or(UNKNOWN)?;
    let tag = [(header::ETAG, version_tag(row.version))];
    Ok((tag, Json(described(&row, &stream, true))))
}

/// Delete a recording
///
/// Nobody sees it any more; its files are removed a moment later. One that goes on must be ended first.
#[utoipa::path(
    delete, path = "/api/v1/recordings/{id}", tag = "recordings",
    params(("id" = String, Path, description = "Of the recording")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = parsed(&id)?;
    let (_, stream) = app
        .visible_recording(id, &Viewer::User(user.clone()))
        .await?;
    rights::may_change(&user, &stream)?;
    let archive = &app.services.archive;
    if !app.services.db.delete_recording(id).await? {
        return Err(ApiError::Conflict(
            "the recording goes on; end it first".to_owned(),
        ));
    }
    archive.served.forget(id);
    archive.bell.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// As clients see it.
pub(super) fn described(
    row: &weir_db::Recording,
    stream: &Stream,
    with_addresses: bool,
) -> Recording {
    let id = row.id;
    let is_ready = with_addresses && row.state == RecordingState::Ready;
    let movies = usize::try_from(row.movies).unwrap_or(0);
    let downloads = (0..movies).filter(|_| is_ready).map(|number| {
        let name = weir_archive::Manifest::movie_name(number);
        format!("/vod/{id}/{name}")
    });
    Recording {
        id: id.to_string(),
        slug: stream.slug.clone(),
        broadcast_id: row.broadcast.to_string(),
        title: row.title.clone(),
        state: row.state,
        error: row.why.clone(),
        started_at: row.started_at,
        ended_at: row.ended_at,
        duration_ms: row.duration_ms,
        bytes: row.bytes,
        protected: row.protected,
        hls: is_ready.then(|| format!("/vod/{id}/master.m3u8")),
        thumbnails: is_ready.then(|| format!("/vod/{id}/thumbnails.vtt")),
        downloads: downloads.collect(),
    }
}

pub(super) fn parsed(id: &str) -> Result<RecordingId, ApiError> {
    id.parse().map_err(|_| UNKNOWN)
}

fn before(query: &PageQuery) -> Result<Option<RecordingId>, ApiError> {
    let after: Option<String> = query.after()?;
    after
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".to_owned()))
}
