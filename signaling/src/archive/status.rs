//! Whether a stream is recorded, and how that begins and ends.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use weir_archive::{Kept, Stopped};
use weir_db::DbError;
use weir_protocol::{Recording, RecordingStatus, SetRecording, StreamSlug};

use super::recordings::described;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Path, scope},
    live,
};

/// Whether a stream is recorded
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/recording", tag = "recordings",
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = RecordingStatus), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Path(slug): Path<String>,
) -> Result<Json<RecordingStatus>, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    app.recording_status(&stream).await.map(Json)
}

/// Say whether a stream's broadcasts are recorded
///
/// From the beginning of the next one. What is on the air is recorded by `POST`.
#[utoipa::path(
    put, path = "/api/v1/streams/{slug}/recording", tag = "recordings",
    params(("slug" = StreamSlug, Path)),
    request_body = SetRecording,
    responses((status = OK, body = RecordingStatus), Refusals),
)]
pub(crate) async fn set(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    Json(wish): Json<SetRecording>,
) -> Result<Json<RecordingStatus>, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    app.services.db.set_records(stream.id, wish.record).await?;
    app.recording_status(&stream).await.map(Json)
}

/// Begin to record what is on the air
///
/// From now on; a broadcast that is recorded from its beginning needs no call.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/recording", tag = "recordings",
    params(("slug" = StreamSlug, Path)),
    responses((status = CREATED, body = Recording, headers(("Location" = String))), Refusals),
)]
pub(crate) async fn start(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    let services = &app.services;
    let (broadcast, _) = services.live.on_air_as(&stream).ok_or(ApiError::NotLive)?;
    let now = live::now();
    let begun = services
        .archive
        .begin(&services.db, &stream, broadcast, (now, now * 1_000))
        .await;
    let row = begun.map_err(|error| match error {
        DbError::Conflict { .. } => {
            ApiError::Conflict("the stream is being recorded already".to_owned())
        }
        other => other.into(),
    })?;
    let location = format!("/api/v1/recordings/{}", row.id);
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::Internal)?;
    let body = Json(described(&row, &stream, false));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], body))
}

/// End the recording that goes on
///
/// The stream stays on the air. What was recorded is ready a moment later.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/recording", tag = "recordings",
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = Recording), Refusals),
)]
pub(crate) async fn stop(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    let (db, archive) = (&app.services.db, &app.services.archive);
    let none = ApiError::NotFound("recording that goes on");
    let row = db.open_recording(stream.id).await?.ok_or(none.clone())?;
    let now = live::now();
    if let Some(take) = archive.root.take(row.broadcast.get()) {
        let kept = take.kept();
        let kept = kept.iter().find(|it| it.recording == row.id.get());
        let ended = Kept {
            recording: row.id.get(),
            from: kept.map_or(row.started_at * 1_000, |it| it.from),
            to: Some(now * 1_000),
        };
        take.keep(ended).map_err(|error| {
            tracing::error!(%error, "the end of a recording could not be written");
            ApiError::Unavailable("the disk cannot be written to".to_owned())
        })?;
    }
    db.stop_recording(row.id, now).await?;
    archive.bell.notify_one();
    let row = db.recording(row.id).await?.ok_or(none)?;
    Ok(Json(described(&row, &stream, false)))
}

impl App {
    async fn recording_status(
        &self,
        stream: &weir_db::Stream,
    ) -> Result<RecordingStatus, ApiError> {
        let (db, archive) = (&self.services.db, &self.services.archive);
        let on_air = self.services.live.on_air_as(stream);
        let stopped = on_air.and_then(|(broadcast, _)| archive.root.stopped(broadcast.get()));
        Ok(RecordingStatus {
            record: db.records(stream.id).await?,
            default: archive.config.record,
            recording: db
                .open_recording(stream.id)
                .await?
                .map(|row| row.id.to_string()),
            stopped: stopped.map(|why| match why {
                Stopped::DiskFull => "the disk is full".to_owned(),
                Stopped::Failed(why) => format!("the disk cannot be written to: {why}"),
            }),
            dvr_window_seconds: archive.root.settings().window.as_secs(),
        })
    }
}
