//! Where segments begin: one numbered list for all renditions of a stream. The bridge cuts them at the
//! same media times, but what comes of each comes in any order, late, or not at all.

use std::{collections::VecDeque, time::Duration};

use weir_media::MediaTime;

use super::clock::{SAME_CUT, WallMicros};

/// Cuts that are remembered: more than the longest window has segments.
const CUTS_MAX: usize = 512;

/// A point in the media of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Counts publishers: each has a timeline of its own.
    pub(super) timeline: u32,
    pub(super) time: MediaTime,
}

impl Place {
    /// So much later on the same timeline.
    pub(super) fn after(self, duration: Duration) -> Self {
        let duration = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self {
            time: self.time.saturating_add(duration),
            ..self
        }
    }

    fn is_near(self, other: Self) -> bool {
        self.timeline == other.timeline && self.time.abs_diff(other.time) <= SAME_CUT
    }
}

/// The beginning of a segment in all renditions that have it.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// The media sequence number that its segments have, wherever no rendition was cut by itself.
    pub(super) number: u64,
    pub(super) at: Place,
    /// Discontinuity sequence number.
    pub(super) run: u64,
    pub(super) date: WallMicros,
    /// Of the longest whole segment that begins here.
    pub(super) duration: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Cuts {
    known: VecDeque<Cut>,
    next: u64,
}

impl Cuts {
    /// The cut for a segment that begins at `at` in a rendition whose newest cut is `after`. A new one
    /// when `at` lies beyond all that are known; `None` when others went on where this one is cut.
    pub(super) fn take(
        &mut self,
        at: Place,
        run: u64,
        after: Option<u64>,
        date: WallMicros,
    ) -> Option<Cut> {
        let near = self
            .known
            .iter()
            .filter(|cut| cut.run == run && cut.at.is_near(at))
            .filter(|cut| after.is_none_or(|after| cut.number > after))
            .min_by_key(|cut| cut.at.time.abs_diff(at.time));
        if let Some(cut) = near {
            return Some(cut.clone());
        }
        if let Some(newest) = self.known.back()
            && newest.run >= run
            && newest.at >= at
        {
            return None;
        }
        let cut = Cut {
            number: self.next,
            at,
            run,
            date,
            duration: Duration::ZERO,
        };
        self.next += 1;
        self.known.push_back(cut.clone());
        if self.known.len() > CUTS_MAX {
            self.known.pop_front();
        }
        Some(cut)
    }

    /// A segment that begins with this cut is whole.
    pub(super) fn whole(&mut self, number: u64, duration: Duration) {
        if let Some(cut) = self.find_mut(number) {
            cut.duration = cut.duration.max(duration);
        }
    }

    /// Which cuts before `until` a rendition has nothing of that ends at `end`.
    pub(super) fn missed(&self, end: Place, after: u64, until: u64) -> Vec<Cut> {
        let mut missed = Vec::new();
        for (index, cut) in self.known.iter().enumerate() {
            let began_later = cut.at > end || cut.at.is_near(end);
            if cut.number <= after || cut.number >= until || !began_later {
                continue;
            }
            let mut cut = cut.clone();
            // The others have not come to its end yet: the next one tells.
            if cut.duration.is_zero()
                && let Some(next) = self.known.get(index + 1)
                && next.at.timeline == cut.at.timeline
            {
                cut.duration = Duration::from_nanos(next.at.time.saturating_sub(cut.at.time));
            }
            if !cut.duration.is_zero() {
                missed.push(cut);
            }
        }
        missed
    }

    /// Gives each cut of this timeline another date.
    pub(super) fn redate(&mut self, timeline: u32, mut date: impl FnMut(MediaTime) -> WallMicros) {
        let current = |cut: &&mut Cut| cut.at.timeline == timeline;
        for cut in self.known.iter_mut().filter(current) {
            cut.date = date(cut.at.time);
        }
    }

    fn find_mut(&mut self, number: u64) -> Option<&mut Cut> {
        let index = self
            .known
            .binary_search_by_key(&number, |cut| cut.number)
            .ok()?;
        self.known.get_mut(index)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECOND: MediaTime = 1_000_000_000;

    fn at(millis: u64) -> Place {
        Place {
            timeline: 0,
            time: millis * 1_000_000,
        }
    }

    #[test]
    fn renditions_share_cuts_in_any_order() {
        let mut cuts = Cuts::default();
        let mut take = |millis, after| cuts.take(at(millis), 0, after, 0).map(|cut| cut.number);
        assert_eq!(take(0, None), Some(0));
        assert_eq!(take(1_000, Some(0)), Some(1));
        assert_eq!(take(2_000, Some(1)), Some(2));
        // Audio begins at its first frame from there on.
        assert_eq!(take(20, None), Some(0));
        assert_eq!(take(1_011, Some(0)), Some(1));
        // A rendition that comes back where the others are, or ahead of them.
        assert_eq!(take(2_000, None), Some(2));
        assert_eq!(take(3_000, Some(2)), Some(3));
        // One that is cut where the others were not.
        assert_eq!(take(1_500, Some(1)), None);
        // A cut is had once.
        assert_eq!(take(3_000, Some(3)), None);
    }

    #[test]
    fn another_run_or_timeline_has_cuts_of_its_own() {
        let mut cuts = Cuts::default();
        assert_eq!(cuts.take(at(9_000), 0, None, 0).unwrap().number, 0);
        assert_eq!(cuts.take(at(9_000), 1, Some(0), 0).unwrap().number, 1);
        let other = Place {
            timeline: 1,
            time: 0,
        };
        assert_eq!(cuts.take(other, 2, Some(1), 0).unwrap().number, 2);
        assert_eq!(cuts.take(other, 2, Some(0), 0).unwrap().number, 2);
    }

    #[test]
    fn only_what_is_missing_is_missed() {
        let mut cuts = Cuts::default();
        for number in 0..6 {
            let place = at(number * 1_000);
            cuts.take(place, 0, number.checked_sub(1), 0).unwrap();
            cuts.whole(number, Duration::from_secs(1));
        }
        let missed = |end, after, until| -> Vec<u64> {
            let missed = cuts.missed(end, after, until);
            missed.iter().map(|cut| cut.number).collect()
        };
        assert_eq!(missed(at(2_000), 1, 5), [2, 3, 4]);
        // Its media went on through a cut that it did not make.
        assert_eq!(missed(at(5_000), 1, 5), [0; 0]);
        assert_eq!(missed(at(3_950), 1, 5), [4]);
        assert_eq!(SECOND, at(1_000).time);
    }
}
