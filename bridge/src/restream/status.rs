//! How a target does, as its owner is told.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use weir_media::MediaTime;
use weir_protocol::{RestreamState, RestreamStatus};

/// Over which the bit rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// The large platforms want a keyframe at least this often.
const KEYFRAMES_AT_MOST: MediaTime = 4_000_000_000;

/// The figures of one target.
#[derive(Debug, Default)]
pub struct Meter {
    status: RestreamStatus,
    /// Bytes sent lately.
    sent: VecDeque<(Instant, u64)>,
    last_keyframe: Option<MediaTime>,
}

impl Meter {
    /// It is in this state now.
    pub fn set(&mut self, state: RestreamState, reason: Option<String>) {
        if state == RestreamState::Live {
            self.status.failures = 0;
        }
        self.sent.clear();
        self.last_keyframe = None;
        self.status.next_at = None;
        self.status.state = state;
        self.status.reason = reason;
        self.status.since = Some(unix_millis());
    }

    /// It failed and is tried again after `wait`.
    pub fn retry(&mut self, reason: String, wait: Duration) {
        let failures = self.status.failures.saturating_add(1);
        self.set(RestreamState::Retrying, Some(reason));
        self.status.failures = failures;
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.status.next_at = Some(unix_millis().saturating_add(wait));
    }

    /// This rendition is sent.
    pub fn rendition(&mut self, name: Option<String>) {
        self.status.rendition = name;
    }

    /// So many bytes went out.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        self.status.bytes += bytes as u64;
        match self.sent.back_mut() {
            // A figure for each tenth of a second is enough.
            Some((at, sum)) if now.duration_since(*at) < Duration::from_millis(100) => {
                *sum += bytes as u64;
            }
            _ => self.sent.push_back((now, bytes as u64)),
        }
        self.forget_old(now);
    }

    /// A keyframe of this time went out.
    pub fn keyframe(&mut self, time: MediaTime) {
        if let Some(last) = self.last_keyframe.replace(time) {
            let interval = time.saturating_sub(last);
            self.status.keyframe_interval_ms = u32::try_from(interval / 1_000_000).ok();
            self.status.warning = (interval > KEYFRAMES_AT_MOST).then(|| {
                format!(
                    "keyframes come every {} s, and most platforms want one every 2 s: set the \
                     keyframe interval of your encoder to 2 s",
                    interval.div_ceil(1_000_000_000)
                )
            });
        }
    }

    /// The figures now.
    pub fn read(&mut self, dropped: u64, now: Instant) -> RestreamStatus {
        self.forget_old(now);
        let bytes: u64 = self.sent.iter().map(|(_, bytes)| bytes).sum();
        let span = self.sent.front().map_or(Duration::ZERO, |(at, _)| {
            now.duration_since(*at).max(Duration::from_secs(1))
        });
        self.status.bitrate = match span.as_millis() {
            0 => 0,
            millis => u64::try_from(u128::from(bytes) * 8000 / millis).unwrap_or(u64::MAX),
        };
        self.status.dropped = dropped;
        self.status.clone()
    }

    /// The state alone.
    pub fn state(&self) -> RestreamState {
        self.status.state
    }

    fn forget_old(&mut self, now: Instant) {
        while self
            .sent
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > RATE_WINDOW)
        {
            self.sent.pop_front();
        }
    }
}

fn unix_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut meter = Meter::default();
        meter.set(RestreamState::Live, None);
        let start = Instant::now();
        for second in 0..10 {
            meter.sent(125_000, start + Duration::from_secs(second));
        }
        let now = start + Duration::from_secs(10);
        let status = meter.read(3, now);
        assert_eq!(status.bytes, 1_250_000);
        assert!(
            (900_000..=1_100_000).contains(&status.bitrate),
            "{}",
            status.bitrate
        );
        assert_eq!(status.dropped, 3);
        let later = now + Duration::from_secs(60);
        assert_eq!(meter.read(3, later).bitrate, 0);
    }

    #[test]
    fn long_picture_groups_are_warned_of() {
        let mut meter = Meter::default();
        meter.keyframe(0);
        meter.keyframe(8_300_000_000);
        let status = meter.read(0, Instant::now());
        assert_eq!(status.keyframe_interval_ms, Some(8300));
        assert!(
            status
                .warning
                .is_some_and(|text| text.contains("every 9 s"))
        );
        meter.keyframe(10_300_000_000);
        assert_eq!(meter.read(0, Instant::now()).warning, None);
    }

    #[test]
    fn failures_are_counted_until_it_is_live() {
        let mut meter = Meter::default();
        meter.retry("no".to_owned(), Duration::from_secs(1));
        meter.retry("no".to_owned(), Duration::from_secs(1));
        assert_eq!(meter.read(0, Instant::now()).failures, 2);
        meter.set(RestreamState::Live, None);
        let status = meter.read(0, Instant::now());
        assert_eq!(
            (status.failures, status.reason, status.next_at),
            (0, None, None)
        );
    }
}
