//! Merges the keyframe requests of all viewers of a stream.

use std::time::{Duration, Instant};

/// Least time between two requests to one source. A request that comes earlier waits until then,
/// and is forgotten when a keyframe comes by itself.
pub(crate) const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// Least time between two requests that one shard hands to the shard of the source.
pub(crate) const KEYFRAME_FORWARD_INTERVAL: Duration = Duration::from_millis(20);

/// One per stream and shard.
#[derive(Debug)]
pub(crate) struct KeyframeThrottle {
    interval: Duration,
    last_sent: Option<Instant>,
    waiting: bool,
}

impl KeyframeThrottle {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            last_sent: None,
            waiting: false,
        }
    }

    /// A viewer wants a keyframe. True when the source must be asked now.
    pub(crate) fn request(&mut self, now: Instant) -> bool {
        self.waiting = true;
        self.due(now)
    }

    /// A keyframe begins: whoever waited has it.
    pub(crate) fn keyframe(&mut self) {
        self.waiting = false;
    }

    /// The source changed: the next request goes at once.
    pub(crate) fn reset(&mut self) {
        self.last_sent = None;
    }

    /// When a remembered request falls due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match (self.waiting, self.last_sent) {
            (true, Some(last)) => Some(last + self.interval),
            (true, None) | (false, _) => None,
        }
    }

    /// True when a remembered request must go out now.
    pub(crate) fn due(&mut self, now: Instant) -> bool {
        let open = self
            .last_sent
            .is_none_or(|last| now >= last + self.interval);
        let send = self.waiting && open;
        if send {
            self.last_sent = Some(now);
            self.waiting = false;
        }
        send
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_at_once_then_one_per_interval() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut throttle = KeyframeThrottle::new(KEYFRAME_REQUEST_INTERVAL);
        assert!(throttle.request(at(0)));
        assert!(!throttle.request(at(10)));
        assert!(!throttle.request(at(20)));
        assert_eq!(throttle.deadline(), Some(at(500)));
        assert!(!throttle.due(at(499)));
        assert!(throttle.due(at(500)));
        assert!(!throttle.due(at(1_200)), "nothing new was asked");
    }

    #[test]
    fn a_keyframe_settles_what_waits() {
        let start = Instant::now();
        let mut throttle = KeyframeThrottle::new(KEYFRAME_REQUEST_INTERVAL);
        assert!(throttle.request(start));
        assert!(!throttle.request(start + Duration::from_millis(100)));
        throttle.keyframe();
        assert_eq!(throttle.deadline(), None);
        assert!(!throttle.due(start + Duration::from_secs(1)));
    }
}
