//! The public streams that are live, as lists show them: a snapshot that requests share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use weir_db::{Stream, StreamId};
use weir_protocol::{StreamSummary, Visibility};

use super::Live;

/// How old counts of viewers may be in a list. What begins or ends shows at once.
const COUNTS_AGE: Duration = Duration::from_millis(500);

/// A live stream in a list.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Its row.
    pub(crate) row: Arc<Stream>,
    /// What lists show of it.
    pub(crate) summary: StreamSummary,
    /// The words that the search finds it by, with their weights.
    pub(crate) words: HashMap<String, i64>,
}

/// All public streams that are live, the most watched first.
#[derive(Debug, Default)]
pub(crate) struct LiveList {
    /// By viewers, then by id, both downwards.
    pub(crate) streams: Vec<Arc<Listed>>,
}

impl LiveList {
    /// Whether the stream is among them.
    pub(crate) fn contains(&self, id: StreamId) -> bool {
        self.streams.iter().any(|it| it.row.id == id)
    }
}

#[derive(Default)]
pub(super) struct Listing {
    cached: Mutex<Cached>,
}

#[derive(Default)]
struct Cached {
    list: Arc<LiveList>,
    made_at: Option<Instant>,
    /// Counts what began, ended, or is called otherwise; and up to where the list knows of it.
    events: u64,
    events_listed: u64,
    /// Counts changed.
    is_stale: bool,
}

impl Listing {
    /// A summary has changed.
    pub(super) fn changed(&self, old: &StreamSummary, new: &StreamSummary) {
        if !old.live && !new.live {
            return;
        }
        let counts_only = StreamSummary {
            viewers: old.viewers,
            ..new.clone()
        } == *old;
        let mut cached = self.lock();
        cached.is_stale = true;
        cached.events += u64::from(!counts_only);
    }

    /// A stream is no more.
    pub(super) fn gone(&self) {
        self.lock().events += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().expect("nothing panics under this lock")
    }
}

impl Live {
    /// Counts what lists show at once: beginnings, ends and edits of live streams.
    pub(crate) fn list_events(&self) -> u64 {
        self.inner.listing.lock().events
    }

    /// The public streams that are live. Made anew at once when one began or ended, and every half second
    /// when only counts have changed.
    pub(crate) fn listed(&self) -> Arc<LiveList> {
        let listing = &self.inner.listing;
        let (before, events) = {
            let mut cached = listing.lock();
            let is_old = cached.made_at.is_none_or(|at| at.elapsed() >= COUNTS_AGE);
            if cached.events == cached.events_listed && !(cached.is_stale && is_old) {
                return cached.list.clone();
            }
            cached.is_stale = false;
            (cached.list.clone(), cached.events)
        };
        // The order of locks: state, then listing.
        let known: HashMap<StreamId, &Arc<Listed>> =
            before.streams.iter().map(|it| (it.row.id, it)).collect();
        let mut streams: Vec<Arc<Listed>> = self
            .state()
            .streams
            .values()
            .filter(|entry| entry.on_air.is_some())
            .filter(|entry| entry.row.details.visibility == Visibility::Public)
            .map(|entry| {
                let summary = entry.summary.borrow();
                let words = match known.get(&entry.row.id) {
                    Some(it) if Arc::ptr_eq(&it.row, &entry.row) => it.words.clone(),
                    Some(_) | None => weir_db::weighted_words(&entry.row),
                };
                Arc::new(Listed {
                    row: entry.row.clone(),
                    summary: StreamSummary {
                        description: String::new(),
                        ..summary.clone()
                    },
                    words,
                })
            })
            .collect();
        streams.sort_by_key(|it| std::cmp::Reverse((it.summary.viewers.total(), it.row.id)));
        let list = Arc::new(LiveList { streams });
        let mut cached = listing.lock();
        // Another request may have seen more meanwhile.
        if events >= cached.events_listed {
            cached.list = list.clone();
            cached.events_listed = events;
        }
        cached.made_at = Some(Instant::now());
        list
    }
}
