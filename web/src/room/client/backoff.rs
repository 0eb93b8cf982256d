//! How long to wait before the next connection.

/// The first pause at most, and the longest one. Milliseconds.
const FIRST_MS: u64 = 1_000;
const LONGEST_MS: u64 = 30_000;

/// Pauses that grow, of random length: after a restart of the server, not everybody comes at the same moment.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Nothing has failed so far.
    pub fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            // The generator stands still at zero.
            random: seed | 1,
        }
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: the pause until the next try. Between a half and the whole of a length that doubles.
    pub fn pause(&mut self) -> u64 {
        let whole = (FIRST_MS << self.failures.min(10)).min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        whole / 2 + self.next() % (whole / 2 + 1)
    }

    /// Xorshift (Marsaglia, 2003).
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew() {
        let mut backoff = Backoff::new(7);
        for whole in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let pause = backoff.pause();
            assert!((whole / 2..=whole).contains(&pause), "{pause} of {whole}");
        }
        backoff.reset();
        assert!(backoff.pause() <= 1_000);
    }

    #[test]
    fn two_clients_do_not_come_together() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            [backoff.pause(), backoff.pause(), backoff.pause()]
        };
        assert_ne!(pauses(0x9e37_79b9_7f4a_7c15), pauses(0xbf58_476d_1ce4_e5b9));
    }
}
