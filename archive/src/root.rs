//! All broadcasts on this disk, and the threads that write them.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use weir_media::{HlsOutput, HlsTrack, clock::WallMicros};

use crate::{
    disk,
    take::{Kept, Take},
    track::TrackId,
    writer::{IDLE, Stopped, Writer, now},
};

/// Pieces on their way to a broadcast's thread: some 20 s of media. When full, the media of a time is left
/// out of the recording, up to the next segment; what is live goes on.
const QUEUE: usize = 512;

/// What can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How far viewers can go back while live; zero for not at all.
    pub window: Duration,
    /// Bytes that stay free on the disk: below, nothing is written.
    pub min_free: u64,
    /// Whether rungs below the best are written too, as far as they are encoded.
    pub all_rungs: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(2 * 60 * 60),
            min_free: 1 << 30,
            all_rungs: false,
        }
    }
}

/// Something about a broadcast that its streamer should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Nothing is written any more; the live stream goes on.
    Stopped {
        /// Of which stream.
        stream: i64,
        /// Why.
        why: Stopped,
    },
    /// It is written again, or over.
    Resumed {
        /// Of which stream.
        stream: i64,
    },
}

/// Who is told. Called from threads that write: must not block.
pub type Listener = Box<dyn Fn(Notice) + Send + Sync>;

/// Figures since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Broadcasts that are being written.
    pub writing: u64,
    /// Those of them for which there is no room.
    pub stopped: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Pieces left out since the disk was too slow.
    pub dropped: u64,
}

/// All broadcasts on disk. Clones are the same.
#[derive(Clone)]
pub struct Root {
    folder: PathBuf,
    shared: Arc<Shared>,
    takes: Arc<RwLock<BTreeMap<i64, Arc<Take>>>>,
    live: Arc<Mutex<HashMap<i64, Live>>>,
    /// Threads that write, or wrote.
    writers: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// What shall be kept of broadcasts whose media has not come yet.
    awaited: Arc<Mutex<HashMap<i64, Vec<Kept>>>>,
}

/// What the threads share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    bytes: AtomicU64,
    dropped: AtomicU64,
    stopped: Mutex<BTreeMap<i64, Stopped>>,
    listener: RwLock<Option<Listener>>,
}

/// A broadcast that is being written.
struct Live {
    to: Sender<Message>,
    /// Counts its publishers.
    sinks: u64,
}

enum Message {
    Media {
        sink: u64,
        at: WallMicros,
        output: HlsOutput,
    },
    Picture {
        at: WallMicros,
        jpeg: Bytes,
    },
    Finish,
}

impl Root {
    /// Opens a folder. What a crash left open there is repaired and over.
    pub fn open(folder: &Path, settings: Settings) -> io::Result<Self> {
        disk::make_private(folder)?;
        let mut takes = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_take = path.file_name().and_then(|name| name.to_str());
            if is_take.is_none_or(|name| name.parse::<i64>().is_err()) {
                continue;
            }
            match Take::recover(path.clone()) {
                Ok(take) => {
                    takes.insert(take.broadcast(), Arc::new(take));
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "this is no broadcast; left alone");
                }
            }
        }
        let shared = Shared {
            settings,
            bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            stopped: Mutex::default(),
            listener: RwLock::default(),
        };
        Ok(Self {
            folder: folder.to_owned(),
            shared: Arc::new(shared),
            takes: Arc::new(RwLock::new(takes)),
            live: Arc::default(),
            writers: Arc::default(),
            awaited: Arc::default(),
        })
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on this one is told.
    pub fn listen(&self, listener: Listener) {
        *self
            .shared
            .listener
            .write()
            .expect("nothing panics under this lock") = Some(listener);
    }

    /// Figures.
    pub fn stats(&self) -> Stats {
        Stats {
            writing: self.live().len() as u64,
            stopped: self.shared.lock_stopped().len() as u64,
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }

    /// Why nothing is written of this broadcast; `None` when it is, or it is over.
    pub fn stopped(&self, broadcast: i64) -> Option<Stopped> {
        self.shared.lock_stopped().get(&broadcast).cloned()
    }

    /// A publisher's media goes into this broadcast, which begins now or goes on. What an earlier one of it
    /// still has is left out.
    pub fn sink(&self, broadcast: i64, stream: i64) -> io::Result<Sink> {
        let mut live = self.live();
        if let Some(live) = live.get_mut(&broadcast) {
            live.sinks += 1;
            let sink = Sink::new(self.shared.clone(), live.to.clone(), live.sinks);
            return Ok(sink);
        }
        let take = Arc::new(Take::create(&self.folder, broadcast, stream)?);
        let (to, from) = bounded(QUEUE);
        let writer = Writer::new(take.clone(), self.shared.clone());
        let shared = self.shared.clone();
        let done = self.live.clone();
        let thread = thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || {
                write(writer, &from);
                shared.lock_stopped().remove(&broadcast);
                lock(&done).remove(&broadcast);
            })?;
        {
            let mut writers = self.writers();
            writers.retain(|thread| !thread.is_finished());
            writers.push(thread);
        }
        let mut awaited = self.awaited();
        for kept in awaited.remove(&broadcast).unwrap_or_default() {
            take.keep(kept)?;
        }
        self.takes
            .write()
            .expect("nothing panics under this lock")
            .insert(broadcast, take);
        drop(awaited);
        let sink = Sink::new(self.shared.clone(), to.clone(), 1);
        live.insert(broadcast, Live { to, sinks: 1 });
        Ok(sink)
    }

    /// The broadcast is over: what waits is written, and the files are whole.
    pub fn end(&self, broadcast: i64) {
        self.awaited().remove(&broadcast);
        // Should the disk stand still, the thread ends with the last publisher.
        let to = self.live().remove(&broadcast).map(|live| live.to);
        if let Some(to) = to {
            // The queue is emptied by a thread that waits for nothing but the disk.
            let _ = to.send_timeout(Message::Finish, Duration::from_secs(5));
        }
    }

    /// All broadcasts are over; when this returns, what waited is on the disk. Blocks.
    pub fn close(&self) {
        let open: Vec<i64> = self.live().keys().copied().collect();
        for broadcast in open {
            self.end(broadcast);
        }
        let writers = std::mem::take(&mut *self.writers());
        for thread in writers {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }

    /// A broadcast on disk.
    pub fn take(&self, broadcast: i64) -> Option<Arc<Take>> {
        self.read_takes().get(&broadcast).cloned()
    }

    /// The newest broadcast of a stream.
    pub fn newest_of(&self, stream: i64) -> Option<Arc<Take>> {
        let takes = self.read_takes();
        takes
            .values()
            .rev()
            .find(|take| take.stream() == stream)
            .cloned()
    }

    /// From now on this of a broadcast is kept, also after a crash. Its media may not have come yet.
    pub fn keep(&self, broadcast: i64, kept: Kept) -> io::Result<()> {
        let mut awaited = self.awaited();
        match self.take(broadcast) {
            Some(take) => take.keep(kept),
            None => {
                awaited.entry(broadcast).or_default().push(kept);
                Ok(())
            }
        }
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<i64, Vec<Kept>>> {
        self.awaited.lock().expect("nothing panics under this lock")
    }

    /// All broadcasts on disk.
    pub fn takes(&self) -> Vec<Arc<Take>> {
        self.read_takes().values().cloned().collect()
    }

    /// Removes what no window shows and no recording needs. Blocks.
    pub fn tidy(&self, at: WallMicros) {
        let window = i64::try_from(self.shared.settings.window.as_micros()).unwrap_or(i64::MAX);
        for take in self.takes() {
            match take.forget(at.saturating_sub(window)) {
                Ok(true) => {
                    self.takes
                        .write()
                        .expect("nothing panics under this lock")
                        .remove(&take.broadcast());
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(broadcast = take.broadcast(), %error, "old media could not be removed");
                }
            }
        }
    }

    fn read_takes(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<i64, Arc<Take>>> {
        self.takes.read().expect("nothing panics under this lock")
    }

    fn writers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.writers.lock().expect("nothing panics under this lock")
    }

    fn live(&self) -> MutexGuard<'_, HashMap<i64, Live>> {
        lock(&self.live)
    }
}

fn lock(live: &Mutex<HashMap<i64, Live>>) -> MutexGuard<'_, HashMap<i64, Live>> {
    live.lock().expect("nothing panics under this lock")
}

/// The thread of a broadcast.
fn write(mut writer: Writer, from: &Receiver<Message>) {
    let mut newest = 1;
    loop {
        match from.recv_timeout(IDLE) {
            Ok(Message::Media { sink, at, output }) if sink >= newest => {
                if sink > newest {
                    newest = sink;
                    writer.begin_timeline();
                }
                writer.push(output, at);
            }
            // From a publisher that was taken over.
            Ok(Message::Media { .. }) => {}
            Ok(Message::Picture { at, jpeg }) => writer.picture(&jpeg, at),
            Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        writer.sync();
    }
    writer.finish();
}

impl Shared {
    pub(crate) fn wants(&self, track: TrackId) -> bool {
        self.settings.all_rungs || matches!(track, TrackId::TOP | TrackId::Audio)
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn stopped(&self, take: &Take, why: Stopped) {
        self.lock_stopped().insert(take.broadcast(), why.clone());
        let stream = take.stream();
        self.tell(Notice::Stopped { stream, why });
    }

    pub(crate) fn resumed(&self, take: &Take) {
        self.lock_stopped().remove(&take.broadcast());
        let stream = take.stream();
        self.tell(Notice::Resumed { stream });
    }

    fn tell(&self, notice: Notice) {
        let listener = self
            .listener
            .read()
            .expect("nothing panics under this lock");
        if let Some(listener) = &*listener {
            listener(notice);
        }
    }

    fn lock_stopped(&self) -> MutexGuard<'_, BTreeMap<i64, Stopped>> {
        self.stopped.lock().expect("nothing panics under this lock")
    }
}

/// Where a publisher's media goes. Never blocks.
pub struct Sink {
    shared: Arc<Shared>,
    to: Sender<Message>,
    number: u64,
    /// What a run begins with, to begin again after a loss.
    beginning: Vec<HlsOutput>,
    is_lost: bool,
}

impl Sink {
    fn new(shared: Arc<Shared>, to: Sender<Message>, number: u64) -> Self {
        Self {
            shared,
            to,
            number,
            beginning: Vec::new(),
            is_lost: false,
        }
    }

    /// A piece of CMAF.
    pub fn hls(&mut self, output: &HlsOutput) {
        let at = now();
        match output {
            HlsOutput::Start(_) => self.beginning = vec![output.clone()],
            HlsOutput::Init { track, .. } => {
                let same =
                    |it: &HlsOutput| matches!(it, HlsOutput::Init { track: of, .. } if of == track);
                self.beginning.retain(|it| !same(it));
                self.beginning.push(output.clone());
            }
            HlsOutput::Part { .. } | HlsOutput::Dormant(_) => {}
            // Who reads files asks for nothing to be made.
            HlsOutput::Withheld(_) => return,
        }
        if self.is_lost && !self.begin_again(output, at) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.send(Message::Media {
            sink: self.number,
            at,
            output: output.clone(),
        });
    }

    /// A picture (JPEG).
    pub fn picture(&mut self, jpeg: Bytes) {
        // One that finds no room is left out: there is another in some seconds.
        let _ = self.to.try_send(Message::Picture { at: now(), jpeg });
    }

    /// After a loss: goes on with the next segment, when there is room for what it needs.
    fn begin_again(&mut self, output: &HlsOutput, at: WallMicros) -> bool {
        let begins = matches!(
            output,
            HlsOutput::Part {
                track: HlsTrack::Video(0) | HlsTrack::Audio,
                segment_start: true,
                ..
            }
        );
        let needed = self.beginning.len() + 1;
        // Nobody else sends media but a publisher that takes over, after which this one does not count.
        if !begins || QUEUE - self.to.len() <= needed {
            return false;
        }
        self.is_lost = false;
        // It has a `Start` in front, which ends the run that lost something.
        for output in self.beginning.clone() {
            self.send(Message::Media {
                sink: self.number,
                at,
                output,
            });
        }
        true
    }

    fn send(&mut self, message: Message) {
        match self.to.try_send(message) {
            // Over: the publisher hears of it elsewhere.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_lost, true) {
                    tracing::warn!("the disk is too slow: media is left out of the recording");
                }
            }
        }
    }
}
