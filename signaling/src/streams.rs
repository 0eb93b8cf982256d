//! Streams as a site has them: found in lists, changed by their owners, opened to guests.

pub(crate) mod categories;
mod edit;
pub(crate) mod invitations;
pub(crate) mod list;
mod list_cache;
pub(crate) mod live_events;
mod mine;
pub(crate) mod party;
pub(crate) mod raid;
mod recommend;
pub(crate) mod recommended;
pub(crate) mod schedule;
mod texts;
pub(crate) mod viewer_tokens;

pub(crate) use texts::line;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// What this part keeps. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    /// Lists as they were answered a moment ago.
    pub(crate) lists: Arc<list_cache::ListCache>,
    /// What recommendations choose from.
    candidates: Arc<recommended::Candidates>,
    /// The list of live streams, for whoever follows it.
    feed: Arc<live_events::Feed>,
}

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::show, edit::edit))
        .routes(routes!(mine::mine))
        .routes(routes!(live_events::events))
        .routes(routes!(recommended::recommended))
        .routes(routes!(recommended::for_me))
        .routes(routes!(viewer_tokens::list, viewer_tokens::create))
        .routes(routes!(viewer_tokens::revoke))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(invitations::show, invitations::accept))
        .routes(routes!(categories::list))
        .routes(routes!(categories::show))
        .routes(routes!(categories::create))
        .routes(routes!(categories::replace, categories::delete))
        .routes(routes!(schedule::of_stream, schedule::plan))
        .routes(routes!(
            schedule::show,
            schedule::change,
            schedule::take_back
        ))
        .routes(routes!(schedule::calendar_of_stream))
        .routes(routes!(schedule::upcoming))
        .routes(routes!(schedule::calendar))
        .routes(routes!(raid::raid))
        .routes(routes!(party::show, party::steer, party::end))
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
