//! Bandwidth.

use std::time::{Duration, Instant};

/// For how long a bucket that was not used lets more through: a keyframe is a burst.
const BURST: Duration = Duration::from_secs(1);

/// The least burst in octets, so that a small rate lets whole datagrams through.
const LEAST_BURST: u64 = 64 * 1024;

/// A token bucket of octets.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Octets a second.
    rate: u64,
    /// Octets, times a billion, so that short times count in whole numbers.
    level: u128,
    filled: Instant,
}

impl Bucket {
    const SCALE: u128 = 1_000_000_000;

    pub(crate) fn new(now: Instant, rate: u64) -> Self {
        let mut bucket = Self {
            rate,
            level: 0,
            filled: now,
        };
        bucket.level = bucket.most();
        bucket
    }

    fn most(&self) -> u128 {
        let burst = u128::from(self.rate) * BURST.as_nanos();
        burst.max(u128::from(LEAST_BURST) * Self::SCALE)
    }

    /// Takes so many octets, or none.
    pub(crate) fn take(&mut self, now: Instant, octets: usize) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = self.filled.max(now);
        // An hour fills every bucket.
        let passed = passed.min(Duration::from_secs(3_600)).as_nanos();
        self.level = (self.level + u128::from(self.rate) * passed).min(self.most());
        let wanted = octets as u128 * Self::SCALE;
        let enough = self.level >= wanted;
        if enough {
            self.level -= wanted;
        }
        enough
    }

    /// Gives back what was taken and not used.
    pub(crate) fn give(&mut self, octets: usize) {
        self.level = (self.level + octets as u128 * Self::SCALE).min(self.most());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_after_the_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 100_000);
        let mut sent = 0;
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            while bucket.take(now, 1_200) {
                sent += 1_200;
            }
        }
        assert!((1_080_000..=1_110_000).contains(&sent), "{sent}");
        assert!(!bucket.take(start, 1_200), "time does not go back");
        bucket.give(2_000);
        assert!(bucket.take(start, 1_200));
    }

    #[test]
    fn a_small_rate_lets_datagrams_through() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 1);
        assert!(bucket.take(start, 60_000));
        assert!(!bucket.take(start, 60_000));
    }
}
