//! RTMP's 32-bit milliseconds to the broadcast's nanoseconds.

use weir_media::{Kind, MediaTime};

use super::config::AacFrames;
use crate::source::MAX_VIDEO_TRACKS;

const MS: i64 = 1_000_000;
/// Where the first frame lies, so that a frame of the other kind that is a little earlier, or a
/// negative composition time, still has a place.
const START: i64 = 500 * MS;
/// A track that goes back by more than this has begun a new timeline; by less, its frames are
/// only out of order or badly stamped.
const BACKWARD_LIMIT: i64 = 1_000 * MS;
/// No publisher may be silent for so long, so a larger leap forward is a new timeline as well, and
/// so is a track that begins so far from the other.
const FAR: i64 = 10_000 * MS;
/// A track that leaps follows the other one when that brings it so near to the live edge: then both
/// have leapt alike, and stay in step.
const NEAR: i64 = 2_000 * MS;
/// Distance between two frames of a track where the publisher's stamps do not rise.
const MIN_STEP: i64 = MS;
/// AAC is timed by counting samples while that is so near to the stamps. Rounding to milliseconds
/// is within 1 ms; more is a gap, or another clock, and counting begins again.
const AUDIO_TOLERANCE: i64 = 5 * MS;

/// The timeline of one publisher's connection, shared by its audio and video.
#[derive(Default)]
pub struct Timeline {
    video: Line,
    audio: Line,
    /// The latest time that was given.
    latest: i64,
    count: Option<Count>,
}

/// Where a frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Decoding time.
    pub time: MediaTime,
    /// The publisher's clock has leapt by so many milliseconds, and the timeline goes on without.
    pub leapt: Option<i64>,
}

/// The stamps of a kind.
#[derive(Default)]
struct Line {
    /// The last stamp, without the wrap at 2³².
    stamp: Option<i64>,
    /// Added to stamps in nanoseconds.
    offset: i64,
    newest: Option<i64>,
    /// By layer.
    last: [Option<i64>; MAX_VIDEO_TRACKS],
}

impl Line {
    /// Whether a frame at `time` belongs to another timeline than those before it.
    fn breaks(&self, time: i64, latest: i64) -> bool {
        time > latest + FAR
            || match self.newest {
                Some(newest) => time < newest - BACKWARD_LIMIT,
                None => time < latest - FAR,
            }
    }
}

/// AAC frames counted since `anchor`.
struct Count {
    frames: AacFrames,
    anchor: i64,
    count: i64,
}

impl Count {
    fn next(&self) -> i64 {
        let samples = i128::from(self.count) * i128::from(self.frames.samples);
        self.anchor + (samples * 1_000_000_000 / i128::from(self.frames.rate)) as i64
    }
}

impl Timeline {
    /// Decoding time of a frame stamped `timestamp`, `nanoseconds` later. Rises with every call of a
    /// kind and layer. `frames`: how long the frame is, for AAC. None for what lies before the
    /// beginning and cannot be shown.
    pub fn place(
        &mut self,
        kind: Kind,
        layer: u8,
        timestamp: u32,
        nanoseconds: u32,
        frames: Option<AacFrames>,
    ) -> Option<Placed> {
        let (own, other) = match kind {
            Kind::Video => (&mut self.video, &self.audio),
            Kind::Audio => (&mut self.audio, &self.video),
        };
        let before = own.stamp.or(other.stamp).unwrap_or(timestamp.into());
        // The shorter way round the circle of 2³² milliseconds.
        let stamp = before + i64::from(timestamp.wrapping_sub(before as u32) as i32);
        let exact = stamp * MS + i64::from(nanoseconds);
        if own.stamp.replace(stamp).is_none() {
            own.offset = match other.stamp {
                Some(_) => other.offset,
                None => {
                    self.latest = START;
                    START - stamp * MS
                }
            };
        }
        let mut time = exact + own.offset;
        let mut leapt = None;
        if own.breaks(time, self.latest) {
            let beside = exact + other.offset;
            if other.stamp.is_some() && (beside - self.latest).abs() <= NEAR {
                own.offset = other.offset;
            } else {
                leapt = Some((time - self.latest) / MS);
                own.offset += self.latest + MIN_STEP - time;
            }
            time = exact + own.offset;
            if kind == Kind::Audio {
                self.count = None;
            }
        } else if time < 0 && own.newest.is_none() {
            return None;
        }
        if let Some(frames) = frames {
            time = smooth(&mut self.count, frames, time);
        }
        let last = own.last.get_mut(usize::from(layer))?;
        time = time.max(0);
        if let Some(last) = *last {
            time = time.max(last + MIN_STEP);
        }
        *last = Some(time);
        own.newest = own.newest.max(Some(time));
        self.latest = self.latest.max(time);
        Some(Placed {
            time: time as MediaTime,
            leapt,
        })
    }
}

fn smooth(audio: &mut Option<Count>, frames: AacFrames, time: i64) -> i64 {
    match audio {
        Some(count) if count.frames == frames && (count.next() - time).abs() <= AUDIO_TOLERANCE => {
            let time = count.next();
            count.count += 1;
            time
        }
        _ => {
            *audio = Some(Count {
                frames,
                anchor: time,
                count: 1,
            });
            time
        }
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
