//! Recordings and clips as they are finished: a folder with everything that is served of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use weir_media::clock::WallMicros;

use crate::{
    disk,
    index::Index,
    movie::{self, Cut, Made, MovieError},
    take::{Take, init_name, media_name, picture_name},
};

/// The file that says what a finished recording has.
const MANIFEST: &str = "index.json";

/// What a finished recording has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its segments; numbers begin at 0.
    pub index: Index,
    /// Unix milliseconds of its pictures, ascending.
    pub pictures: Vec<i64>,
    /// Lengths of the files to download in milliseconds, in their order.
    pub movies: Vec<u64>,
}

/// A finished recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// What it has.
    pub manifest: Manifest,
    /// Bytes of all its files.
    pub bytes: u64,
}

impl Manifest {
    /// Its name within a recording's folder.
    pub const FILE: &str = MANIFEST;

    /// The name of a file to download within a recording's folder.
    pub fn movie_name(number: usize) -> String {
        format!("movie-{number}.mp4")
    }

    /// The name of a picture within a recording's folder.
    pub fn picture_name(at: i64) -> String {
        picture_name(at)
    }

    /// The name of a run's initialisation segment.
    pub fn init_name(track: crate::TrackId, run: u32) -> String {
        init_name(track, run)
    }

    /// The name of the file that a segment is in.
    pub fn media_name(track: crate::TrackId, segment: &crate::Segment) -> String {
        media_name(track, segment.run, segment.file)
    }

    /// The media files of these runs, for a clip.
    pub fn files_of(&self, cut: &Cut) -> Vec<String> {
        let runs = cut.from.0..=cut.to.0;
        names(&self.index)
            .into_iter()
            .filter(|(run, _)| runs.contains(run))
            .map(|(_, name)| name)
            .collect()
    }

    /// Where a date lies for a player, in milliseconds; `None` outside.
    pub fn position(&self, date: WallMicros) -> Option<u64> {
        position(&self.index, date)
    }
}

/// Where a date lies for a player of this index, in milliseconds; `None` outside.
pub fn position(index: &Index, date: WallMicros) -> Option<u64> {
    let (_, segments) = index.leader()?;
    let mut before = 0;
    for segment in segments {
        if date < segment.end_date() {
            let into = u64::try_from(date - segment.date).ok()? * 1_000;
            return Some((before + into) / 1_000_000);
        }
        before += segment.duration;
    }
    None
}

/// Makes the folder of a recording from what lies between two moments of a broadcast. The media is not
/// copied where the file system knows hard links. Done already, it says what is there. Blocks for long.
pub fn finish(
    take: &Take,
    from: WallMicros,
    to: WallMicros,
    folder: &Path,
) -> Result<Finished, MovieError> {
    if folder.join(MANIFEST).exists() {
        return finished(folder);
    }
    let mut index = take.between(from, to);
    if index.leader().is_none() {
        return Err(MovieError::Empty);
    }
    let beside = folder.with_extension("tmp");
    disk::remove(&beside)?;
    fs::create_dir_all(&beside)?;
    let made = fill(take, &mut index, from..to, &beside);
    if made.is_err() {
        // It may be the disk that is full.
        disk::remove(&beside)?;
    }
    let manifest = made?;
    fs::rename(&beside, folder)?;
    let bytes = bytes_of(folder)?;
    Ok(Finished { manifest, bytes })
}

/// Makes everything in a folder.
fn fill(
    take: &Take,
    index: &mut Index,
    dates: Range<WallMicros>,
    beside: &Path,
) -> Result<Manifest, MovieError> {
    let pictures: Vec<i64> = take
        .pictures()
        .into_iter()
        .filter(|at| dates.contains(&(at * 1_000)))
        .collect();
    for (name, needed) in files(index) {
        let from = take.folder().join(&name);
        link(&from, &beside.join(&name), needed, take.is_over())?;
    }
    for at in &pictures {
        let name = picture_name(*at);
        link(&take.folder().join(&name), &beside.join(&name), None, true)?;
    }
    let mut movies = Vec::new();
    for group in movie::groups(beside, index)? {
        let to = beside.join(Manifest::movie_name(movies.len()));
        movies.push(movie::write(beside, index, &group, None, &to)?.duration_ms);
    }
    for segments in index.tracks.values_mut() {
        (0..)
            .zip(segments)
            .for_each(|(seq, segment)| segment.seq = seq);
    }
    let manifest = Manifest {
        index: index.clone(),
        pictures,
        movies,
    };
    let text = serde_json::to_vec(&manifest).map_err(io::Error::from)?;
    disk::write_whole(&beside.join(MANIFEST), &text)?;
    Ok(manifest)
}

/// What a folder has that was made by [`finish`].
pub fn finished(folder: &Path) -> Result<Finished, MovieError> {
    let manifest = match fs::read(folder.join(MANIFEST)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(MovieError::Empty),
        read => serde_json::from_slice(&read?).map_err(io::Error::from)?,
    };
    let bytes = bytes_of(folder)?;
    Ok(Finished { manifest, bytes })
}

/// Makes a clip of an index whose media is in this folder. Blocks.
pub fn make_clip(media: &Path, index: &Index, cut: Cut, to: &Path) -> Result<Made, MovieError> {
    let runs: Vec<u32> = movie::runs(index)
        .into_iter()
        .filter(|run| (cut.from.0..=cut.to.0).contains(run))
        .collect();
    let groups = movie::groups(media, &index.of_runs(&runs))?;
    match groups.len() {
        0 => Err(MovieError::Empty),
        1 => movie::write(media, index, &runs, Some(cut), to),
        _ => Err(MovieError::FormatChanges),
    }
}

/// Makes a clip of what `index` has of a broadcast that is on disk. Blocks.
pub fn make_clip_of_take(
    take: &Take,
    index: &Index,
    cut: Cut,
    to: &Path,
) -> Result<Made, MovieError> {
    make_clip(take.folder(), index, cut, to)
}

/// Names of the media files of an index, each with its run.
fn names(index: &Index) -> BTreeSet<(u32, String)> {
    let of = index.tracks.iter().flat_map(|(track, segments)| {
        segments.iter().flat_map(move |segment| {
            [
                (segment.run, init_name(*track, segment.run)),
                (segment.run, media_name(*track, segment.run, segment.file)),
            ]
        })
    });
    of.collect()
}

/// The media files of an index, with the bytes of each that are needed.
fn files(index: &Index) -> BTreeMap<String, Option<u64>> {
    let mut files = BTreeMap::new();
    for (track, segments) in &index.tracks {
        for segment in segments {
            files.insert(init_name(*track, segment.run), None);
            let name = media_name(*track, segment.run, segment.file);
            let needed = files.entry(name).or_insert(Some(0));
            *needed = (*needed).max(Some(segment.offset + segment.len));
        }
    }
    files
}

/// The same file under another name. What goes on being written, or has more than is `needed`, is copied as
/// far as it is.
fn link(from: &Path, to: &Path, needed: Option<u64>, is_over: bool) -> io::Result<()> {
    let length = from.metadata()?.len();
    let is_whole = needed.is_none_or(|needed| is_over && needed == length);
    // Another disk, or a file system without links.
    if is_whole && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let mut out = fs::File::create(to)?;
    io::copy(
        &mut fs::File::open(from)?.take(needed.unwrap_or(length)),
        &mut out,
    )?;
    out.sync_all()
}

fn bytes_of(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        bytes += path.metadata()?.len();
    }
    Ok(bytes)
}
