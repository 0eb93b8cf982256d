//! Streams as a site has them: found in lists, changed by their owners, opened to guests.

mod edit;
pub(crate) mod list;
mod list_cache;
pub(crate) mod live_events;
mod texts;

pub(crate) use texts::line;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// What this part keeps. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    /// Lists as they were answered a moment ago.
    pub(crate) lists: Arc<list_cache::ListCache>,
    /// The list of live streams, for whoever follows it.
    feed: Arc<live_events::Feed>,
}

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::show, edit::edit))
        .routes(routes!(live_events::events))
}

/// Gives streams their words and marks that have none yet, or old ones, at the start and from time to time.
pub(crate) async fn keep_index(app: App) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_secs(10));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.services.draining.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match app.services.db.index_streams().await {
            Ok(0) => {}
            Ok(streams) => {
                app.streams.lists.forget();
                tracing::info!(streams, "the search knows more streams");
            }
            Err(error) => tracing::warn!(%error, "streams could not be indexed"),
        }
    }
}
