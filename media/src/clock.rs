//! When the media of a broadcast happened: the mapping from its timeline to the wall clock, for
//! `EXT-X-PROGRAM-DATE-TIME`. Audio and video share it.

use std::{collections::VecDeque, time::Duration};

use crate::MediaTime;

/// Microseconds since the Unix epoch.
pub type WallMicros = i64;

/// A part cannot come before its last sample was captured, but it can be late. The earliest arrival of
/// the last 10 to 20 s is the best estimate; older ones are forgotten, so that it follows a publisher
/// whose clock runs slower or faster than ours.
const BUCKET: WallMicros = 10_000_000;

/// The mapping changes by at most this much per segment, so that dates and durations stay in accord: as
/// players see it, media overlaps or is missing there.
const SLEW: WallMicros = 1_000;

/// What is further off is made up for sooner, by this part of the difference per segment.
const HASTE: WallMicros = 10;

/// Segments of audio and video that begin this close together are cut at the same instant.
pub const SAME_CUT: MediaTime = 250_000_000;

/// Cuts whose mapping is remembered for the track that is behind; older ones are forgotten.
const CUTS_MAX: usize = 64;

/// Keeps the mapping. Dates come out of it in the order of their media.
#[derive(Debug, Default)]
pub struct Clock {
    /// Least `wall - media` seen in the last whole bucket and in this one.
    least: [Option<WallMicros>; 2],
    bucket_began: WallMicros,
    /// From which media time on which offset holds.
    cuts: VecDeque<(MediaTime, WallMicros)>,
    /// The first date may not be before this one.
    floor: Option<WallMicros>,
}

impl Clock {
    /// A clock for another timeline, whose dates begin at `floor` at the earliest.
    pub fn after(floor: Option<WallMicros>) -> Self {
        Self {
            floor,
            ..Self::default()
        }
    }

    /// Media that ends at `end` has arrived at `now`.
    pub fn observe(&mut self, end: MediaTime, now: WallMicros) {
        let offset = now - micros(end);
        if self.least[1].is_none() || now - self.bucket_began >= BUCKET {
            self.least = [self.least[1], None];
            self.bucket_began = now;
        }
        self.least[1] = Some(self.least[1].map_or(offset, |least| least.min(offset)));
    }

    /// The date of a segment that begins at `start`. Something must have been observed before.
    pub fn date(&mut self, start: MediaTime) -> WallMicros {
        let target = self.estimate();
        let offset = match self.cuts.back() {
            None => {
                let floor = self.floor.map_or(target, |floor| floor - micros(start));
                let offset = target.max(floor);
                self.cuts.push_back((start, offset));
                offset
            }
            Some((newest, offset)) if newest + SAME_CUT < start => {
                let error = target - offset;
                let step = SLEW.max(error.abs() / HASTE);
                let offset = offset + error.clamp(-step, step);
                self.cuts.push_back((start, offset));
                if self.cuts.len() > CUTS_MAX {
                    self.cuts.pop_front();
                }
                offset
            }
            // The other track has cut here already, or is ahead.
            Some(_) => {
                let cut = self
                    .cuts
                    .iter()
                    .rev()
                    .find(|(from, _)| *from <= start + SAME_CUT);
                cut.or(self.cuts.front())
                    .map_or(target, |(_, offset)| *offset)
            }
        };
        offset + micros(start)
    }

    /// Forgets the cuts so far: the estimate of the first moments, when media comes late and in
    /// bursts, was shown to nobody yet.
    pub fn settle(&mut self) {
        self.cuts.clear();
    }

    fn estimate(&self) -> WallMicros {
        self.least
            .iter()
            .flatten()
            .copied()
            .min()
            .unwrap_or_default()
    }
}

fn micros(time: MediaTime) -> WallMicros {
    i64::try_from(time / 1_000).unwrap_or(i64::MAX)
}

/// A duration in microseconds.
pub fn wall(duration: Duration) -> WallMicros {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// RFC 3339 with milliseconds, in UTC.
pub fn rfc3339(at: WallMicros) -> String {
    let millis = at.div_euclid(1_000);
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    // The civil date of a count of days in the proleptic Gregorian calendar, reckoned from 1 March of
    // year 0 in cycles of 400 years, so that the leap day is the last day of a year.
    let shifted = days + 719_468;
    let (cycle, day_of_cycle) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524
        - day_of_cycle / 146_096)
        / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: MediaTime = 1_000_000_000;
    const START: WallMicros = 1_800_000_000_000_000;

    #[test]
    fn dates_are_civil() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_123_999, "2024-02-29T00:00:00.123Z"),
            (1_735_689_599_999_000, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"),
            (-1_000, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(at), text);
        }
    }

    #[test]
    fn the_earliest_arrival_counts() {
        let mut clock = Clock::default();
        for (end, late) in [(1, 900_000), (2, 100_000), (3, 400_000)] {
            clock.observe(end * SECOND, START + 1_000_000 * end as i64 + late);
        }
        assert_eq!(clock.date(SECOND), START + 1_100_000);
    }

    #[test]
    fn both_tracks_get_one_date_for_one_cut() {
        let mut clock = Clock::default();
        clock.observe(0, START + 50_000);
        let video = clock.date(0);
        clock.observe(SECOND, START + 1_000_000);
        let next = clock.date(SECOND);
        assert_eq!(next - video, 1_000_000 - 5_000, "it slews");
        // Audio comes later, cut a moment off.
        assert_eq!(clock.date(0), video);
        assert_eq!(clock.date(SECOND - SECOND / 100), next - 10_000);
    }

    #[test]
    fn follows_a_publisher_whose_clock_drifts() {
        let mut clock = Clock::default();
        // 1000 ppm slow: after 100 s of media, 100.1 s have passed.
        for second in 0..100u64 {
            clock.observe(second * SECOND, START + 1_001_000 * second as i64);
            clock.date(second * SECOND);
        }
        let error = clock.date(100 * SECOND) - (START + 100_100_000);
        assert!((-25_000..=0).contains(&error), "{error}");
    }

    #[test]
    fn another_timeline_never_goes_back() {
        let mut clock = Clock::after(Some(START + 5_000_000));
        clock.observe(7 * SECOND, START + 4_000_000);
        assert_eq!(clock.date(7 * SECOND), START + 5_000_000);
    }
}
