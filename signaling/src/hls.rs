//! The HLS origin: CMAF from the bridge, held in memory, served as low-latency HLS.
//!
//! One [`HlsWriter`] per live stream takes [`HlsOutput`] in; any number of players take playlists,
//! segments and parts out. When a writer is dropped, its stream stays as it is for a grace period: a
//! publisher that returns meanwhile continues the playlist after a discontinuity, and players that
//! wait for it go on. Then it is gone, and its addresses answer 404.
//!
//! Nothing here touches the disk, and memory is bounded by [`OriginConfig`].

mod clock;
mod codec;
#[cfg(test)]
mod conformance;
mod cuts;
mod dash;
mod demand;
mod files;
mod multivariant;
mod playlist;
mod range;
mod rates;
mod reload;
mod routes;
mod stream;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod texts;
mod track;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use weir_media::{HlsOutput, HlsTrack};

use crate::insight::Audience;
use clock::WallMicros;
use demand::Wanted;
use stream::{RUNGS_MAX, Stream};

pub use routes::router;

/// Limits of the origin.
#[derive(Debug, Clone)]
pub struct OriginConfig {
    /// How much media a playlist contains, at least 8 target durations. As much again is kept for
    /// players that are late.
    pub window: Duration,
    /// How long a stream outlives its writer.
    pub grace: Duration,
    /// Bytes of media kept per stream. Beyond that the oldest segments go, before their time.
    pub max_bytes: usize,
    /// Requests per stream that wait for media to come. Beyond that they are refused with 503.
    pub max_waiting: usize,
    /// How long the ladder is asked of the encoder after the last request for a playlist of it. Players
    /// ask at least once per segment; one that was paused asks again when it goes on.
    pub rung_kept: Duration,
    /// How long a request for a rung that was not encoded is held at least: it starts at a keyframe
    /// within a second, and has a whole segment some seconds later.
    pub rung_wakes: Duration,
}

impl Default for OriginConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            grace: Duration::from_secs(15),
            max_bytes: 128 << 20,
            max_waiting: 10_000,
            rung_kept: Duration::from_secs(20),
            rung_wakes: Duration::from_secs(6),
        }
    }
}

/// All HLS streams of this server. Clones share them.
#[derive(Debug, Clone)]
pub struct Origin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: OriginConfig,
    streams: Mutex<HashMap<String, Arc<Entry>>>,
    changes: watch::Sender<u64>,
    /// Told of who asks for playlists.
    audience: OnceLock<Audience>,
}

/// One stream with those who wait for it.
#[derive(Debug)]
struct Entry {
    state: Mutex<State>,
    /// Told of every change of their track, and of the end; see [`texts::place`].
    tracks: [watch::Sender<()>; RUNGS_MAX + 1],
    /// Told of every change.
    any: watch::Sender<()>,
    wanted: Arc<Wanted>,
    wakes_within: Duration,
    waiting: Semaphore,
}

#[derive(Debug)]
struct State {
    stream: Stream,
    /// Counts writers: only the newest may write.
    writer: u64,
    /// Since when nobody writes.
    idle_since: Option<Instant>,
    /// No longer at its address; whoever still waits shall give up.
    is_removed: bool,
}

impl Default for Origin {
    fn default() -> Self {
        Self::new(OriginConfig::default())
    }
}

impl Origin {
    /// An origin without streams.
    pub fn new(config: OriginConfig) -> Self {
        let (changes, _) = watch::channel(0);
        Self {
            inner: Arc::new(Inner {
                config,
                streams: Mutex::default(),
                changes,
                audience: OnceLock::new(),
            }),
        }
    }

    /// Takes the stream over: from now on what other writers of this slug push is ignored. If one wrote
    /// within the grace period, its playlists go on, after a discontinuity.
    pub fn open(&self, slug: impl AsRef<str>) -> HlsWriter {
        let slug = slug.as_ref();
        self.sweep();
        let (entry, writer) = {
            // Both locks at once: a sweep in between would take the entry away from its new writer.
            let mut streams = lock(&self.inner.streams);
            let new = || Arc::new(Entry::new(&self.inner.config));
            let entry = streams.entry(slug.to_owned()).or_insert_with(new).clone();
            let mut state = lock(&entry.state);
            state.writer += 1;
            state.idle_since = None;
            state.stream.begin_broadcast();
            let writer = state.writer;
            drop(state);
            (entry, writer)
        };
        entry.notify();
        HlsWriter {
            origin: self.clone(),
            slug: slug.to_owned(),
            entry,
            writer,
        }
    }

    /// Whether the stream's playlists can be asked for: from its first whole segments until the end of
    /// the grace period.
    pub fn is_ready(&self, slug: impl AsRef<str>) -> bool {
        self.entry(slug.as_ref())
            .is_some_and(|entry| lock(&entry.state).stream.is_ready())
    }

    /// Whether anything is served under this name.
    pub fn knows(&self, slug: &str) -> bool {
        self.entry(slug).is_some()
    }
    /// From now on this audience is told of who asks for playlists. The first call counts.
    pub(crate) fn tell(&self, audience: Audience) {
        let _ = self.inner.audience.set(audience);
    }

    /// Changes whenever [`Origin::is_ready`] does for some stream.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    fn entry(&self, slug: &str) -> Option<Arc<Entry>> {
        let entry = lock(&self.inner.streams).get(slug).cloned()?;
        let is_over = lock(&entry.state).is_over(self.inner.config.grace);
        (!is_over).then_some(entry)
    }

    /// Forgets streams whose grace period is over.
    fn sweep(&self) {
        let grace = self.inner.config.grace;
        let mut removed = Vec::new();
        lock(&self.inner.streams).retain(|_, entry| {
            let mut state = lock(&entry.state);
            state.is_removed = state.is_over(grace);
            if state.is_removed {
                removed.push(entry.clone());
            }
            !state.is_removed
        });
        for entry in &removed {
            entry.notify();
        }
        if !removed.is_empty() {
            self.announce();
        }
    }

    fn announce(&self) {
        self.inner
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Entry {
    fn new(config: &OriginConfig) -> Self {
        let epoch = format!("{:08x}", rand::random::<u32>());
        Self {
            state: Mutex::new(State {
                stream: Stream::new(epoch, config.window, config.max_bytes),
                writer: 0,
                idle_since: None,
                is_removed: false,
            }),
            tracks: std::array::from_fn(|_| watch::channel(()).0),
            any: watch::channel(()).0,
            wanted: Arc::new(Wanted::new(config.rung_kept)),
            wakes_within: config.rung_wakes,
            waiting: Semaphore::new(config.max_waiting),
        }
    }

    fn changes(&self, id: HlsTrack) -> &watch::Sender<()> {
        self.tracks.get(texts::place(id)).unwrap_or(&self.any)
    }

    fn notify(&self) {
        for track in &self.tracks {
            track.send_replace(());
        }
        self.any.send_replace(());
    }
}

impl State {
    fn is_over(&self, grace: Duration) -> bool {
        // What nobody could see has nobody who waits for its return.
        let grace = if self.stream.is_ready() {
            grace
        } else {
            Duration::ZERO
        };
        self.is_removed
            || self
                .idle_since
                .is_some_and(|since| since.elapsed() >= grace)
    }
}

/// Where the bridge writes one stream. Dropping it ends the broadcast.
#[derive(Debug)]
pub struct HlsWriter {
    origin: Origin,
    slug: String,
    entry: Arc<Entry>,
    writer: u64,
}

impl HlsWriter {
    /// Which rungs players need, a bit each; bit 0 is the best, which is always wanted. The others are
    /// from the first request for a playlist until [`OriginConfig::rung_kept`] after the last one.
    pub fn wanted(&self) -> watch::Receiver<u8> {
        self.entry.wanted.watch()
    }

    /// Takes one piece in, at once; never waits. Ignored when another writer took the stream over.
    pub fn push(&mut self, output: HlsOutput) {
        let touched = match &output {
            HlsOutput::Start(_) | HlsOutput::Dormant(_) | HlsOutput::Withheld(_) => None,
            HlsOutput::Init { track, .. } | HlsOutput::Part { track, .. } => Some(*track),
        };
        let became_ready = {
            let mut state = lock(&self.entry.state);
            if state.writer != self.writer || state.is_removed {
                return;
            }
            let was_ready = state.stream.is_ready();
            state.stream.push(output, wall_clock());
            !was_ready && state.stream.is_ready()
        };
        match touched {
            Some(track) => {
                self.entry.changes(track).send_replace(());
                self.entry.any.send_replace(());
            }
            None => self.entry.notify(),
        }
        if became_ready {
            tracing::info!(slug = self.slug, "HLS is ready");
            self.origin.announce();
        }
    }
}

impl Drop for HlsWriter {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.entry.state);
            if state.writer != self.writer {
                return;
            }
            state.idle_since = Some(Instant::now());
            state.stream.finish();
        }
        self.entry.notify();
        // Outside of a runtime the next `open` sweeps; nothing is served past its time either way.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let origin = self.origin.clone();
            runtime.spawn(async move {
                tokio::time::sleep(origin.inner.config.grace).await;
                origin.sweep();
            });
        }
    }
}

fn wall_clock() -> WallMicros {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

/// A panic elsewhere must not take every stream with it; no lock is held across one that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
