//! Which samples go into a movie, and when each is decoded and shown.

use std::{
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use bytes::Bytes;

use super::MovieError;
use crate::{
    boxes,
    fragment::{Fragment, Init, Sample, nanos, ticks},
    index::{Index, Segment},
    take::{init_name, media_name},
    track::TrackId,
};

/// A range of media: from a moment of a run to a moment of the same or a later one. In nanoseconds of the
/// runs' timelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Run and time at which it begins.
    pub from: (u32, u64),
    /// Run and time at which it ends.
    pub to: (u32, u64),
}

/// Samples that stand together in a file of ours.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) run: u32,
    pub(super) file: u32,
    /// Where its samples begin in the file.
    pub(super) offset: u64,
    pub(super) samples: Vec<Sample>,
    /// When its first sample is decoded, in ticks on the movie's timeline, which a clip's lead-in is before.
    pub(super) decode: i64,
}

impl Chunk {
    pub(super) fn bytes(&self) -> u64 {
        self.samples.iter().map(|it| u64::from(it.size)).sum()
    }
}

pub(super) struct Track {
    pub(super) id: TrackId,
    pub(super) init: Bytes,
    pub(super) timescale: u32,
    pub(super) chunks: Vec<Chunk>,
}

pub(super) struct Plan {
    pub(super) tracks: Vec<Track>,
    /// In nanoseconds.
    pub(super) duration: u64,
    /// Each chunk's place in the file: track and chunk by number.
    order: Vec<(usize, usize)>,
}

/// A run's place in the movie, in nanoseconds.
struct Place {
    run: u32,
    /// On the run's timeline.
    from: u64,
    to: u64,
    /// On the movie's.
    at: u64,
    /// A clip begins within the run: what is before `from` may be needed to decode what is shown.
    is_cut: bool,
}

impl Plan {
    pub(super) fn make(
        folder: &Path,
        index: &Index,
        runs: &[u32],
        cut: Option<Cut>,
    ) -> Result<Self, MovieError> {
        let (leader, segments) = index.leader().ok_or(MovieError::Empty)?;
        let mut places = Vec::new();
        let mut at = 0;
        for run in runs {
            let mut of_run = segments.iter().filter(|it| it.run == *run);
            let Some(first) = of_run.next() else { continue };
            let last = of_run.next_back().unwrap_or(first);
            let (mut from, mut to, mut is_cut) = (first.start, last.end(), false);
            if let Some(cut) = cut {
                if *run < cut.from.0 || *run > cut.to.0 {
                    continue;
                }
                if *run == cut.from.0 && cut.from.1 > from {
                    from = first_shown(folder, leader, index, cut.from)?.unwrap_or(to);
                    is_cut = true;
                }
                if *run == cut.to.0 {
                    to = to.min(cut.to.1);
                }
            }
            if from < to {
                places.push(Place {
                    run: *run,
                    from,
                    to,
                    at,
                    is_cut,
                });
                at += to - from;
            }
        }
        let Some(first) = places.first() else {
            return Err(MovieError::Empty);
        };
        let mut tracks = Vec::new();
        for id in [TrackId::TOP, TrackId::Audio] {
            let of_track = index.tracks.get(&id).map_or(&[][..], Vec::as_slice);
            let Some(run) = of_track
                .iter()
                .map(|it| it.run)
                .find(|run| *run >= first.run && places.iter().any(|it| it.run == *run))
            else {
                continue;
            };
            let init = Bytes::from(std::fs::read(folder.join(init_name(id, run)))?);
            let timescale = Init::read(&init).ok_or_else(|| bad("initialisation segment"))?;
            let timescale = timescale.timescale;
            let mut chunks = Vec::new();
            for place in &places {
                add_run(folder, id, of_track, timescale, place, &mut chunks)?;
            }
            if !chunks.is_empty() {
                chunks_in_order(&mut chunks);
                tracks.push(Track {
                    id,
                    init,
                    timescale,
                    chunks,
                });
            }
        }
        if tracks.is_empty() {
            return Err(MovieError::Empty);
        }
        let mut order: Vec<(usize, usize)> = tracks
            .iter()
            .enumerate()
            .flat_map(|(track, it)| (0..it.chunks.len()).map(move |chunk| (track, chunk)))
            .collect();
        let when = |(track, chunk): &(usize, usize)| {
            let of = &tracks[*track];
            let decode = i128::from(of.chunks[*chunk].decode);
            (decode * 1_000_000 / i128::from(of.timescale), *track)
        };
        order.sort_by_key(when);
        Ok(Self {
            tracks,
            duration: at,
            order,
        })
    }

    /// All chunks, as they stand in the file.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (TrackId, &Chunk)> {
        let at = |(track, chunk): &(usize, usize)| {
            let track = &self.tracks[*track];
            (track.id, &track.chunks[*chunk])
        };
        self.order.iter().map(at)
    }

    /// The same by number of their track.
    pub(super) fn order(&self) -> &[(usize, usize)] {
        &self.order
    }
}

/// When the first picture (or sound) from a moment on is shown: a movie begins with a whole one.
fn first_shown(
    folder: &Path,
    track: TrackId,
    index: &Index,
    (run, at): (u32, u64),
) -> Result<Option<u64>, MovieError> {
    /// Times that were rounded on their way here.
    const SLOP: u64 = 1_500_000;
    let init = std::fs::read(folder.join(init_name(track, run)))?;
    let timescale = Init::read(&init).ok_or_else(|| bad("initialisation segment"))?;
    let timescale = timescale.timescale;
    let segments = index.tracks.get(&track).map_or(&[][..], Vec::as_slice);
    let near = |it: &&Segment| it.run == run && it.end() + 1_000_000_000 > at;
    let mut found: Option<u64> = None;
    for segment in segments.iter().filter(near).take(3) {
        for (fragment, _) in fragments(folder, track, segment)? {
            let mut decode = fragment.decode;
            for sample in &fragment.samples {
                let shown = nanos(
                    decode.saturating_add_signed(sample.composition.into()),
                    timescale,
                );
                if shown + SLOP >= at && found.is_none_or(|found| shown < found) {
                    found = Some(shown);
                }
                decode += u64::from(sample.duration);
            }
        }
        if found.is_some() {
            break;
        }
    }
    Ok(found)
}

/// Appends a run's samples of a track.
fn add_run(
    folder: &Path,
    track: TrackId,
    segments: &[Segment],
    timescale: u32,
    place: &Place,
    chunks: &mut Vec<Chunk>,
) -> Result<(), MovieError> {
    let first_of_run = chunks.len();
    let is_video = track != TrackId::Audio;
    for segment in segments.iter().filter(|it| it.run == place.run) {
        // Tracks are cut at the same instants, give or take a frame.
        let is_near = segment.end() + 1_000_000_000 > place.from && segment.start < place.to;
        if !is_near {
            continue;
        }
        for (fragment, data) in fragments(folder, track, segment)? {
            let shift = i64_of(ticks(place.at, timescale)) - i64_of(ticks(place.from, timescale));
            let mut chunk = Chunk {
                run: segment.run,
                file: segment.file,
                offset: data,
                samples: Vec::new(),
                decode: i64_of(fragment.decode) + shift,
            };
            let mut decode = fragment.decode;
            for sample in fragment.samples {
                let begins = nanos(decode, timescale);
                let shown = nanos(
                    decode.saturating_add_signed(sample.composition.into()),
                    timescale,
                );
                decode += u64::from(sample.duration);
                if begins >= place.to {
                    break;
                }
                if place.is_cut && is_video && sample.keyframe && shown <= place.from {
                    // Decoding begins at the last keyframe before what is shown.
                    chunks.truncate(first_of_run);
                    chunk = chunk.after_all();
                }
                // A decoder of sound needs the frame before the first that is heard.
                let leads_in = if place.is_cut { sample.duration } else { 0 };
                let needed_from = nanos(decode + u64::from(leads_in), timescale);
                if !(is_video && place.is_cut) && needed_from <= place.from {
                    chunk = chunk.skipping(&sample);
                    continue;
                }
                chunk.samples.push(sample);
            }
            if !chunk.samples.is_empty() {
                chunks.push(chunk);
            }
        }
    }
    Ok(())
}

impl Chunk {
    /// The same without the samples so far.
    fn after_all(self) -> Self {
        let bytes = self.bytes();
        let ticks: i64 = self.samples.iter().map(|it| i64::from(it.duration)).sum();
        Self {
            offset: self.offset + bytes,
            decode: self.decode + ticks,
            samples: Vec::new(),
            ..self
        }
    }

    /// An empty one that begins after this sample.
    fn skipping(self, sample: &Sample) -> Self {
        Self {
            offset: self.offset + u64::from(sample.size),
            decode: self.decode + i64::from(sample.duration),
            ..self
        }
    }
}

/// Makes each sample last until the next is decoded, through gaps and over seams.
fn chunks_in_order(chunks: &mut [Chunk]) {
    for next in 1..chunks.len() {
        let (before, after) = chunks.split_at_mut(next);
        let (Some(before), Some(after)) = (before.last_mut(), after.first_mut()) else {
            continue;
        };
        let lasts: i64 = before.samples.iter().map(|it| i64::from(it.duration)).sum();
        let Some(last) = before.samples.last_mut() else {
            continue;
        };
        let missing = after.decode - (before.decode + lasts);
        let duration = (i64::from(last.duration) + missing).max(1);
        // What overlaps is moved: decoding times never go back.
        after.decode += duration - (i64::from(last.duration) + missing);
        last.duration = u32::try_from(duration).unwrap_or(u32::MAX);
    }
}

/// The fragments of a segment, and where the samples of each begin in its file.
fn fragments(
    folder: &Path,
    track: TrackId,
    segment: &Segment,
) -> Result<Vec<(Fragment, u64)>, MovieError> {
    let path = folder.join(media_name(track, segment.run, segment.file));
    let mut file = BufReader::with_capacity(4096, File::open(path)?);
    let end = segment.offset + segment.len;
    let (mut at, mut found) = (segment.offset, Vec::new());
    let mut moof = None;
    while at < end {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 16];
        file.read_exact(&mut head)?;
        let (kind, header, size) = boxes::head(&head).ok_or_else(|| bad("box"))?;
        if at + size > end {
            return Err(bad("segment").into());
        }
        match &kind {
            b"moof" => {
                file.seek(SeekFrom::Start(at + header as u64))?;
                let length = usize::try_from(size).map_err(io::Error::other)? - header;
                let mut content = vec![0; length];
                file.read_exact(&mut content)?;
                moof = Some((at, Fragment::read(&content).ok_or_else(|| bad("moof"))?));
            }
            b"mdat" => {
                let (begins, fragment) = moof.take().ok_or_else(|| bad("mdat"))?;
                let data = begins + u64::from(fragment.data);
                if data + fragment.bytes() > at + size {
                    return Err(bad("trun").into());
                }
                found.push((fragment, data));
            }
            _ => {}
        }
        at += size;
    }
    Ok(found)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a {what} of the archive is damaged"),
    )
}

fn i64_of(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
