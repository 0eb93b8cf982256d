//! How many people watch by HLS: there are no sessions, so whoever asked for a playlist lately counts.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::Duration,
};

use tokio::time::Instant;

/// Players ask for a playlist at least once per segment; who was silent for so long has left.
const AWAY_AFTER: Duration = Duration::from_secs(10);

/// Viewers told apart per stream (about 1.5 MB). More are not counted.
const VIEWERS_MAX: usize = 50_000;

/// Address and user agent together are a viewer. Two people behind one address with the same browser
/// count as one, a cache in front of the server counts as one. Only salted hashes are kept.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    salt: RandomState,
    seen: HashMap<u64, Instant>,
}

impl Viewers {
    pub(super) fn saw(&mut self, address: Option<IpAddr>, user_agent: &[u8], now: Instant) {
        let viewer = self.salt.hash_one((address, user_agent));
        if self.seen.len() >= VIEWERS_MAX && !self.seen.contains_key(&viewer) {
            self.forget_silent(now);
            if self.seen.len() >= VIEWERS_MAX {
                return;
            }
        }
        self.seen.insert(viewer, now);
    }

    pub(super) fn count(&mut self, now: Instant) -> u32 {
        self.forget_silent(now);
        u32::try_from(self.seen.len()).unwrap_or(u32::MAX)
    }

    fn forget_silent(&mut self, now: Instant) {
        self.seen
            .retain(|_, last| now.duration_since(*last) < AWAY_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn counts_distinct_viewers_of_the_last_seconds() {
        let mut viewers = Viewers::default();
        let start = Instant::now();
        let one = Some(IpAddr::from([10, 0, 0, 1]));
        let two = Some(IpAddr::from([10, 0, 0, 2]));
        viewers.saw(one, b"Firefox", start);
        viewers.saw(one, b"Firefox", start);
        viewers.saw(one, b"Safari", start);
        viewers.saw(two, b"Firefox", start + Duration::from_secs(5));
        assert_eq!(viewers.count(start + Duration::from_secs(5)), 3);
        assert_eq!(viewers.count(start + Duration::from_secs(10)), 1);
        assert_eq!(viewers.count(start + Duration::from_secs(20)), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let mut viewers = Viewers::default();
        let now = Instant::now();
        for n in 0..VIEWERS_MAX + 100 {
            let address = Ipv4Addr::from_bits(u32::try_from(n).expect("fits"));
            viewers.saw(Some(address.into()), b"", now);
        }
        assert_eq!(viewers.count(now) as usize, VIEWERS_MAX);
        // Who is known stays known, and places become free.
        let later = now + AWAY_AFTER;
        viewers.saw(Some(Ipv4Addr::BROADCAST.into()), b"", later);
        assert_eq!(viewers.count(later), 1);
    }
}
