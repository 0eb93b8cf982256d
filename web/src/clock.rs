//! The server's clock, as seen from here: the sample with the shortest round trip knows best.

/// Samples that take part. Older ones go, so that a clock that drifts is followed.
const WINDOW: usize = 8;

/// The distance between the browser's and the server's clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerClock {
    /// Newest last, at most [`WINDOW`].
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    round_trip_ms: f64,
    offset_ms: f64,
}

impl ServerClock {
    /// Takes one answer of `GET /api/v1/time`: asked and answered by the browser's clock, and what the server said.
    /// An answer from before its question is ignored: the browser's clock was set in between.
    pub fn sample(&mut self, asked_ms: f64, answered_ms: f64, server_ms: f64) {
        let round_trip_ms = answered_ms - asked_ms;
        if round_trip_ms < 0.0 {
            return;
        }
        if self.samples.len() == WINDOW {
            self.samples.remove(0);
        }
        self.samples.push(Sample {
            round_trip_ms,
            offset_ms: server_ms - (asked_ms + round_trip_ms / 2.0),
        });
    }

    /// The server's time in milliseconds since the Unix epoch, for a moment of the browser's clock; none before the
    /// first sample.
    pub fn server_ms(&self, local_ms: f64) -> Option<f64> {
        let best = self
            .samples
            .iter()
            .min_by(|a, b| a.round_trip_ms.total_cmp(&b.round_trip_ms))?;
        Some(local_ms + best.offset_ms)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn knows_nothing_before_the_first_answer() {
        assert_eq!(ServerClock::default().server_ms(5.0), None);
    }

    #[test]
    fn trusts_the_shortest_round_trip() {
        let mut clock = ServerClock::default();
        // The truth is +1000; the slow answer was held up on its way back.
        clock.sample(0.0, 400.0, 1_020.0);
        clock.sample(500.0, 520.0, 1_510.0);
        assert_eq!(clock.server_ms(600.0), Some(1_600.0));
    }

    #[test]
    fn old_samples_go() {
        let mut clock = ServerClock::default();
        clock.sample(0.0, 1.0, 5_000.5);
        for n in 0..WINDOW {
            let asked = 100.0 * n as f64;
            clock.sample(asked, asked + 10.0, asked + 5.0 + 42.0);
        }
        assert_eq!(clock.server_ms(0.0), Some(42.0));
    }

    #[test]
    fn a_clock_that_was_set_back_meanwhile_is_ignored() {
        let mut clock = ServerClock::default();
        clock.sample(100.0, 50.0, 1.0);
        assert_eq!(clock.server_ms(0.0), None);
    }
}
