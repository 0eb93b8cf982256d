//! The rate at which packets arrive at the viewer, by the viewer's clock.

/// Width of a bucket in microseconds.
const BUCKET: i64 = 10_000;

/// 640 ms, more than any span that is asked for.
const BUCKETS: usize = 64;

/// Less time than this says nothing about a rate, in buckets.
const LEAST: i64 = 10;

#[derive(Debug)]
pub(super) struct ArrivalRate {
    /// Bytes that arrived in each of the newest buckets, by bucket number modulo.
    bytes: [u32; BUCKETS],
    /// The bucket now being filled and the first one ever (or since a pause).
    newest: i64,
    first: i64,
}

impl ArrivalRate {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; BUCKETS],
            newest: i64::MIN,
            first: i64::MIN,
        }
    }

    /// A packet arrived, `at` in microseconds by the viewer's clock.
    pub(super) fn add(&mut self, at: i64, size: u16) {
        let bucket = at.div_euclid(BUCKET);
        let ahead = bucket.saturating_sub(self.newest);
        if ahead > BUCKETS as i64 {
            // First packet, or after a pause: what came before says nothing about now.
            self.bytes = [0; BUCKETS];
            self.first = bucket;
            self.newest = bucket;
        } else if ahead > 0 {
            for passed in self.newest + 1..=bucket {
                self.bytes[passed.rem_euclid(BUCKETS as i64) as usize] = 0;
            }
            self.newest = bucket;
        } else if ahead <= -(BUCKETS as i64) {
            return;
        }
        let place = &mut self.bytes[bucket.rem_euclid(BUCKETS as i64) as usize];
        *place = place.saturating_add(u32::from(size));
    }

    /// Bit/s over the newest `millis` ms (at most 600), or over what there is of them.
    pub(super) fn over(&self, millis: i64) -> Option<u64> {
        // Without the one that is still filling.
        let end = self.newest;
        let start = (end.saturating_sub(millis * 1_000 / BUCKET)).max(self.first);
        let buckets = end.saturating_sub(start);
        if buckets < LEAST {
            return None;
        }
        let bytes: u64 = (start..end)
            .map(|bucket| u64::from(self.bytes[bucket.rem_euclid(BUCKETS as i64) as usize]))
            .sum();
        Some(bytes * 8 * 1_000_000 / (buckets * BUCKET) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_over_the_newest_time_and_none_after_a_pause() {
        let mut rate = ArrivalRate::new();
        for n in 0..100 {
            rate.add(-500_000 + n * 10_000, 1_250);
        }
        assert_eq!(rate.over(500), Some(1_000_000));
        for n in 0..31 {
            rate.add(500_000 + n * 10_000, 125);
        }
        assert_eq!(rate.over(300), Some(100_000));
        rate.add(5_000_000, 1_250);
        assert_eq!(rate.over(500), None);
        rate.add(0, 1_250);
        rate.add(5_200_000, 1_250);
        assert_eq!(rate.over(500), Some(50_000));
    }
}
