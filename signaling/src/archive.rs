//! What is kept of broadcasts: the DVR window, recordings and clips. The media itself is the crate
//! `weir_archive`'s.
//!
//! [`keeper`] makes recordings ready, sends them to the bucket and removes what is too old; [`notices`]
//! tells streamers of a full disk; [`dvr`] and [`vod`] serve media; the rest is the API.

mod clips;
mod dvr;
mod keeper;
mod notices;
mod recordings;
mod serving;
mod status;
mod vod;

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_archive::{Kept, Root, S3, Settings, Store, StoreError};
use weir_db::{Broadcast, Db, DbError, Stream};

use crate::{
    App, Services,
    happenings::{Consumer, Happening},
};

pub(crate) use dvr::routes as dvr_routes;
pub(crate) use vod::{clip_routes, routes as vod_routes};

/// Settings of the archive.
#[derive(Clone, Default)]
pub struct ArchiveConfig {
    /// The disk, and how far viewers can go back.
    pub disk: Settings,
    /// Whether broadcasts of streams that say nothing of it are recorded.
    pub record: bool,
    /// How long recordings are kept; `None` for ever.
    pub keep: Option<Duration>,
    /// Bytes of all recordings at most; `None` for as many as there is room for.
    pub max_bytes: Option<u64>,
    /// Where finished recordings go, if not only on the local disk.
    pub s3: Option<S3>,
}

/// The archive of this server. Clones are the same.
#[derive(Clone)]
pub struct Archive {
    /// Broadcasts as they are written.
    pub root: Root,
    store: Store,
    config: Arc<ArchiveConfig>,
    bell: Arc<Notify>,
    served: Arc<vod::Served>,
}

impl Archive {
    /// Opens the archive in a data folder. What a crash left open is repaired, which takes as long as
    /// reading what is in the DVR window.
    ///
    /// # Errors
    /// The folder cannot be used, or the bucket's settings cannot.
    pub fn open(data: &Path, config: ArchiveConfig) -> Result<Self, StoreError> {
        let root = Root::open(&data.join("archive"), config.disk.clone())?;
        let mut store = Store::open(data.join("recorded"))?;
        if let Some(s3) = &config.s3 {
            store = store.and_s3(s3)?;
        }
        Ok(Self {
            root,
            store,
            config: Arc::new(config),
            bell: Arc::default(),
            served: Arc::default(),
        })
    }

    /// Begins to record a broadcast, from the beginning or from now.
    async fn begin(
        &self,
        db: &Db,
        stream: &Stream,
        broadcast: weir_db::BroadcastId,
        (shown_from, kept_from): (i64, i64),
    ) -> Result<weir_db::Recording, DbError> {
        let row = db
            .begin_recording(stream.id, broadcast, &stream.title, shown_from)
            .await?;
        let kept = Kept {
            recording: row.id.get(),
            from: kept_from,
            to: None,
        };
        if let Err(error) = self.root.keep(broadcast.get(), kept) {
            // It is kept until the server stops, and as long as the window is.
            tracing::error!(%error, "what is recorded could not be written down");
        }
        tracing::info!(slug = %stream.slug, recording = %row.id, "recording");
        Ok(row)
    }
}

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(
            status::show,
            status::set,
            status::start,
            status::stop
        ))
        .routes(routes!(recordings::of_stream))
        .routes(routes!(recordings::of_user))
        .routes(routes!(
            recordings::show,
            recordings::edit,
            recordings::delete
        ))
        .routes(routes!(clips::of_stream, clips::create))
        .routes(routes!(clips::show, clips::delete))
}

/// Begins to listen, and to keep the archive.
pub(crate) fn start(app: &App) {
    let services = &app.services;
    services.live.bus().register(Arc::new(Recorder {
        services: services.clone(),
    }));
    notices::listen(app);
    services.live.spawn_kept(keeper::run(app.clone()));
}

/// Records broadcasts that are to be recorded.
struct Recorder {
    services: Arc<Services>,
}

impl Recorder {
    async fn started(&self, stream: &Stream, broadcast: &Broadcast) {
        let Services { db, archive, .. } = &*self.services;
        let wished = match db.records(stream.id).await {
            Ok(wished) => wished,
            Err(error) => {
                tracing::warn!(%error, "whether to record could not be read; the server's setting counts");
                None
            }
        };
        if !wished.unwrap_or(archive.config.record) {
            return;
        }
        let from = (broadcast.started_at, 0);
        match archive.begin(db, stream, broadcast.id, from).await {
            // Somebody was faster.
            Ok(_) | Err(DbError::Conflict { .. }) => {}
            Err(error) => tracing::error!(%error, "a recording could not begin"),
        }
    }
}

impl Consumer for Recorder {
    fn consume<'a>(&'a self, happening: &'a Happening) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match happening {
                Happening::StreamStarted { stream, broadcast } => {
                    self.started(stream, broadcast).await;
                }
                Happening::StreamEnded { .. } | Happening::StreamDeleted { .. } => {
                    self.services.archive.bell.notify_one();
                }
                _ => {}
            }
        })
    }
}
