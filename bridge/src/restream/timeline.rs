//! One timeline for a whole broadcast: it only goes forward, whatever becomes of worker and publisher.

use std::time::{Duration, Instant};

use weir_media::MediaTime;

/// Between the end of a run and the start of the next, at least.
const GAP: Duration = Duration::from_millis(100);

/// Puts the times of one run after the other onto one timeline. A gap lasts as long as it did for those
/// who wait for the media.
#[derive(Debug, Default)]
pub struct Timeline {
    /// When the first media came, and its time.
    base: Option<(Instant, MediaTime)>,
    /// Added to the run's times; `None` until its first media comes.
    offset: Option<i128>,
    end: MediaTime,
}

impl Timeline {
    /// What comes from now on has times of its own.
    pub fn start_run(&mut self) {
        self.offset = None;
    }

    /// The time here of a time of the run.
    pub fn place(&mut self, time: MediaTime, now: Instant) -> MediaTime {
        let offset = *self.offset.get_or_insert_with(|| match self.base {
            None => 0,
            Some((at, first)) => {
                let passed = first + nanos(now.saturating_duration_since(at));
                i128::from(passed.max(self.end + nanos(GAP))) - i128::from(time)
            }
        });
        let placed = u64::try_from(i128::from(time) + offset).unwrap_or(0);
        if self.base.is_none() {
            self.base = Some((now, placed));
        }
        self.end = self.end.max(placed);
        placed
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn runs_follow_each_other_after_the_time_that_passed() {
        let mut line = Timeline::default();
        let start = Instant::now();
        assert_eq!(line.place(7 * SECOND, start), 7 * SECOND);
        assert_eq!(line.place(8 * SECOND, start), 8 * SECOND);
        // A publisher that comes back after 5 s begins at zero again.
        line.start_run();
        let later = start + Duration::from_secs(5);
        assert_eq!(line.place(SECOND, later), 12 * SECOND);
        // The other track of the run keeps its place beside it.
        assert_eq!(line.place(SECOND / 2, later), 12 * SECOND - SECOND / 2);
        assert_eq!(line.place(2 * SECOND, later), 13 * SECOND);
    }

    #[test]
    fn time_never_goes_back_when_media_ran_ahead_of_the_clock() {
        let mut line = Timeline::default();
        let start = Instant::now();
        line.place(0, start);
        line.place(9 * SECOND, start);
        line.start_run();
        assert_eq!(line.place(0, start), 9 * SECOND + SECOND / 10);
    }
}
