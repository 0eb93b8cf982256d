//! Writes a broadcast's CMAF to disk as it comes. One thread for each, since disks block.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use weir_media::{
    HlsOutput, HlsTracks, MediaTime,
    clock::{Clock, WallMicros, wall},
};

use crate::{
    boxes, disk, fragment::reference_time, index::Segment, root::Shared, take::Take, track::TrackId,
};

/// A segment's shortest length in nanoseconds: the live ones of a second are put together, so that the
/// playlist of hours stays short.
const SEGMENT: u64 = 3_500_000_000;

/// What a file of a track lasts in nanoseconds: what is removed at once.
const FILE: u64 = 60_000_000_000;

/// Media that the disk may lose when the machine does. The process may be killed at any time.
const SYNC: Duration = Duration::from_millis(1500);

/// When a disk that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// Time between two pictures in milliseconds.
const PICTURE: i64 = 5_000;

/// Why nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// Less is free than shall be.
    DiskFull,
    /// The system refuses; its words.
    Failed(String),
}

/// Writes one take. Everything that it is given stands in the order in which it came.
pub(crate) struct Writer {
    take: Arc<Take>,
    shared: Arc<Shared>,
    clock: Clock,
    /// What a run begins with.
    tracks: Option<HlsTracks>,
    inits: BTreeMap<TrackId, Bytes>,
    run: Option<u32>,
    open: BTreeMap<TrackId, Open>,
    /// Rungs that slept or changed within the run: no more of them until the next.
    left: Vec<TrackId>,
    stopped: Option<(Stopped, Instant)>,
    synced: Instant,
    pictured: i64,
    /// The timeline's dates are no longer those of its first moments, when media comes late.
    is_settled: bool,
}

/// A track's file.
struct Open {
    file: File,
    number: u32,
    /// Where the next byte goes.
    length: u64,
    /// Media time at its beginning.
    began: MediaTime,
    segment: Option<Segment>,
    is_dirty: bool,
}

impl Writer {
    pub(crate) fn new(take: Arc<Take>, shared: Arc<Shared>) -> Self {
        Self {
            take,
            shared,
            clock: Clock::default(),
            tracks: None,
            inits: BTreeMap::new(),
            run: None,
            open: BTreeMap::new(),
            left: Vec::new(),
            stopped: None,
            synced: Instant::now(),
            pictured: 0,
            is_settled: false,
        }
    }

    /// Another publisher goes on with the broadcast, on a timeline of its own.
    pub(crate) fn begin_timeline(&mut self) {
        self.close_run();
        self.tracks = None;
        self.inits.clear();
        self.clock = Clock::after(self.take.look(crate::Index::ends));
        self.is_settled = false;
    }

    /// Takes in what came at this moment.
    pub(crate) fn push(&mut self, output: HlsOutput, now: WallMicros) {
        match output {
            HlsOutput::Start(tracks) => {
                self.close_run();
                self.inits.clear();
                self.tracks = Some(tracks);
            }
            HlsOutput::Init { track, data } => self.init(track.into(), data),
            HlsOutput::Dormant(track) => {
                let track = track.into();
                self.close_track(track);
                self.left.push(track);
            }
            HlsOutput::Withheld(_) => {}
            HlsOutput::Part {
                track,
                segment_start,
                time,
                duration,
                data,
                ..
            } => {
                let end = time + u64::try_from(duration.as_nanos()).unwrap_or(0);
                self.clock.observe(end, now);
                let part = Part {
                    track: track.into(),
                    segment_start,
                    time,
                    duration: end - time,
                    data: &data,
                };
                if let Err(error) = self.part(&part) {
                    self.stop(&error);
                }
            }
        }
    }

    /// Keeps a picture, if the last one is old enough.
    pub(crate) fn picture(&mut self, jpeg: &[u8], now: WallMicros) {
        let at = now / 1_000;
        if self.run.is_none() || at - self.pictured < PICTURE {
            return;
        }
        self.pictured = at;
        match std::fs::write(self.take.picture_path(at), jpeg) {
            Ok(()) => self.take.add_picture(at),
            Err(error) => self.stop(&error),
        }
    }

    /// Puts on the disk for good what is only in the system's memory, from time to time.
    pub(crate) fn sync(&mut self) {
        if self.synced.elapsed() < SYNC {
            return;
        }
        self.synced = Instant::now();
        let dirty = self.open.values_mut().filter(|open| open.is_dirty);
        let synced: io::Result<Vec<()>> = dirty
            .map(|open| {
                open.is_dirty = false;
                open.file.sync_data()
            })
            .collect();
        if let Err(error) = synced {
            self.stop(&error);
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self) {
        self.close_run();
        self.take.set_over();
        if self.stopped.take().is_some() {
            self.shared.resumed(&self.take);
        }
    }

    fn init(&mut self, track: TrackId, data: Bytes) {
        if !self.shared.wants(track) {
            return;
        }
        if self.run.is_some() && self.inits.get(&track).is_some_and(|old| *old != data) {
            match track {
                TrackId::Video(1..) => {
                    self.close_track(track);
                    self.left.push(track);
                }
                // Players must be told: a run of its own.
                TrackId::Video(0) | TrackId::Audio => self.close_run(),
            }
        }
        self.inits.insert(track, data);
    }

    fn part(&mut self, part: &Part<'_>) -> io::Result<()> {
        let is_main = matches!(part.track, TrackId::TOP | TrackId::Audio);
        if !self.shared.wants(part.track) || self.left.contains(&part.track) {
            return Ok(());
        }
        let Some(init) = self.inits.get(&part.track).cloned() else {
            return Ok(());
        };
        let Some(tracks) = self.tracks.clone() else {
            return Ok(());
        };
        let run = match self.run {
            Some(run) => run,
            None => {
                let leads_in = tracks.video.is_empty() || self.inits.contains_key(&TrackId::TOP);
                if !(is_main && part.segment_start && leads_in && self.may_write()?) {
                    return Ok(());
                }
                let run = self.take.begin_run(&tracks)?;
                self.run = Some(run);
                self.resumed();
                run
            }
        };
        let begins = match self.open.get(&part.track).map(|open| open.segment.as_ref()) {
            // Sound begins anywhere; it may be a little ahead of the picture.
            None | Some(None) => part.segment_start || part.track == TrackId::Audio,
            Some(Some(segment)) => part.segment_start && segment.duration >= SEGMENT,
        };
        if begins {
            if is_main && !self.may_write()? {
                return Ok(());
            }
            self.roll(part.track, run, part.time, &init)?;
        }
        let Some(open) = self.open.get_mut(&part.track) else {
            return Ok(());
        };
        let new = begins.then(|| self.clock.date(part.time));
        let written = open.write(part, run, new);
        if let Ok(bytes) = written {
            self.shared.wrote(bytes);
        }
        written.map(|_| ())
    }

    /// Whether there is room.
    fn may_write(&mut self) -> io::Result<bool> {
        let tried = self.stopped.as_ref().map(|(_, at)| *at);
        if tried.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
            return Ok(false);
        }
        let has_room = disk::free_bytes(self.take.folder())? >= self.shared.settings.min_free;
        if !has_room {
            self.stop_because(Stopped::DiskFull);
        }
        Ok(has_room)
    }

    /// The next segment of a track begins, in another file when this one is long enough.
    fn roll(&mut self, track: TrackId, run: u32, time: MediaTime, init: &Bytes) -> io::Result<()> {
        let number = match self.open.get_mut(&track) {
            Some(open) => {
                if let Some(segment) = open.segment.take() {
                    self.take.add(track, segment);
                }
                if !std::mem::replace(&mut self.is_settled, true) {
                    self.clock.settle();
                }
                if time.saturating_sub(open.began) < FILE {
                    return Ok(());
                }
                open.file.sync_data()?;
                open.number + 1
            }
            None => {
                disk::write_whole(&self.take.init_path(track, run), init)?;
                0
            }
        };
        let path = self.take.media_path(track, run, number);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)?;
        let open = Open {
            file,
            number,
            length: 0,
            began: time,
            segment: None,
            is_dirty: true,
        };
        self.open.insert(track, open);
        Ok(())
    }

    fn close_run(&mut self) {
        for track in self.open.keys().copied().collect::<Vec<_>>() {
            self.close_track(track);
        }
        self.left.clear();
        self.run = None;
    }

    fn close_track(&mut self, track: TrackId) {
        let Some(open) = self.open.remove(&track) else {
            return;
        };
        if let Some(segment) = open.segment {
            self.take.add(track, segment);
        }
        if let Err(error) = open.file.sync_data() {
            tracing::warn!(%error, "the end of a file may not be on the disk yet");
        }
    }

    fn stop(&mut self, error: &io::Error) {
        self.stop_because(match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Stopped::DiskFull,
            _ => Stopped::Failed(error.to_string()),
        });
    }

    fn stop_because(&mut self, why: Stopped) {
        self.close_run();
        let was = self.stopped.replace((why.clone(), Instant::now()));
        if was.is_none_or(|(was, _)| was != why) {
            tracing::warn!(
                broadcast = self.take.broadcast(),
                ?why,
                "nothing is recorded any more"
            );
            self.shared.stopped(&self.take, why);
        }
    }

    fn resumed(&mut self) {
        if self.stopped.take().is_some() {
            tracing::info!(broadcast = self.take.broadcast(), "recording goes on");
            self.shared.resumed(&self.take);
        }
    }
}

struct Part<'a> {
    track: TrackId,
    segment_start: bool,
    time: MediaTime,
    duration: u64,
    data: &'a [u8],
}

impl Open {
    /// Appends a part, whole or not at all; gives how many bytes were written. `date` when it begins a
    /// segment.
    fn write(&mut self, part: &Part<'_>, run: u32, date: Option<WallMicros>) -> io::Result<u64> {
        // The date stands between `styp`, which begins a segment, and the media.
        let styp = boxes::head(part.data)
            .filter(|(kind, ..)| kind == b"styp")
            .map_or(0, |(_, _, size)| usize::try_from(size).unwrap_or(0));
        let (head, media) = part.data.split_at(styp.min(part.data.len()));
        let dated = date.map(|date| reference_time(date, part.time));
        let dated = dated.as_deref().unwrap_or_default();
        let before = self.length;
        let written = self
            .file
            .write_all(head)
            .and_then(|()| self.file.write_all(dated))
            .and_then(|()| self.file.write_all(media));
        if let Err(error) = written {
            // Readers know nothing of it; the next start would cut it off too.
            let _ = self.file.set_len(before);
            return Err(error);
        }
        self.is_dirty = true;
        let bytes = (part.data.len() + dated.len()) as u64;
        self.length += bytes;
        match (date, &mut self.segment) {
            (None, Some(segment)) => {
                segment.len += bytes;
                segment.duration += part.duration;
            }
            (date, segment) => {
                *segment = Some(Segment {
                    seq: 0,
                    run,
                    file: self.number,
                    offset: before,
                    len: bytes,
                    start: part.time,
                    duration: part.duration,
                    date: date.unwrap_or_default(),
                });
            }
        }
        Ok(bytes)
    }
}

/// The time in which the writer works when nothing comes.
pub(crate) const IDLE: Duration = Duration::from_millis(500);

/// The date now.
pub(crate) fn now() -> WallMicros {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    wall(since_epoch)
}
