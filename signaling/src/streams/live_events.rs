//! `GET /api/v1/streams/events`: the list of live streams, pushed.
//!
//! One task makes the difference of the list once a second and sends it to everybody who follows it, so
//! that the work does not grow with the number of followers. Without followers it does nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{extract::State, response::IntoResponse};
use futures_util::{StreamExt, stream};
use tokio::{sync::broadcast, time::MissedTickBehavior};
use tokio_stream::wrappers::BroadcastStream;
use weir_db::StreamId;
use weir_protocol::{LiveChanges, StreamSummary};

use crate::{
    ApiError, App, Refusals,
    live::LiveList,
    rest::events::{answer, said},
};

/// How often the list is looked at.
const ROUND: Duration = Duration::from_secs(1);

/// Differences that wait for a slow follower. Who misses one is sent away: a browser connects anew by
/// itself, and is told everything then.
const WAITING: usize = 8;

/// Streams told of at most: the most watched. More fit no page.
const TOLD: usize = 500;

/// Who follows the list.
pub(crate) struct Feed {
    changes: broadcast::Sender<Arc<LiveChanges>>,
    /// What followers were told last.
    told: Mutex<HashMap<StreamId, StreamSummary>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            changes: broadcast::Sender::new(WAITING),
            told: Mutex::default(),
        }
    }
}

impl Feed {
    /// The next difference, for everybody; and the state that a new follower begins with.
    fn round(&self, list: &LiveList) -> Option<LiveChanges> {
        let mut told = self.told.lock().expect("nothing panics under this lock");
        let now: HashMap<StreamId, &StreamSummary> = list
            .streams
            .iter()
            .take(TOLD)
            .map(|it| (it.row.id, &it.summary))
            .collect();
        let mut changes = LiveChanges {
            live: u32::try_from(list.streams.len()).unwrap_or(u32::MAX),
            ..LiveChanges::default()
        };
        told.retain(|id, summary| {
            let stays = now.contains_key(id);
            if !stays {
                changes.gone.push(summary.slug.clone());
            }
            stays
        });
        for it in list.streams.iter().take(TOLD) {
            if told.get(&it.row.id) != Some(&it.summary) {
                told.insert(it.row.id, it.summary.clone());
                changes.changed.push(it.summary.clone());
            }
        }
        let is_something = !(changes.changed.is_empty() && changes.gone.is_empty());
        is_something.then_some(changes)
    }

    /// Everything as of the last round, and what comes after it.
    fn follow(&self) -> (LiveChanges, broadcast::Receiver<Arc<LiveChanges>>) {
        // Under the lock, so that no round comes between the two.
        let told = self.told.lock().expect("nothing panics under this lock");
        let mut all: Vec<StreamSummary> = told.values().cloned().collect();
        all.sort_by(|a, b| {
            let rank = |it: &StreamSummary| std::cmp::Reverse(it.viewers.total());
            rank(a).cmp(&rank(b)).then_with(|| a.slug.cmp(&b.slug))
        });
        let live = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let first = LiveChanges {
            changed: all,
            gone: Vec::new(),
            live,
        };
        (first, self.changes.subscribe())
    }
}

/// Tells followers how the list of live streams changes, until the server stops.
pub(crate) async fn keep_telling(app: App) {
    let mut ticks = tokio::time::interval(ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let draining = app.services.draining.clone();
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let feed = &app.streams.feed;
        if feed.changes.receiver_count() > 0 {
            feed.tell(&app.services.live.listed());
        }
    }
}

impl Feed {
    fn tell(&self, list: &LiveList) {
        if let Some(changes) = self.round(list) {
            // An error says that nobody follows.
            let _ = self.changes.send(Arc::new(changes));
        }
    }
}

/// Live streams and their viewers as server-sent events
///
/// Event `live`: first everything, then once a second what has changed. At most the 500 most watched
/// streams are told of.
#[utoipa::path(
    get, path = "/api/v1/streams/events", tag = "streams", security((), ("bearer" = [])),
    responses((status = OK, body = String, content_type = "text/event-stream"), Refusals),
)]
pub(crate) async fn events(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    app.check_open()?;
    let feed = &app.streams.feed;
    feed.tell(&app.services.live.listed());
    let (first, changes) = feed.follow();
    let changes = BroadcastStream::new(changes)
        .take_while(|change| std::future::ready(change.is_ok()))
        .filter_map(|change| std::future::ready(change.ok()));
    let events = stream::once(std::future::ready(Arc::new(first)))
        .chain(changes)
        .map(|changes| said("live", &*changes))
        .take_until(app.services.draining.clone().cancelled_owned());
    Ok(answer(events))
}
