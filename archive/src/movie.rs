//! MP4 files to download, made of our own fragments without touching the coded media.
//!
//! `moov` stands first, so that players begin at once. Runs follow one another as they do in the playlist:
//! the time between them is left out. Where a run has another codec configuration than the one before, one
//! file cannot hold both in a way that players agree on: there, another file begins ([`groups`]).

mod plan;
mod tables;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::{
    index::Index,
    take::{init_name, media_name},
    track::TrackId,
};

pub use plan::Cut;
use plan::{Chunk, Plan};

/// Why no file was made.
#[derive(Debug, thiserror::Error)]
pub enum MovieError {
    /// Nothing lies there.
    #[error("there is no media in this range")]
    Empty,
    /// The codec configuration changes within the range.
    #[error(
        "the video's or the sound's format changes within this range; choose one that ends before or begins after"
    )]
    FormatChanges,
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// How long it plays.
    pub duration_ms: u64,
    /// Its size.
    pub bytes: u64,
}

/// The runs that fit into one file each, in their order.
pub fn groups(folder: &Path, index: &Index) -> Result<Vec<Vec<u32>>, MovieError> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut last = None;
    for run in runs(index) {
        let inits = [TrackId::TOP, TrackId::Audio].map(|track| {
            let has = index.tracks.get(&track)?.iter().any(|it| it.run == run);
            has.then(|| std::fs::read(folder.join(init_name(track, run))))
        });
        let [video, audio] = inits;
        let inits = (video.transpose()?, audio.transpose()?);
        match groups.last_mut().filter(|_| last.as_ref() == Some(&inits)) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
        last = Some(inits);
    }
    Ok(groups)
}

/// Writes these runs of an index into one file. The folder has the media under the names of a take.
pub fn write(
    folder: &Path,
    index: &Index,
    runs: &[u32],
    cut: Option<Cut>,
    to: &Path,
) -> Result<Made, MovieError> {
    let plan = Plan::make(folder, index, runs, cut)?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(to)?);
    let media: u64 = plan.chunks().map(|(_, chunk)| chunk.bytes()).sum();
    let bytes = tables::write_head(&mut out, &plan, media)? + media;
    let mut files: HashMap<(TrackId, u32, u32), File> = HashMap::new();
    for (track, chunk) in plan.chunks() {
        copy(folder, track, chunk, &mut files, &mut out)?;
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(Made {
        duration_ms: plan.duration / 1_000_000,
        bytes,
    })
}

fn copy(
    folder: &Path,
    track: TrackId,
    chunk: &Chunk,
    files: &mut HashMap<(TrackId, u32, u32), File>,
    out: &mut impl io::Write,
) -> io::Result<()> {
    /// Open files: one of each track, and those at a seam.
    const FILES: usize = 8;
    let key = (track, chunk.run, chunk.file);
    if !files.contains_key(&key) {
        if files.len() >= FILES {
            files.clear();
        }
        let path = folder.join(media_name(track, chunk.run, chunk.file));
        files.insert(key, File::open(path)?);
    }
    let Some(file) = files.get_mut(&key) else {
        return Ok(());
    };
    file.seek(SeekFrom::Start(chunk.offset))?;
    let copied = io::copy(&mut file.take(chunk.bytes()), out)?;
    if copied == chunk.bytes() {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The runs of an index that have media, in their order.
pub(crate) fn runs(index: &Index) -> Vec<u32> {
    let (_, segments) = index.leader().unwrap_or((TrackId::TOP, &[]));
    let mut runs: Vec<u32> = segments.iter().map(|it| it.run).collect();
    runs.dedup();
    runs
}
