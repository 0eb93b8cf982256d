//! What instants of this process are in wall clock time, as sender reports say it.

use std::time::{Duration, Instant, SystemTime};

/// From 1900, NTP's beginning, to 1970 in seconds (RFC 5905 figure 4).
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// The wall clock at one instant; others follow from it.
#[derive(Debug, Clone, Copy)]
pub struct Wallclock {
    at: Instant,
    since_1900: Duration,
}

impl Wallclock {
    /// At the instant `at` it was `time`.
    pub fn new(at: Instant, time: SystemTime) -> Self {
        let since_1970 = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            at,
            since_1900: since_1970 + Duration::from_secs(NTP_TO_UNIX),
        }
    }

    /// NTP timestamp: seconds since 1900 in 32.32 bits, modulo 2³² s as NTP's are.
    pub(crate) fn ntp(&self, instant: Instant) -> u64 {
        let time = match instant.checked_duration_since(self.at) {
            Some(later) => self.since_1900 + later,
            None => self
                .since_1900
                .saturating_sub(self.at.saturating_duration_since(instant)),
        };
        let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
        time.as_secs() << 32 | fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_counts_from_1900() {
        let now = Instant::now();
        let clock = Wallclock::new(now, SystemTime::UNIX_EPOCH + Duration::from_millis(1_500));
        assert_eq!(clock.ntp(now), (NTP_TO_UNIX + 1) << 32 | 1 << 31);
        let later = now + Duration::from_millis(250);
        assert_eq!(clock.ntp(later), (NTP_TO_UNIX + 1) << 32 | 3 << 30);
    }
}
