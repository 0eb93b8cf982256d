//! The one truth about what is live: who publishes, since when, and who watches.
//!
//! A broadcast outlives its publisher's connection. It is live while a publisher feeds it,
//! interrupted when that one's connection broke, and over when the publisher said goodbye, was sent
//! away, or did not come back within the grace period. A publisher's right to feed it is a
//! [`Broadcast`]; the newest one of a stream wins, and goes on with the broadcast that is there,
//! whatever protocol either of them uses.
//!
//! What the public sees is a [`StreamSummary`] in a watch channel per stream: a slow reader misses
//! intermediate states, never the last one, and costs nothing.

mod broadcast;
mod closed;
mod follow;
mod listing;
mod publishers;
mod record;
mod summary;
mod viewers;
mod watch_database;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    runtime::Handle,
    sync::{broadcast as broadcast_channel, watch},
    time::MissedTickBehavior,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use weir_db::{BroadcastId, Db, Stream, UnixMillis};
use weir_protocol::{IngestProtocol, Party, RaidNotice, StreamSummary, ViewerCount};
use weir_sfu::{SessionId, Sfu, StreamId};

use crate::{captions::Captions, findings::Findings, happenings::Bus, hls, insight::Audience};

pub use broadcast::Broadcast;
pub use follow::{OnWhip, WhipBroadcast, follow_sfu};
pub(crate) use listing::{Listed, LiveList};
pub use watch_database::watch_database;

use closed::Closed;
use publishers::Publishers;
use viewers::Viewers;

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
    bus: Bus,
    audience: Audience,
    findings: Findings,
    captions: Captions,
    hls: hls::Origin,
    /// How long a broadcast waits for a publisher whose connection broke.
    grace: Duration,
    /// Waits for the ends of grace periods, which may begin where no runtime is entered.
    runtime: Handle,
    state: Mutex<State>,
    publishers: Publishers,
    viewers: Viewers,
    closed_publishers: Closed,
    closed_viewers: Closed,
    listing: listing::Listing,
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
    /// Counts publishers, so that each knows whether it is still the newest.
    publishers: u64,
}

struct Entry {
    row: Arc<Stream>,
    on_air: Option<OnAir>,
    summary: watch::Sender<StreamSummary>,
    notices: broadcast_channel::Sender<Notice>,
}

/// What watchers are told beside the state. Who does not keep up with [`NOTICES`] of them misses the
/// oldest; what must not be missed is state.
#[derive(Debug, Clone)]
pub(crate) enum Notice {
    /// Viewers are sent to another stream.
    Raid(RaidNotice),
    /// The watch party is in this state; `None` when it is over.
    Party(Option<Party>),
}

/// Notices that wait for a slow watcher.
const NOTICES: usize = 16;

struct OnAir {
    /// Its row's.
    id: BroadcastId,
    /// Who feeds it, or fed it last.
    publisher: u64,
    protocol: IngestProtocol,
    started_at: UnixMillis,
    key_made: KeyMade,
    /// Sends the publisher away. A child of `over`.
    cancel: CancellationToken,
    /// When the broadcast ends unless a publisher comes: the last one's connection broke.
    interrupted_until: Option<UnixMillis>,
    peak_viewers: Arc<AtomicU32>,
    /// How far viewers can go back, where the broadcast is written to the disk.
    dvr_seconds: Option<u64>,
    /// Cancelled when the broadcast is over: sends its publisher away and ends its row.
    over: CancellationToken,
    /// However this value goes, the broadcast is over then.
    _over: DropGuard,
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
    /// Streams on the air, those that wait for their publisher included.
    pub streams: u32,
    /// Streams that wait for their publisher to come back.
    pub reconnecting: u32,
    /// Who watches.
    pub viewers: ViewerCount,
}

impl Live {
    /// Nothing is live yet. A broadcast waits for `grace` when its publisher's connection breaks; zero
    /// ends it at once. Must be called within a tokio runtime: broadcasts are written to the database
    /// by tasks on it.
    pub fn new(db: Db, hls: hls::Origin, grace: Duration) -> Self {
        let (bus, audience) = (Bus::default(), Audience::default());
        bus.register(Arc::new(audience.clone()));
        let findings = Findings::default();
        bus.register(Arc::new(findings.clone()));
        hls.tell(audience.clone());
        let inner = Inner {
            db,
            bus,
            audience,
            findings,
            captions: Captions::default(),
            hls,
            grace,
            runtime: Handle::current(),
            state: Mutex::default(),
            publishers: Publishers::default(),
            viewers: Viewers::default(),
            closed_publishers: Closed::default(),
            closed_viewers: Closed::default(),
            listing: listing::Listing::default(),
            records: TaskTracker::new(),
            media_stopped: CancellationToken::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What the public may know of a stream now.
    pub fn summary(&self, stream: &Stream) -> StreamSummary {
        let state = self.state();
        match state.streams.get(&media_id(stream)) {
            Some(entry) => entry.summary.borrow().clone(),
            None => summary::offline(stream, state.webrtc_viewers(media_id(stream))),
        }
    }

    /// Whether the stream with this row is on the air, and how many watch it.
    pub(crate) fn glance(&self, stream: weir_db::StreamId) -> (bool, u32) {
        let state = self.state();
        let entry = state.streams.get(&StreamId(stream.get().unsigned_abs()));
        entry.map_or((false, 0), |entry| {
            let summary = entry.summary.borrow();
            (summary.live, summary.viewers.total())
        })
    }

    /// Runs a task whose end a graceful stop waits for. It must end when the server drains.
    pub(crate) fn spawn_kept(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.records.spawn_on(task, &self.inner.runtime);
    }

    /// The state of a stream, now and after each change. The channel closes when the stream is
    /// deleted.
    pub fn subscribe(&self, stream: &Stream) -> watch::Receiver<StreamSummary> {
        let mut state = self.state();
        let receiver = state.entry(stream).summary.subscribe();
        self.refresh(&mut state, media_id(stream));
        receiver
    }

    /// What watchers of the stream are told beside its state, from now on.
    pub(crate) fn notices(&self, stream: &Stream) -> broadcast_channel::Receiver<Notice> {
        self.state().entry(stream).notices.subscribe()
    }

    /// Tells the watchers of a stream something. Nobody hears it when nobody watches.
    pub(crate) fn notify(&self, stream: &Stream, notice: Notice) {
        let state = self.state();
        if let Some(entry) = state.streams.get(&media_id(stream)) {
            // An error says that nobody listens.
            let _ = entry.notices.send(notice);
        }
    }

    /// The stream says something else of itself from now on: watchers see it at once.
    pub(crate) fn update(&self, stream: &Stream) {
        let id = media_id(stream);
        let mut state = self.state();
        let Some(entry) = state.streams.get_mut(&id) else {
            return;
        };
        // Two edits may come here in the other order.
        if entry.row.version <= stream.version && *entry.row != *stream {
            entry.row = Arc::new(stream.clone());
            self.refresh(&mut state, id);
        }
    }

    /// Streams of a user that are on the air or looked at.
    pub(crate) fn streams_of(&self, owner: weir_db::UserId) -> Vec<Arc<Stream>> {
        let state = self.state();
        let of_owner = state.streams.values();
        of_owner
            .filter(|entry| entry.row.owner == Some(owner))
            .map(|entry| entry.row.clone())
            .collect()
    }

    /// Whether a broadcast of the stream is on the air.
    pub fn is_live(&self, stream: StreamId) -> bool {
        self.state()
            .streams
            .get(&stream)
            .is_some_and(|entry| entry.on_air.is_some())
    }

    /// The broadcast of the stream that is on the air, and when it is over.
    pub fn on_air_as(&self, stream: &Stream) -> Option<(BroadcastId, CancellationToken)> {
        let state = self.state();
        let on_air = state.streams.get(&media_id(stream))?.on_air.as_ref()?;
        Some((on_air.id, on_air.over.clone()))
    }

    /// The broadcast that is on the air is written to the disk, and viewers can go back so far.
    pub fn keeps(&self, stream: &Stream, window: Duration) {
        let id = media_id(stream);
        let mut state = self.state();
        let entry = state.streams.get_mut(&id);
        if let Some(on_air) = entry.and_then(|entry| entry.on_air.as_mut()) {
            on_air.dvr_seconds = Some(window.as_secs()).filter(|seconds| *seconds > 0);
            self.refresh(&mut state, id);
        }
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
            let waits = |on_air: &OnAir| on_air.interrupted_until.is_some();
            counts.reconnecting += u32::from(entry.on_air.as_ref().is_some_and(waits));
            counts.viewers.hls += entry.summary.borrow().viewers.hls;
            counts
        });
        let webrtc = state.viewers.values().map(HashSet::len).sum::<usize>();
        counts.viewers.webrtc = u32::try_from(webrtc).unwrap_or(u32::MAX);
        counts
    }

    /// The streams that are on the air.
    pub(crate) fn rows_on_air(&self) -> Vec<Arc<Stream>> {
        let state = self.state();
        let on_air = state
            .streams
            .values()
            .filter(|entry| entry.on_air.is_some());
        on_air.map(|entry| entry.row.clone()).collect()
    }

    /// The same by what the media plane calls them.
    pub(crate) fn on_air(&self) -> Vec<StreamId> {
        let state = self.state();
        let on_air = state
            .streams
            .iter()
            .filter(|(_, entry)| entry.on_air.is_some());
        on_air.map(|(id, _)| *id).collect()
    }

    /// A WebRTC viewer's transport is up.
    pub fn viewer_connected(&self, stream: StreamId, session: SessionId) {
        self.inner.viewers.connected(session);
        self.inner.audience.connected(session);
        let mut state = self.state();
        state.viewers.entry(stream).or_default().insert(session);
        self.refresh(&mut state, stream);
    }

    /// A WebRTC viewer is gone.
    pub fn viewer_ended(&self, stream: StreamId, session: SessionId) {
        self.inner.viewers.remove(session);
        self.inner.audience.left(session);
        let mut state = self.state();
        if let Some(viewers) = state.viewers.get_mut(&stream) {
            viewers.remove(&session);
            if viewers.is_empty() {
                state.viewers.remove(&stream);
            }
        }
        self.refresh(&mut state, stream);
    }

    /// Ends what is on the air or about to be, at once, except under the key that was made at `valid`;
    /// on the media plane too, where a broadcast might be waited for.
    pub(crate) async fn revoke(&self, sfu: &Sfu, stream: StreamId, valid: Option<KeyMade>) {
        let ended = self.end_if(stream, |on_air| valid != Some(on_air.key_made));
        end_all(sfu, self.inner.publishers.remove_stream(stream, valid)).await;
        if ended {
            sfu.end_stream(stream);
        }
    }

    /// The stream is deleted: nobody publishes, watchers are told, viewers' sessions end.
    pub(crate) async fn forget(&self, sfu: &Sfu, stream: StreamId) {
        self.revoke(sfu, stream, None).await;
        let viewers: Vec<SessionId> = {
            let mut state = self.state();
            if state.streams.remove(&stream).is_some() {
                self.inner.listing.gone();
            }
            state
                .viewers
                .get(&stream)
                .into_iter()
                .flatten()
                .copied()
                .collect()
        };
        end_all(sfu, viewers).await;
    }

    /// Tells the media plane how long the stream's players may wait: as the stream says, or the server.
    pub fn set_playout_delay(sfu: &Sfu, stream: &Stream) {
        let millis = |millis: u16| Duration::from_millis(millis.into());
        let own = stream.details.playout_delay;
        let own = own.map(|own| (millis(own.min_ms), millis(own.max_ms)));
        sfu.set_playout_delay(media_id(stream), own);
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

    /// Ends all broadcasts, those that wait for their publisher too, and waits until their ends are in
    /// the database. For a graceful stop: what runs beside requests ends once the server drains.
    pub async fn settle(&self) {
        let ids: Vec<StreamId> = self.state().streams.keys().copied().collect();
        for id in ids {
            self.end_if(id, |_| true);
        }
        self.inner.records.close();
        self.inner.records.wait().await;
        self.inner.audience.settle(&self.inner.db).await;
    }

    /// Where the rest of the server hears of what happens.
    pub(crate) fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    /// Tasks that a graceful stop waits for.
    pub(crate) fn background(&self) -> &TaskTracker {
        &self.inner.records
    }

    /// Who watches, for the figures.
    pub(crate) fn audience(&self) -> &Audience {
        &self.inner.audience
    }

    /// What is wrong with streams, and what they look like.
    pub fn findings(&self) -> &Findings {
        &self.inner.findings
    }

    /// What is to be read with the pictures of streams.
    pub fn captions(&self) -> &Captions {
        &self.inner.captions
    }

    pub(crate) fn publishers(&self) -> &Publishers {
        &self.inner.publishers
    }

    pub(crate) fn viewers(&self) -> &Viewers {
        &self.inner.viewers
    }

    /// Publishers that have closed their connection and may still send `DELETE`.
    pub(crate) fn closed_publishers(&self) -> &Closed {
        &self.inner.closed_publishers
    }

    /// Viewers of whom the same is true.
    pub(crate) fn closed_viewers(&self) -> &Closed {
        &self.inner.closed_viewers
    }

    /// Whether the media plane has stopped, which it does only when the server does.
    pub(crate) fn media_stopped(&self) -> &CancellationToken {
        &self.inner.media_stopped
    }

    /// Ends a stream's broadcast if it is one of those.
    fn end_if(&self, stream: StreamId, which: impl FnOnce(&OnAir) -> bool) -> bool {
        let mut state = self.state();
        let Some(entry) = state.streams.get_mut(&stream) else {
            return false;
        };
        let ends = entry.on_air.as_ref().is_some_and(which);
        if ends {
            entry.on_air = None;
            tracing::info!(slug = %entry.row.slug, "stream is offline");
            self.refresh(&mut state, stream);
        }
        ends
    }

    /// Computes a stream's summary anew and tells its watchers if it changed.
    fn refresh(&self, state: &mut State, id: StreamId) {
        let webrtc = state.webrtc_viewers(id);
        let Some(entry) = state.streams.get(&id) else {
            return;
        };
        let row = &*entry.row;
        let summary = match &entry.on_air {
            None => summary::offline(row, webrtc),
            Some(on_air) => {
                let viewers = ViewerCount {
                    webrtc,
                    hls: self.inner.audience.over_hls(row.id),
                };
                on_air
                    .peak_viewers
                    .fetch_max(viewers.total(), Ordering::Relaxed);
                let offline = summary::offline(row, webrtc);
                let own = offline.thumbnail_url.clone();
                StreamSummary {
                    live: true,
                    protocol: Some(on_air.protocol),
                    started_at: Some(on_air.started_at),
                    reconnecting_until: on_air.interrupted_until,
                    viewers,
                    hls_ready: self.inner.hls.is_ready(&row.slug),
                    dvr_seconds: on_air.dvr_seconds,
                    thumbnail_url: own.or_else(|| {
                        let drawn = self.inner.findings.has_tile(row.id);
                        drawn.then(|| format!("/api/v1/streams/{}/thumbnail.jpg", row.slug))
                    }),
                    ..offline
                }
            }
        };
        entry.summary.send_if_modified(|old| {
            let changed = *old != summary;
            if changed {
                self.inner.listing.changed(old, &summary);
            }
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
            row: Arc::new(stream.clone()),
            on_air: None,
            summary: watch::Sender::new(summary::offline(stream, webrtc)),
            notices: broadcast_channel::Sender::new(NOTICES),
        });
        if entry.row.version < stream.version {
            entry.row = Arc::new(stream.clone());
        }
        entry
    }

    fn webrtc_viewers(&self, stream: StreamId) -> u32 {
        let count = self.viewers.get(&stream).map_or(0, HashSet::len);
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

async fn end_all(sfu: &Sfu, sessions: Vec<SessionId>) {
    for session in sessions {
        // False when it has gone by itself, which is as good.
        sfu.end_session(session).await;
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> UnixMillis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
