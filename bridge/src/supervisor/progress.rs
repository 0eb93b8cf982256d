//! Whether a worker gets on: what it takes in must come out again.

use std::time::{Duration, Instant};

use weir_media::Kind;

/// What went into a worker and what came out of it, for each kind of media.
#[derive(Debug, Default)]
pub(super) struct Progress {
    tracks: [Track; 2],
}

#[derive(Debug, Default)]
struct Track {
    /// Something of this kind has come out of this worker: it can do it.
    works: bool,
    /// The first that went in since something came out last, and the newest.
    waiting: Option<(Instant, Instant)>,
}

impl Progress {
    /// Media went in.
    pub(super) fn took(&mut self, kind: Kind, now: Instant) {
        let track = &mut self.tracks[index(kind)];
        track.waiting.get_or_insert((now, now)).1 = now;
    }

    /// Media came out.
    pub(super) fn gave(&mut self, kind: Kind) {
        self.tracks[index(kind)] = Track {
            works: true,
            waiting: None,
        };
    }

    /// A kind of which the source went on sending for `limit`, and nothing came out. Only once
    /// something has: of some sources nothing can be made, and another worker would not help.
    pub(super) fn stalled(&self, now: Instant, limit: Duration) -> Option<Kind> {
        let mut kinds = [Kind::Video, Kind::Audio].into_iter();
        kinds.find(|kind| {
            let track = &self.tracks[index(*kind)];
            track.works
                && track.waiting.is_some_and(|(first, newest)| {
                    // What a source that stopped sent last may stay inside.
                    now.duration_since(first) >= limit && newest.duration_since(first) >= limit / 2
                })
        })
    }
}

fn index(kind: Kind) -> usize {
    match kind {
        Kind::Video => 0,
        Kind::Audio => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn what_comes_out_no_more_is_noticed() {
        let start = Instant::now();
        let mut progress = Progress::default();
        progress.took(Kind::Video, start);
        progress.gave(Kind::Video);
        for second in 1..=12 {
            progress.took(Kind::Video, at(start, second));
            progress.took(Kind::Audio, at(start, second));
            progress.gave(Kind::Audio);
        }
        assert_eq!(progress.stalled(at(start, 10), LIMIT), None);
        assert_eq!(progress.stalled(at(start, 12), LIMIT), Some(Kind::Video));
        progress.gave(Kind::Video);
        assert_eq!(progress.stalled(at(start, 12), LIMIT), None);
    }

    #[test]
    fn a_source_that_stops_or_cannot_be_used_is_no_fault_of_the_worker() {
        let start = Instant::now();
        let mut progress = Progress::default();
        // Nothing was ever made of it.
        for second in 0..=60 {
            progress.took(Kind::Video, at(start, second));
        }
        assert_eq!(progress.stalled(at(start, 60), LIMIT), None);
        progress.gave(Kind::Video);
        // One last picture stays inside.
        progress.took(Kind::Video, at(start, 61));
        assert_eq!(progress.stalled(at(start, 600), LIMIT), None);
    }
}
