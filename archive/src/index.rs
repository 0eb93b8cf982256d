//! Which segments there are, in which files, and what was when. No I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use weir_media::{
    HlsTracks,
    clock::{SAME_CUT, WallMicros},
};

use crate::track::TrackId;

/// A stretch of a file that a player can load by itself: it begins at a keyframe, and lasts some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Counts the track's segments through the whole broadcast.
    pub seq: u64,
    /// Counts what is discontinuous with what came before.
    pub run: u32,
    /// Which of the run's files of this track.
    pub file: u32,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its bytes.
    pub len: u64,
    /// Presentation time of its first sample on the run's timeline, in nanoseconds.
    pub start: u64,
    /// Sum of its samples' durations in nanoseconds.
    pub duration: u64,
    /// When its first sample happened.
    pub date: WallMicros,
}

impl Segment {
    /// When it is over.
    pub fn end_date(&self) -> WallMicros {
        self.date + micros(self.duration)
    }

    /// Where the run's timeline is at its end, in nanoseconds.
    pub fn end(&self) -> u64 {
        self.start + self.duration
    }
}

/// The segments of a broadcast or of a part of one, by track.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// What the tracks are, by run.
    pub runs: BTreeMap<u32, HlsTracks>,
    /// Segments in their order.
    pub tracks: BTreeMap<TrackId, Vec<Segment>>,
}

impl Index {
    /// The track that says how long everything is: the best video, or the audio where there is none.
    pub fn leader(&self) -> Option<(TrackId, &[Segment])> {
        let of = |id: TrackId| self.tracks.get(&id).filter(|segments| !segments.is_empty());
        [TrackId::TOP, TrackId::Audio]
            .into_iter()
            .find_map(|id| of(id).map(|segments| (id, &**segments)))
    }

    /// How long it plays, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        let (_, segments) = self.leader().unwrap_or((TrackId::TOP, &[]));
        segments.iter().map(|it| it.duration).sum::<u64>() / 1_000_000
    }

    /// Bytes of its segments.
    pub fn bytes(&self) -> u64 {
        self.tracks.values().flatten().map(|it| it.len).sum()
    }

    /// The date of its beginning.
    pub fn begins(&self) -> Option<WallMicros> {
        self.leader()
            .and_then(|(_, segments)| segments.first())
            .map(|first| first.date)
    }

    /// The date of its end.
    pub fn ends(&self) -> Option<WallMicros> {
        self.leader()
            .and_then(|(_, segments)| segments.last())
            .map(Segment::end_date)
    }

    /// What of it is shown from `from` to `to`, in whole segments: those of the leading track that lie there
    /// with more than half of their time, and those of the others that begin with them.
    pub fn between(&self, from: WallMicros, to: WallMicros) -> Self {
        let middle = |segment: &Segment| segment.date + micros(segment.duration / 2);
        let lies = |segment: &Segment| (from..to).contains(&middle(segment));
        let tracks: BTreeMap<TrackId, Vec<Segment>> = self
            .tracks
            .iter()
            .map(|(id, segments)| (*id, segments.iter().copied().filter(lies).collect()))
            .filter(|(_, segments): &(TrackId, Vec<Segment>)| !segments.is_empty())
            .collect();
        let is_used = |run: u32| tracks.values().flatten().any(|it| it.run == run);
        Self {
            runs: self
                .runs
                .iter()
                .filter(|(run, _)| is_used(**run))
                .map(|(run, tracks)| (*run, tracks.clone()))
                .collect(),
            tracks,
        }
    }

    /// What of it belongs to these runs.
    pub(crate) fn of_runs(&self, runs: &[u32]) -> Self {
        let of = |segments: &Vec<Segment>| {
            let kept = segments.iter().filter(|it| runs.contains(&it.run));
            kept.copied().collect()
        };
        Self {
            runs: self.runs.clone(),
            tracks: self
                .tracks
                .iter()
                .map(|(id, segments)| (*id, of(segments)))
                .collect(),
        }
    }

    /// Lower rungs that were encoded all the time, so that players may choose them: they have a segment
    /// for each of the best one's.
    pub fn whole_rungs(&self) -> Vec<TrackId> {
        let Some(top) = self.tracks.get(&TrackId::TOP) else {
            return Vec::new();
        };
        let same = |segments: &[Segment]| {
            segments.len() == top.len()
                && segments.iter().zip(top).all(|(one, other)| {
                    one.run == other.run && one.start.abs_diff(other.start) < SAME_CUT
                })
        };
        self.tracks
            .iter()
            .filter(|(id, segments)| **id != TrackId::Audio && same(segments))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Where the position `at` of the player lies, in nanoseconds from the beginning: the run and its media
    /// time. A position past the end is the end.
    pub fn locate(&self, at: u64) -> Option<(u32, u64)> {
        let (_, segments) = self.leader()?;
        let mut left = at;
        for segment in segments {
            if left < segment.duration {
                return Some((segment.run, segment.start + left));
            }
            left -= segment.duration;
        }
        segments.last().map(|last| (last.run, last.end()))
    }

    /// The run and the media time that were on the air at this date: in a gap, where it goes on; `None`
    /// outside of what there is.
    pub fn locate_date(&self, at: WallMicros) -> Option<(u32, u64)> {
        let (_, segments) = self.leader()?;
        let first = segments.first()?;
        // A moment before the first sample is its moment: nobody measures that well.
        if at < first.date - SLOP {
            return None;
        }
        let found = segments.iter().find(|it| at < it.end_date());
        match found {
            Some(found) => {
                let into = u64::try_from(at - found.date).unwrap_or(0) * 1_000;
                Some((found.run, found.start + into.min(found.duration)))
            }
            None => {
                let last = segments.last()?;
                (at <= last.end_date() + SLOP).then(|| (last.run, last.end()))
            }
        }
    }
}

/// How far outside of what there is an asked date may lie: players round.
const SLOP: WallMicros = 500_000;

/// Nanoseconds as microseconds.
pub(crate) fn micros(nanos: u64) -> WallMicros {
    i64::try_from(nanos / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const SECOND: u64 = 1_000_000_000;

    pub(crate) fn segment(seq: u64, run: u32, start: u64) -> Segment {
        Segment {
            seq,
            run,
            file: 0,
            offset: 100 * seq,
            len: 100,
            start: start * SECOND,
            duration: 4 * SECOND,
            date: 1_000_000 * i64::try_from(1_000 + 4 * seq).unwrap(),
        }
    }

    /// Two runs of two segments each; the second's timeline begins anew.
    pub(crate) fn two_runs() -> Index {
        let tracks = HlsTracks {
            video: Vec::new(),
            audio: None,
            target_duration: std::time::Duration::from_secs(1),
            part_target: std::time::Duration::from_millis(200),
        };
        let segments = [(0, 0, 7), (1, 0, 11), (2, 1, 0), (3, 1, 4)]
            .map(|(seq, run, start)| segment(seq, run, start));
        Index {
            runs: [(0, tracks.clone()), (1, tracks)].into(),
            tracks: [
                (TrackId::TOP, segments.to_vec()),
                (TrackId::Audio, segments.to_vec()),
            ]
            .into(),
        }
    }

    #[test]
    fn positions_go_across_runs() {
        let index = two_runs();
        assert_eq!(index.duration_ms(), 16_000);
        assert_eq!(index.locate(0), Some((0, 7 * SECOND)));
        assert_eq!(index.locate(5 * SECOND), Some((0, 12 * SECOND)));
        assert_eq!(index.locate(8 * SECOND), Some((1, 0)));
        assert_eq!(index.locate(99 * SECOND), Some((1, 8 * SECOND)));
    }

    #[test]
    fn dates_are_found_where_they_were_on_the_air() {
        let index = two_runs();
        let at = |seconds: i64| index.locate_date(1_000_000 * (1_000 + seconds));
        assert_eq!(at(-2), None);
        assert_eq!(at(0), Some((0, 7 * SECOND)));
        assert_eq!(at(9), Some((1, SECOND)));
        assert_eq!(at(16), Some((1, 8 * SECOND)));
        assert_eq!(at(18), None);
    }

    #[test]
    fn a_range_has_whole_segments_of_all_tracks() {
        let index = two_runs();
        let part = index.between(1_005_000_000, 1_011_000_000);
        let seqs = |id| part.tracks[&id].iter().map(|it| it.seq).collect::<Vec<_>>();
        assert_eq!(seqs(TrackId::TOP), [1, 2]);
        assert_eq!(seqs(TrackId::Audio), [1, 2]);
        assert_eq!(part.runs.len(), 2);
        assert_eq!(index.between(0, 1), Index::default());
    }

    #[test]
    fn a_rung_that_slept_is_not_offered() {
        let mut index = two_runs();
        let all = index.tracks[&TrackId::TOP].clone();
        index.tracks.insert(TrackId::Video(1), all.clone());
        index.tracks.insert(TrackId::Video(2), all[1..].to_vec());
        assert_eq!(index.whole_rungs(), [TrackId::TOP, TrackId::Video(1)]);
    }
}
