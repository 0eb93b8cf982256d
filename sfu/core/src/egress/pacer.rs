//! How much may leave at once.
//!
//! A usual frame leaves whole, in one send. What is larger than a burst, and what a new viewer has to
//! catch up, is spread over time, so that it does not overrun the viewer's path.

use std::time::{Duration, Instant};

/// What may leave at once: one GSO send, which a keyframe of 2.5 Mbit/s is.
const BURST: i64 = 64 * 1024;

/// Between two portions of what is spread.
pub(crate) const TICK: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Pacer {
    /// In bit/s.
    rate: u64,
    /// Octets that may leave now; below zero after one that was larger than what was left.
    tokens: i64,
    filled: Instant,
}

impl Pacer {
    pub(crate) fn new(now: Instant, rate: u64) -> Self {
        Self {
            rate,
            tokens: BURST,
            filled: now,
        }
    }

    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    pub(crate) fn set_rate(&mut self, rate: u64) {
        self.rate = rate;
    }

    /// Whether something may leave now.
    pub(crate) fn is_open(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        if passed >= Duration::from_millis(1) {
            let octets = passed.as_micros() * u128::from(self.rate) / 8_000_000;
            self.tokens = (self.tokens + i64::try_from(octets).unwrap_or(BURST)).min(BURST);
            self.filled = now;
        }
        self.tokens > 0
    }

    /// So many octets left.
    pub(crate) fn spend(&mut self, octets: usize) {
        self.tokens -= octets as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 8_000_000);
        let mut sent = 0;
        for ms in 0..1_000 {
            let now = start + Duration::from_millis(ms);
            while pacer.is_open(now) {
                pacer.spend(1_000);
                sent += 1_000;
            }
        }
        let expected = BURST + 1_000_000;
        assert!(
            (expected - 3_000..expected + 3_000).contains(&sent),
            "{sent}"
        );
    }
}
