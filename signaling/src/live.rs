//! The one truth about what is live: who publishes, since when, and who watches.
//!
//! A publisher's right to be on the air is a [`Broadcast`]; the newest one of a stream wins, and
//! dropping it ends it. What the public sees is a [`StreamSummary`] in a watch channel per stream:
//! a slow reader misses intermediate states, never the last one, and costs nothing.

mod follow;
mod publishers;
mod record;
mod watch_database;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use weir_db::{Db, Stream, UnixMillis};
use weir_protocol::{IngestProtocol, StreamSlug, StreamSummary, ViewerCount};
use weir_sfu::{SessionId, StreamId};

use crate::hls;

pub use follow::{OnWhip, WhipBroadcast, follow_sfu};
pub use watch_database::watch_database;

use publishers::Publishers;

/// How often the HLS origin's count of viewers is looked at. It tells by itself when it gets ready.
const REFRESH: Duration = Duration::from_secs(1);

/// The media plane's name of a stream: the number of its row.
pub fn media_id(stream: &Stream) -> StreamId {
    StreamId(stream.id.get().unsigned_abs())
}

/// What is live. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    hls: hls::Origin,
    state: Mutex<State>,
    publishers: Publishers,
    records: TaskTracker,
    /// Cancelled when the media plane has stopped.
    media_stopped: CancellationToken,
}

#[derive(Default)]
struct State {
    /// Streams that are on the air or looked at. Others have no entry.
    streams: HashMap<StreamId, Entry>,
    /// WebRTC viewers whose transport is up. They outlive a publisher that reconnects.
    viewers: HashMap<StreamId, HashSet<SessionId>>,
    /// Counts broadcasts, so that each knows whether it is still the newest.
    broadcasts: u64,
}

struct Entry {
    slug: StreamSlug,
    title: String,
    on_air: Option<OnAir>,
    summary: watch::Sender<StreamSummary>,
}

struct OnAir {
    number: u64,
    protocol: IngestProtocol,
    started_at: UnixMillis,
    key_made: KeyMade,
    cancel: CancellationToken,
    peak_viewers: Arc<AtomicU32>,
}

impl OnAir {
    fn credentials(&self) -> (KeyMade, CancellationToken) {
        (self.key_made, self.cancel.clone())
    }
}

/// Which of a stream's keys a publisher used, told by when it was made. The hash itself stays in
/// the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyMade(Option<UnixMillis>);

impl KeyMade {
    pub(crate) fn of(stream: &Stream) -> Self {
        Self(stream.key_rotated_at)
    }
}

/// What is live, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Streams on the air.
    pub streams: u32,
    /// Who watches.
    pub viewers: ViewerCount,
}

impl Live {
    /// Nothing is live yet. Must be called within a tokio runtime: broadcasts are written to the
    /// database by tasks on it.
    pub fn new(db: Db, hls: hls::Origin) -> Self {
        let inner = Inner {
            db,
            hls,
            state: Mutex::default(),
            publishers: Publishers::default(),
            records: TaskTracker::new(),
            media_stopped: CancellationToken::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Puts a stream on the air. An older broadcast of it is told to end at once, and no longer
    /// counts. The row in `broadcasts` is written by a task, so a slow database delays no media.
    pub fn begin(&self, stream: &Stream, protocol: IngestProtocol) -> Broadcast {
        let id = media_id(stream);
        let cancel = CancellationToken::new();
        let peak_viewers = Arc::new(AtomicU32::new(0));
        let number = {
            let mut state = self.state();
            state.broadcasts += 1;
            let number = state.broadcasts;
            let entry = state.entry(stream);
            let older = entry.on_air.replace(OnAir {
                number,
                protocol,
                started_at: now(),
                key_made: KeyMade::of(stream),
                cancel: cancel.clone(),
                peak_viewers: peak_viewers.clone(),
            });
            if let Some(older) = older {
                older.cancel.cancel();
            }
            self.refresh(&mut state, id);
            number
        };
        tracing::info!(slug = %stream.slug, protocol = protocol.as_str(), "stream is live");
        let over = CancellationToken::new();
        self.inner.records.spawn(record::keep(
            self.inner.db.clone(),
            stream.id,
            protocol,
            peak_viewers,
            over.clone(),
            cancel.clone(),
        ));
        Broadcast {
            live: self.clone(),
            stream: id,
            slug: stream.slug.clone(),
            number,
            cancel,
            _over: over.drop_guard(),
        }
    }

    /// What the public may know of a stream now.
    pub fn summary(&self, stream: &Stream) -> StreamSummary {
        let state = self.state();
        match state.streams.get(&media_id(stream)) {
            Some(entry) => entry.summary.borrow().clone(),
            None => offline(
                &stream.slug,
                &stream.title,
                state.webrtc_viewers(media_id(stream)),
            ),
        }
    }

    /// Summaries of streams: live ones first, the most watched in front, then by name.
    pub fn list(&self, streams: &[Stream]) -> Vec<StreamSummary> {
        let mut list: Vec<StreamSummary> =
            streams.iter().map(|stream| self.summary(stream)).collect();
        list.sort_by(|a, b| {
            let rank = |it: &StreamSummary| (!it.live, u32::MAX - it.viewers.total());
            rank(a).cmp(&rank(b)).then_with(|| a.slug.cmp(&b.slug))
        });
        list
    }

    /// The state of a stream, now and after each change. The channel closes when the stream is
    /// deleted.
    pub fn subscribe(&self, stream: &Stream) -> watch::Receiver<StreamSummary> {
        let mut state = self.state();
        let receiver = state.entry(stream).summary.subscribe();
        self.refresh(&mut state, media_id(stream));
        receiver
    }

    /// Whether a broadcast of the stream is on the air.
    pub fn is_live(&self, stream: StreamId) -> bool {
        self.state()
            .streams
            .get(&stream)
            .is_some_and(|entry| entry.on_air.is_some())
    }

    /// What is live, in numbers.
    pub fn counts(&self) -> LiveCounts {
        let state = self.state();
        let on_air = state
            .streams
            .values()
            .filter(|entry| entry.on_air.is_some());
        let mut counts = on_air.fold(LiveCounts::default(), |mut counts, entry| {
            counts.streams += 1;
            counts.viewers.hls += entry.summary.borrow().viewers.hls;
            counts
        });
        let webrtc = state.viewers.values().map(HashSet::len).sum::<usize>();
        counts.viewers.webrtc = u32::try_from(webrtc).unwrap_or(u32::MAX);
        counts
    }

    /// A WebRTC viewer's transport is up.
    pub fn viewer_connected(&self, stream: StreamId, session: SessionId) {
        let mut state = self.state();
        state.viewers.entry(stream).or_default().insert(session);
        self.refresh(&mut state, stream);
    }

    /// A WebRTC viewer is gone.
    pub fn viewer_ended(&self, stream: StreamId, session: SessionId) {
        let mut state = self.state();
        if let Some(viewers) = state.viewers.get_mut(&stream) {
            viewers.remove(&session);
            if viewers.is_empty() {
                state.viewers.remove(&stream);
            }
        }
        self.refresh(&mut state, stream);
    }

    /// Ends what is on the air or about to be, except under the key that was made at `valid`. Gives
    /// the WebRTC sessions of those publishers, for the caller to end.
    pub(crate) fn revoke(&self, stream: StreamId, valid: Option<KeyMade>) -> Vec<SessionId> {
        let on_air = |entry: &Entry| entry.on_air.as_ref().map(|on_air| on_air.credentials());
        let on_air = self.state().streams.get(&stream).and_then(on_air);
        if let Some((key_made, cancel)) = on_air
            && valid != Some(key_made)
        {
            cancel.cancel();
        }
        self.inner.publishers.remove_stream(stream, valid)
    }

    /// The stream is deleted: nobody publishes, watchers are told. Gives the WebRTC sessions of its
    /// publishers and viewers, for the caller to end.
    pub(crate) fn forget(&self, stream: StreamId) -> Vec<SessionId> {
        let mut sessions = self.revoke(stream, None);
        let mut state = self.state();
        state.streams.remove(&stream);
        sessions.extend(state.viewers.get(&stream).into_iter().flatten());
        sessions
    }

    /// Keeps what the HLS origin knows in the summaries, and drops entries that nobody needs, until
    /// cancelled.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(REFRESH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hls_changes = self.inner.hls.changes();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
                Ok(()) = hls_changes.changed() => {}
            }
            let mut state = self.state();
            state
                .streams
                .retain(|_, entry| entry.on_air.is_some() || entry.summary.receiver_count() > 0);
            let ids: Vec<StreamId> = state.streams.keys().copied().collect();
            for id in ids {
                self.refresh(&mut state, id);
            }
        }
    }

    /// Waits until the ends of all broadcasts are in the database. For a graceful stop, after all
    /// [`Broadcast`]s are dropped.
    pub async fn settle(&self) {
        self.inner.records.close();
        self.inner.records.wait().await;
    }

    pub(crate) fn publishers(&self) -> &Publishers {
        &self.inner.publishers
    }

    /// Whether the media plane has stopped, which it does only when the server does.
    pub(crate) fn media_stopped(&self) -> &CancellationToken {
        &self.inner.media_stopped
    }

    fn end(&self, stream: StreamId, number: u64) -> bool {
        let mut state = self.state();
        let Some(entry) = state.streams.get_mut(&stream) else {
            return false;
        };
        let newest = entry
            .on_air
            .as_ref()
            .is_some_and(|on_air| on_air.number == number);
        if newest {
            entry.on_air = None;
            self.refresh(&mut state, stream);
        }
        newest
    }

    /// Computes a stream's summary anew and tells its watchers if it changed.
    fn refresh(&self, state: &mut State, id: StreamId) {
        let webrtc = state.webrtc_viewers(id);
        let Some(entry) = state.streams.get(&id) else {
            return;
        };
        let summary = match &entry.on_air {
            None => offline(&entry.slug, &entry.title, webrtc),
            Some(on_air) => {
                let viewers = ViewerCount {
                    webrtc,
                    hls: self.inner.hls.viewers(&entry.slug),
                };
                on_air
                    .peak_viewers
                    .fetch_max(viewers.total(), Ordering::Relaxed);
                StreamSummary {
                    slug: entry.slug.clone(),
                    title: entry.title.clone(),
                    live: true,
                    protocol: Some(on_air.protocol),
                    started_at: Some(on_air.started_at),
                    viewers,
                    hls_ready: self.inner.hls.is_ready(&entry.slug),
                }
            }
        };
        entry.summary.send_if_modified(|old| {
            let changed = *old != summary;
            *old = summary;
            changed
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .expect("nothing panics under this lock")
    }
}

impl State {
    fn entry(&mut self, stream: &Stream) -> &mut Entry {
        let id = media_id(stream);
        let webrtc = self.webrtc_viewers(id);
        let entry = self.streams.entry(id).or_insert_with(|| Entry {
            slug: stream.slug.clone(),
            title: stream.title.clone(),
            on_air: None,
            summary: watch::Sender::new(offline(&stream.slug, &stream.title, webrtc)),
        });
        entry.title.clone_from(&stream.title);
        entry
    }

    fn webrtc_viewers(&self, stream: StreamId) -> u32 {
        let count = self.viewers.get(&stream).map_or(0, HashSet::len);
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

fn offline(slug: &StreamSlug, title: &str, webrtc: u32) -> StreamSummary {
    StreamSummary {
        slug: slug.clone(),
        title: title.to_owned(),
        live: false,
        protocol: None,
        started_at: None,
        viewers: ViewerCount { webrtc, hls: 0 },
        hls_ready: false,
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> UnixMillis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A publisher's time on the air. Dropping it ends it: its row gets its end, and unless a newer
/// broadcast took over, the stream is offline and its watchers are told.
pub struct Broadcast {
    live: Live,
    stream: StreamId,
    slug: StreamSlug,
    number: u64,
    cancel: CancellationToken,
    /// Tells the task that keeps the row.
    _over: tokio_util::sync::DropGuard,
}

impl Broadcast {
    /// Cancelled when the publisher must go: a newer one took over, the key was rotated, the stream
    /// was deleted. Also cancelled once the broadcast is dropped, so that whatever serves it can end
    /// with it.
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.cancel.cancel();
        if self.live.end(self.stream, self.number) {
            tracing::info!(slug = %self.slug, "stream is offline");
        }
    }
}
