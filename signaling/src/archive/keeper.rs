//! Makes recordings ready, sends them away, removes what is too old: beside everything else, and again
//! after a restart.

use std::time::Duration;

use tokio::time::Instant;
use weir_archive::{Finished, Take, movie::MovieError};
use weir_db::{Recording, RecordingFigures};
use weir_protocol::RecordingState;

use super::{Archive, vod};
use crate::{ApiError, App, happenings::Happening, live};

/// How often it is looked for work that nobody announced.
const LOOK: Duration = Duration::from_secs(2);

/// How often old media is removed.
const TIDY: Duration = Duration::from_secs(30);

/// Wait after something failed that may work later.
const RETRY: Duration = Duration::from_secs(30);

/// Rows of one look.
const ROWS: u32 = 20;

/// How long a recording waits for its last segment, in milliseconds.
const LAST_SEGMENT: i64 = 15_000;

/// When each kind of work may be tried again.
struct Times {
    tidy: Instant,
    finish: Instant,
    upload: Instant,
}

/// Works until the server stops.
pub(super) async fn run(app: App) {
    let draining = app.services.draining.clone();
    let bell = app.services.archive.bell.clone();
    if let Err(error) = remove_unknown(&app).await {
        tracing::warn!(%error, "files of unfinished clips could not be looked for");
    }
    let now = Instant::now();
    let mut times = Times {
        tidy: now,
        finish: now,
        upload: now,
    };
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            () = work(&app, &mut times) => {}
        }
        tokio::select! {
            () = draining.cancelled() => return,
            () = bell.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn work(app: &App, times: &mut Times) {
    if let Err(error) = stop_what_is_over(app).await {
        tracing::warn!(%error, "recordings could not be ended");
    }
    if times.finish <= Instant::now()
        && let Err(error) = finish_all(app).await
    {
        tracing::warn!(%error, "a recording could not be finished yet");
        times.finish = Instant::now() + RETRY;
    }
    if app.services.archive.store.has_remote()
        && times.upload <= Instant::now()
        && let Err(error) = upload(app).await
    {
        tracing::warn!(%error, "the bucket could not be written to; trying again");
        times.upload = Instant::now() + RETRY;
    }
    if times.tidy <= Instant::now() {
        times.tidy = Instant::now() + TIDY;
        if let Err(error) = expire(app).await {
            tracing::warn!(%error, "old recordings could not be looked for");
        }
        let root = app.services.archive.root.clone();
        let tidied = tokio::task::spawn_blocking(move || root.tidy(live::now() * 1_000));
        if tidied.await.is_err() {
            tracing::warn!("old media could not be removed");
        }
    }
    if let Err(error) = remove_deleted(app).await {
        tracing::warn!(%error, "files of deleted recordings could not be removed yet");
    }
}

/// Ends recordings whose broadcasts are over, also those that a crash left open.
async fn stop_what_is_over(app: &App) -> tried::Result {
    let services = &app.services;
    for row in services
        .db
        .recordings_in(RecordingState::Recording, ROWS)
        .await?
    {
        let on_air = match services.db.stream_by_id(row.stream).await? {
            Some(stream) => services.live.on_air_as(&stream).map(|(id, _)| id),
            None => None,
        };
        if on_air != Some(row.broadcast) {
            services.db.stop_recording(row.id, live::now()).await?;
        }
    }
    Ok(())
}

async fn finish_all(app: &App) -> tried::Result {
    let db = &app.services.db;
    for row in db.recordings_in(RecordingState::Processing, ROWS).await? {
        finish(app, row).await?;
    }
    Ok(())
}

async fn finish(app: &App, row: Recording) -> tried::Result {
    let Archive { root, store, .. } = &app.services.archive;
    let db = &app.services.db;
    let folder = store.folder(&vod::recording_name(row.id));
    let take = root.take(row.broadcast.get());
    let finished = match take.clone() {
        Some(take) => {
            let Some((from, to)) = range(&take, &row) else {
                return Ok(());
            };
            let made =
                tokio::task::spawn_blocking(move || weir_archive::finish(&take, from, to, &folder));
            made.await?
        }
        None => weir_archive::finished(&folder),
    };
    match finished {
        Ok(Finished { manifest, bytes }) => {
            let figures = RecordingFigures {
                duration_ms: signed(manifest.index.duration_ms()),
                bytes: signed(bytes),
                movies: signed(manifest.movies.len() as u64),
            };
            if db.recording_ready(row.id, figures).await? {
                tracing::info!(recording = %row.id, duration_ms = figures.duration_ms, "the recording is ready");
                tell(app, &row, figures).await?;
            }
        }
        Err(MovieError::Io(error)) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error.into());
        }
        Err(error) => {
            tracing::warn!(recording = %row.id, %error, "the recording failed");
            let why = match error {
                MovieError::Empty => "nothing was recorded".to_owned(),
                error => error.to_string(),
            };
            db.recording_failed(row.id, &why).await?;
        }
    }
    if let Some(take) = take {
        take.let_go(row.id.get())?;
    }
    Ok(())
}

/// Whether so many bytes may be written beside what stays free.
pub(super) fn has_room(root: &weir_archive::Root, bytes: u64) -> bool {
    let free = weir_archive::free_bytes(root.folder()).unwrap_or(0);
    free >= root.settings().min_free.saturating_add(bytes)
}

/// From when to when a recording goes, once all of it is there.
fn range(take: &Take, row: &Recording) -> Option<(i64, i64)> {
    let kept = take.kept();
    let kept = kept.iter().find(|it| it.recording == row.id.get());
    let from = kept.map_or(row.started_at * 1_000, |it| it.from);
    let ended = row.ended_at.unwrap_or_else(live::now);
    let to = kept.and_then(|it| it.to);
    if take.is_over() {
        return Some((from, to.unwrap_or(i64::MAX)));
    }
    let to = to.unwrap_or(ended * 1_000);
    let has_all = take
        .look(weir_archive::Index::ends)
        .is_some_and(|ends| ends >= to);
    (has_all || live::now() - ended > LAST_SEGMENT).then_some((from, to))
}

async fn tell(app: &App, row: &Recording, figures: RecordingFigures) -> tried::Result {
    let services = &app.services;
    if let Some(stream) = services.db.stream_by_id(row.stream).await?
        && let Some(recording) = services.db.recording(row.id).await?
    {
        debug_assert_eq!(recording.bytes, figures.bytes);
        let bus = services.live.bus();
        bus.emit(Happening::RecordingReady { stream, recording })
            .await;
    }
    Ok(())
}

async fn upload(app: &App) -> tried::Result {
    let (db, archive) = (&app.services.db, &app.services.archive);
    for row in db.recordings_to_upload(ROWS).await? {
        let name = vod::recording_name(row.id);
        archive.store.upload(&name).await?;
        if db.recording_in_bucket(row.id).await? {
            tracing::info!(recording = %row.id, "the recording is in the bucket");
            archive.served.forget(row.id);
            archive.store.remove_local(&name).await?;
        }
    }
    for row in db.clips_to_upload(ROWS).await? {
        let name = vod::clip_name(row.id);
        archive.store.upload(&name).await?;
        if db.clip_in_bucket(row.id).await? {
            archive.store.remove_local(&name).await?;
        }
    }
    Ok(())
}

async fn expire(app: &App) -> tried::Result {
    let (db, config) = (&app.services.db, &app.services.archive.config);
    db.delete_orphans().await?;
    if let Some(keep) = config.keep {
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let expired = db
            .expire_recordings(live::now().saturating_sub(keep))
            .await?;
        if expired > 0 {
            tracing::info!(expired, "recordings are too old and go");
        }
    }
    if let Some(max) = config.max_bytes {
        let shrunk = db.shrink_recordings(signed(max)).await?;
        if shrunk > 0 {
            tracing::info!(
                shrunk,
                "the oldest recordings go: all together are too large"
            );
        }
    }
    Ok(())
}

async fn remove_deleted(app: &App) -> tried::Result {
    let (db, archive) = (&app.services.db, &app.services.archive);
    for row in db.recordings_in(RecordingState::Deleted, ROWS).await? {
        archive.served.forget(row.id);
        let name = vod::recording_name(row.id);
        archive.store.remove(row.in_bucket, &name).await?;
        if let Some(take) = archive.root.take(row.broadcast.get()) {
            take.let_go(row.id.get())?;
        }
        db.forget_recording(row.id).await?;
    }
    for row in db.deleted_clips(ROWS).await? {
        let name = vod::clip_name(row.id);
        archive.store.remove(row.in_bucket, &name).await?;
        db.forget_clip(row.id).await?;
    }
    Ok(())
}

/// Removes what was being made when the server stopped and has no row.
async fn remove_unknown(app: &App) -> tried::Result {
    let (db, store) = (&app.services.db, &app.services.archive.store);
    for kind in [vod::RECORDINGS, vod::CLIPS] {
        for names in store.local_names(kind)?.chunks(100) {
            let id = |name: &String| name.split('.').next().and_then(|id| id.parse().ok());
            let ids: Vec<i64> = names.iter().filter_map(id).collect();
            let known = db.known_files(&ids).await?;
            for name in names {
                let is_known = id(name).is_none_or(|id| known.contains(&id));
                if !is_known {
                    store.remove_local(&format!("{kind}/{name}")).await?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Whatever may go wrong here is logged and tried again.
mod tried {
    pub(super) type Result = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

impl From<weir_archive::StoreError> for ApiError {
    fn from(error: weir_archive::StoreError) -> Self {
        match error {
            weir_archive::StoreError::NotFound => Self::NotFound("file"),
            error => {
                tracing::error!(%error, "the archive cannot be read");
                Self::Unavailable("the archive cannot be read at the moment".to_owned())
            }
        }
    }
}
