//! At which pictures keyframes come, the same for all rungs; and on which rungs viewers ask for more.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use weir_media::MediaTime;

/// Keyframes come at the first picture of each such period of media time, whatever else is asked for.
const GRID: MediaTime = 1_000_000_000;

/// Keyframes that are remembered: more than a rung can be late.
const KEPT: usize = 32;

/// A rung makes one keyframe for all who ask within such a time.
const MERGE: Duration = Duration::from_millis(500);

/// Who asks so soon after a keyframe has not seen it yet: it is the answer.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// When the rungs' keyframes are.
#[derive(Debug, Default)]
pub struct Keys(Mutex<Instants>);

#[derive(Debug, Default)]
struct Instants {
    /// At the source's own keyframes, else on the grid.
    source: bool,
    period: Option<u64>,
    times: VecDeque<MediaTime>,
}

impl Keys {
    /// Whether they are at the source's own keyframes, since its pictures are passed on, or on the grid.
    pub fn follow_source(&self, source: bool) {
        self.lock().source = source;
    }

    /// The source has a keyframe; it may not be decoded yet.
    pub fn source(&self, pts: MediaTime) {
        let mut instants = self.lock();
        if instants.source {
            instants.add(pts);
        }
    }

    /// A picture was decoded.
    pub fn decoded(&self, pts: MediaTime) {
        let mut instants = self.lock();
        let period = Some(pts / GRID);
        if std::mem::replace(&mut instants.period, period) != period && !instants.source {
            instants.add(pts);
        }
    }

    /// Whether a rung's picture must be a keyframe, if the one before was that `after`: one falls on it,
    /// or on a picture that was left out. A rung that begins has nothing to make up for.
    pub fn falls_on(&self, pts: MediaTime, after: Option<MediaTime>) -> bool {
        let instants = self.lock();
        let mut times = instants.times.iter();
        match after {
            Some(after) => times.any(|time| (after + 1..=pts).contains(time)),
            None => times.any(|time| *time == pts),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Instants> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instants {
    fn add(&mut self, pts: MediaTime) {
        if self.times.len() == KEPT {
            self.times.pop_front();
        }
        self.times.push_back(pts);
    }
}

/// Keyframes that viewers ask for, a bit for each rung.
#[derive(Debug, Default)]
pub struct KeyframeRequests(AtomicU8);

impl KeyframeRequests {
    /// Viewers of this rung need one, or those of all.
    pub fn ask(&self, rung: Option<u8>) {
        let bits = match rung {
            Some(rung) => 1_u8.checked_shl(rung.into()).unwrap_or(0),
            None => u8::MAX,
        };
        self.0.fetch_or(bits, Ordering::Relaxed);
    }

    fn is_asked(&self, rung: usize) -> bool {
        self.0.load(Ordering::Relaxed) & (1 << rung) != 0
    }

    fn answered(&self, rung: usize) {
        self.0.fetch_and(!(1 << rung), Ordering::Relaxed);
    }
}

/// Answers one rung's requests.
#[derive(Debug)]
pub struct Answers {
    rung: usize,
    /// The last keyframe that was asked for.
    last: Option<Instant>,
    /// The last one of all.
    newest: Option<Instant>,
}

impl Answers {
    /// For the rung of this number, below 8.
    pub fn new(rung: usize) -> Self {
        Self {
            rung,
            last: None,
            newest: None,
        }
    }

    /// Whether the picture that is about to be encoded is to be a keyframe because viewers ask; `key`:
    /// it is one anyway, which answers them too.
    pub fn due(&mut self, requests: &KeyframeRequests, key: bool, now: Instant) -> bool {
        let ago = |time: Option<Instant>| time.map(|time| now.duration_since(time));
        if key {
            self.newest = Some(now);
        }
        if !requests.is_asked(self.rung) {
            return false;
        }
        if ago(self.newest).is_some_and(|ago| ago < ON_ITS_WAY) {
            requests.answered(self.rung);
            return false;
        }
        if ago(self.last).is_some_and(|ago| ago < MERGE) {
            return false;
        }
        requests.answered(self.rung);
        self.last = Some(now);
        self.newest = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: MediaTime = 1_000_000;

    #[test]
    fn the_grid_falls_on_the_first_picture_of_a_second() {
        let keys = Keys::default();
        for pts in [990, 1023, 1056, 2010].map(|ms| ms * MS) {
            keys.decoded(pts);
        }
        assert!(keys.falls_on(1023 * MS, Some(990 * MS)));
        assert!(!keys.falls_on(1056 * MS, Some(1023 * MS)));
        // The picture of 1023 ms was left out on this rung.
        assert!(keys.falls_on(1056 * MS, Some(990 * MS)));
        // This one begins.
        assert!(!keys.falls_on(1056 * MS, None));
        assert!(keys.falls_on(2010 * MS, None));
    }

    #[test]
    fn the_sources_keyframes_are_followed_when_its_pictures_pass() {
        let keys = Keys::default();
        keys.follow_source(true);
        keys.source(1500 * MS);
        for pts in [1400, 1500, 2000].map(|ms| ms * MS) {
            keys.decoded(pts);
        }
        assert!(keys.falls_on(1500 * MS, Some(1400 * MS)));
        assert!(!keys.falls_on(2000 * MS, Some(1500 * MS)));
        for pts in 0..1000 {
            keys.source(pts);
        }
        assert!(keys.lock().times.len() <= KEPT);
    }

    #[test]
    fn requests_are_merged_for_half_a_second_on_each_rung() {
        let requests = KeyframeRequests::default();
        let (mut first, mut second) = (Answers::new(0), Answers::new(1));
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!first.due(&requests, false, at(0)));
        requests.ask(None);
        assert!(first.due(&requests, false, at(0)));
        assert!(second.due(&requests, false, at(0)));
        requests.ask(Some(0));
        assert!(!first.due(&requests, false, at(10)), "one is on its way");
        assert!(!first.due(&requests, false, at(600)), "and was the answer");
        requests.ask(Some(0));
        assert!(first.due(&requests, false, at(601)));
        let at = |ms: u64| start + Duration::from_millis(601 + ms);
        requests.ask(Some(0));
        assert!(!first.due(&requests, false, at(99)));
        requests.ask(Some(0));
        assert!(!first.due(&requests, false, at(100)));
        assert!(!second.due(&requests, false, at(1000)));
        assert!(first.due(&requests, false, at(500)));
        // A keyframe that comes anyway answers them.
        requests.ask(Some(1));
        assert!(!second.due(&requests, true, at(510)));
        assert!(!second.due(&requests, false, at(1500)));
        requests.ask(Some(200));
        assert!(!first.due(&requests, false, at(2000)));
    }
}
