//! One broadcast on disk.
//!
//! Its folder has `take.json` (whose it is, what must be kept), `<run>.json` (what a run's tracks are), an
//! initialisation segment `<run>-<track>.mp4` and files `<run>-<track>-<n>.m4s` of about a minute for each
//! track, and pictures `<unix milliseconds>.jpg`. The index is in memory; the files alone say all of it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use weir_media::{HlsTracks, clock::WallMicros};

use crate::{
    disk,
    fragment::Init,
    index::{Index, Segment},
    scan,
    track::TrackId,
};

const META: &str = "take.json";

/// A part of a broadcast that must not be removed: a recording that is not finished yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The recording's id.
    pub recording: i64,
    /// From when.
    pub from: WallMicros,
    /// Until when; `None` while it goes on.
    pub to: Option<WallMicros>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Meta {
    broadcast: i64,
    stream: i64,
    kept: Vec<Kept>,
}

/// A broadcast on disk, live or over.
#[derive(Debug)]
pub struct Take {
    folder: PathBuf,
    broadcast: i64,
    stream: i64,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    index: Index,
    meta: Meta,
    /// Unix milliseconds of the pictures, ascending.
    pictures: Vec<i64>,
    /// Nothing more comes.
    is_over: bool,
}

impl Take {
    /// A broadcast that begins now.
    pub(crate) fn create(root: &Path, broadcast: i64, stream: i64) -> io::Result<Self> {
        let folder = root.join(broadcast.to_string());
        fs::create_dir_all(&folder)?;
        let meta = Meta {
            broadcast,
            stream,
            kept: Vec::new(),
        };
        disk::write_whole(&folder.join(META), &serde_json::to_vec(&meta)?)?;
        Ok(Self::new(folder, meta, State::begin))
    }

    /// What an earlier process left in this folder, repaired. It is over.
    pub(crate) fn recover(folder: PathBuf) -> io::Result<Self> {
        let meta: Meta = serde_json::from_slice(&fs::read(folder.join(META))?)?;
        let (index, pictures) = read_back(&folder)?;
        Ok(Self::new(folder, meta, |meta| State {
            index,
            meta,
            pictures,
            is_over: true,
        }))
    }

    fn new(folder: PathBuf, meta: Meta, state: impl FnOnce(Meta) -> State) -> Self {
        Self {
            folder,
            broadcast: meta.broadcast,
            stream: meta.stream,
            state: RwLock::new(state(meta)),
        }
    }

    /// The broadcast's id.
    pub fn broadcast(&self) -> i64 {
        self.broadcast
    }

    /// Its stream's id.
    pub fn stream(&self) -> i64 {
        self.stream
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        self.read().is_over
    }

    /// What there is from one moment to another, in whole segments.
    pub fn between(&self, from: WallMicros, to: WallMicros) -> Index {
        self.read().index.between(from, to)
    }

    /// Looks at all that there is.
    pub fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.read().index)
    }

    /// Unix milliseconds of the pictures, ascending.
    pub fn pictures(&self) -> Vec<i64> {
        self.read().pictures.clone()
    }

    /// A picture (JPEG).
    pub fn picture(&self, at: i64) -> io::Result<Bytes> {
        fs::read(self.picture_path(at)).map(Bytes::from)
    }

    /// The bytes of a segment. Blocks.
    pub fn segment(&self, track: TrackId, seq: u64) -> io::Result<Bytes> {
        let found = self.look(|index| {
            let segments = index.tracks.get(&track)?;
            let at = segments.binary_search_by_key(&seq, |it| it.seq).ok()?;
            Some(segments[at])
        });
        let segment = found.ok_or(io::ErrorKind::NotFound)?;
        let mut file = File::open(self.media_path(track, segment.run, segment.file))?;
        file.seek(SeekFrom::Start(segment.offset))?;
        let mut bytes = vec![0; usize::try_from(segment.len).map_err(io::Error::other)?];
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    /// A run's initialisation segment of a track. Blocks.
    pub fn init(&self, track: TrackId, run: u32) -> io::Result<Bytes> {
        fs::read(self.init_path(track, run)).map(Bytes::from)
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn media_path(&self, track: TrackId, run: u32, file: u32) -> PathBuf {
        self.folder.join(media_name(track, run, file))
    }

    pub(crate) fn init_path(&self, track: TrackId, run: u32) -> PathBuf {
        self.folder.join(init_name(track, run))
    }

    pub(crate) fn picture_path(&self, at: i64) -> PathBuf {
        self.folder.join(picture_name(at))
    }

    /// A run begins; gives its number.
    pub(crate) fn begin_run(&self, tracks: &HlsTracks) -> io::Result<u32> {
        let run = self
            .look(|index| index.runs.last_key_value().map(|(run, _)| run + 1))
            .unwrap_or(0);
        let path = self.folder.join(format!("{run}.json"));
        disk::write_whole(&path, &serde_json::to_vec(tracks)?)?;
        self.write().index.runs.insert(run, tracks.clone());
        Ok(run)
    }

    /// A segment is whole; it gets its number.
    pub(crate) fn add(&self, track: TrackId, mut segment: Segment) {
        let mut state = self.write();
        let segments = state.index.tracks.entry(track).or_default();
        segment.seq = segments.last().map_or(0, |last| last.seq + 1);
        segments.push(segment);
    }

    pub(crate) fn add_picture(&self, at: i64) {
        self.write().pictures.push(at);
    }

    pub(crate) fn set_over(&self) {
        self.write().is_over = true;
    }

    /// What must be kept.
    pub fn kept(&self) -> Vec<Kept> {
        self.read().meta.kept.clone()
    }

    /// From now on this is kept, also after a crash. Replaces what was kept for that recording.
    pub fn keep(&self, kept: Kept) -> io::Result<()> {
        self.change(|all| {
            all.retain(|it| it.recording != kept.recording);
            all.push(kept);
        })
    }

    /// A recording needs it no more.
    pub fn let_go(&self, recording: i64) -> io::Result<()> {
        self.change(|all| all.retain(|it| it.recording != recording))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Kept>)) -> io::Result<()> {
        let mut state = self.write();
        let mut meta = state.meta.clone();
        change(&mut meta.kept);
        if meta != state.meta {
            disk::write_whole(&self.folder.join(META), &serde_json::to_vec(&meta)?)?;
            state.meta = meta;
        }
        Ok(())
    }

    /// Removes what is older than `before` and not kept, in whole files. True when nothing is left of a
    /// broadcast that is over.
    pub(crate) fn forget(&self, before: WallMicros) -> io::Result<bool> {
        let mut files: Vec<PathBuf> = Vec::new();
        let is_empty = {
            let mut state = self.write();
            let State {
                index,
                meta,
                pictures,
                is_over,
            } = &mut *state;
            let is_needed = |begins: WallMicros, ends: WallMicros| {
                let is_kept = |it: &Kept| it.from < ends && it.to.is_none_or(|to| begins < to);
                ends > before || meta.kept.iter().any(is_kept)
            };
            for (track, segments) in &mut index.tracks {
                let mut needed: BTreeMap<(u32, u32), bool> = BTreeMap::new();
                for segment in segments.iter() {
                    *needed.entry((segment.run, segment.file)).or_default() |=
                        is_needed(segment.date, segment.end_date());
                }
                // The newest is being written, and its number is counted on from.
                if let Some(last) = segments.last().filter(|_| !*is_over) {
                    needed.insert((last.run, last.file), true);
                }
                segments.retain(|it| needed[&(it.run, it.file)]);
                let gone = needed.iter().filter(|(_, needed)| !**needed);
                files.extend(gone.map(|((run, file), _)| self.media_path(*track, *run, *file)));
            }
            pictures.retain(|at| {
                let needed = is_needed(*at * 1_000, *at * 1_000 + 1);
                if !needed {
                    files.push(self.picture_path(*at));
                }
                needed
            });
            let is_empty = index.tracks.values().all(Vec::is_empty);
            is_empty && *is_over && meta.kept.is_empty()
        };
        // Readers that have a file open read on.
        for file in files {
            disk::remove(&file)?;
        }
        if is_empty {
            disk::remove(&self.folder)?;
        }
        Ok(is_empty)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("nothing panics under this lock")
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("nothing panics under this lock")
    }
}

impl State {
    fn begin(meta: Meta) -> Self {
        Self {
            index: Index::default(),
            meta,
            pictures: Vec::new(),
            is_over: false,
        }
    }
}

pub(crate) fn media_name(track: TrackId, run: u32, file: u32) -> String {
    format!("{run}-{track}-{file}.m4s")
}

pub(crate) fn init_name(track: TrackId, run: u32) -> String {
    format!("{run}-{track}.mp4")
}

pub(crate) fn picture_name(at: i64) -> String {
    format!("{at}.jpg")
}

/// The index and the pictures of a folder, from its files; what is torn is cut.
fn read_back(folder: &Path) -> io::Result<(Index, Vec<i64>)> {
    let mut index = Index::default();
    let mut pictures = Vec::new();
    let mut files: BTreeMap<(TrackId, u32, u32), PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("m4s") => {
                let mut parts = stem.splitn(3, '-');
                let run = parts.next().and_then(|run| run.parse().ok());
                let track = parts.next().and_then(|track| track.parse().ok());
                let file = parts.next().and_then(|file| file.parse().ok());
                if let (Some(run), Some(track), Some(file)) = (run, track, file) {
                    files.insert((track, run, file), path);
                }
            }
            Some("json") if path.file_name().is_some_and(|name| name != META) => {
                if let Ok(run) = stem.parse() {
                    index
                        .runs
                        .insert(run, serde_json::from_slice(&fs::read(&path)?)?);
                }
            }
            Some("jpg") => pictures.extend(stem.parse::<i64>().ok()),
            // Half of a file that was to be whole.
            Some("tmp") => disk::remove(&path)?,
            _ => {}
        }
    }
    pictures.sort_unstable();
    for ((track, run, file), path) in files {
        let Some(timescale) = timescale(&folder.join(init_name(track, run)))? else {
            continue;
        };
        if !index.runs.contains_key(&run) {
            continue;
        }
        let segments = index.tracks.entry(track).or_default();
        for found in scan::repair(&path, timescale)? {
            segments.push(Segment {
                seq: segments.last().map_or(0, |last| last.seq + 1),
                run,
                file,
                offset: found.offset,
                len: found.len,
                start: found.start,
                duration: found.duration,
                date: found.date,
            });
        }
    }
    Ok((index, pictures))
}

/// Ticks a second of the track with this initialisation segment; `None` when it is torn or missing.
fn timescale(path: &Path) -> io::Result<Option<u32>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Init::read(&bytes).map(|init| init.timescale)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
