//! Users whose sessions are over. Their credentials would work for a day otherwise.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// Most that are remembered. Beyond, the oldest is forgotten, whose credentials then work to their own end.
const MOST: usize = 65_536;

/// How long one is remembered: as long as credentials work (`ice_servers`), and some for clocks.
const REMEMBERED: Duration = Duration::from_secs(25 * 60 * 60);

#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// When each ended.
    since: HashMap<String, Instant>,
    /// The oldest first.
    order: VecDeque<String>,
}

impl Ended {
    /// The session of this user is over.
    pub(crate) fn end(&mut self, now: Instant, user: String) {
        self.forget(now);
        if self.since.insert(user.clone(), now).is_none() {
            self.order.push_back(user);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.since.remove(&oldest);
        }
    }

    /// Whether a user name's session ended that long ago. What it is told by stands behind the time.
    pub(crate) fn ended(&self, now: Instant, name: &str, ago: Duration) -> bool {
        let user = name.split_once(':').map(|(_, user)| user);
        let since = user.and_then(|user| self.since.get(user));
        since.is_some_and(|since| now.saturating_duration_since(*since) >= ago)
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.order.front() {
            let since = self.since.get(oldest);
            if since.is_some_and(|it| now.saturating_duration_since(*it) < REMEMBERED) {
                return;
            }
            self.since.remove(oldest);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ended_is_remembered_as_long_as_credentials_work() {
        let start = Instant::now();
        let mut ended = Ended::default();
        ended.end(start, "a".to_owned());
        ended.end(start, "a".to_owned());
        assert_eq!(ended.len(), 1);
        let minute = Duration::from_secs(60);
        assert!(ended.ended(start, "99:a", Duration::ZERO));
        assert!(!ended.ended(start, "99:a", minute));
        assert!(ended.ended(start + minute, "99:a", minute));
        assert!(!ended.ended(start + minute, "99:b", minute));
        assert!(!ended.ended(start + minute, "a", minute));
        ended.end(start + REMEMBERED, "b".to_owned());
        assert_eq!(ended.len(), 1, "a day later");
        assert!(!ended.ended(start + REMEMBERED, "99:a", Duration::ZERO));
    }

    #[test]
    fn they_do_not_grow() {
        let start = Instant::now();
        let mut ended = Ended::default();
        for n in 0..MOST + 10 {
            ended.end(start, n.to_string());
        }
        assert_eq!((ended.len(), ended.since.len()), (MOST, MOST));
        assert!(!ended.ended(start, "1:9", Duration::ZERO));
        assert!(ended.ended(start, "1:10", Duration::ZERO));
    }
}
