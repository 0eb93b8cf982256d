//! Streams whose workers crash again and again are left alone for a while.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::source::SourceFormat;

/// When a stream is left alone, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantineConfig {
    /// So many crashes,
    pub crashes: u32,
    /// within this time, and it is left alone
    pub within: Duration,
    /// for this long the first time. Each further time is twice as long,
    pub first: Duration,
    /// up to this.
    pub longest: Duration,
}

impl Default for QuarantineConfig {
    fn default() -> Self {
        Self {
            crashes: 5,
            within: Duration::from_secs(60),
            first: Duration::from_secs(60),
            longest: Duration::from_secs(15 * 60),
        }
    }
}

/// Streams with crashes, by slug. It outlives a publisher's connection: one that comes back with the
/// same media is left alone all the same.
#[derive(Debug, Default)]
pub(super) struct Quarantines {
    records: Mutex<HashMap<String, Record>>,
}

#[derive(Debug, Default)]
struct Record {
    crashes: VecDeque<Instant>,
    until: Option<Instant>,
    /// The last one's length.
    length: Option<Duration>,
    /// What the source was then.
    formats: Vec<SourceFormat>,
}

impl Quarantines {
    /// Notes a crash. Gives how long the stream is left alone, if it is from now on.
    pub(super) fn crashed(
        &self,
        slug: &str,
        formats: Vec<SourceFormat>,
        now: Instant,
        config: &QuarantineConfig,
    ) -> Option<Duration> {
        let mut records = self.records();
        records.retain(|_, record| !record.is_over(now, config));
        let record = records.entry(slug.to_owned()).or_default();
        record.crashes.push_back(now);
        while record
            .crashes
            .front()
            .is_some_and(|at| now.duration_since(*at) > config.within)
        {
            record.crashes.pop_front();
        }
        if record.crashes.len() < config.crashes as usize {
            return None;
        }
        let length = match record.length {
            None => config.first,
            Some(length) => (length * 2).min(config.longest),
        };
        record.crashes.clear();
        record.until = Some(now + length);
        record.length = Some(length);
        record.formats = formats;
        Some(length)
    }

    /// For how long the stream is still left alone.
    pub(super) fn left(&self, slug: &str, now: Instant) -> Option<Duration> {
        let until = self.records().get(slug)?.until?;
        Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// The source has this format now. Whether that ends it: what crashed the workers was another one.
    pub(super) fn ends_with(&self, slug: &str, format: &SourceFormat) -> bool {
        let mut records = self.records();
        let Some(record) = records.get(slug) else {
            return true;
        };
        let known = record.formats.iter();
        let mut same_kind = known
            .filter(|known| known.kind() == format.kind())
            .peekable();
        let other = same_kind.peek().is_some() && same_kind.all(|known| known != format);
        if other {
            records.remove(slug);
        }
        other
    }

    fn records(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Nothing of it counts any more.
    fn is_over(&self, now: Instant, config: &QuarantineConfig) -> bool {
        let quiet = |at: Option<&Instant>| {
            at.is_none_or(|at| now.saturating_duration_since(*at) > config.longest)
        };
        quiet(self.crashes.back()) && quiet(self.until.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use weir_media::VideoCodec;

    use super::*;

    fn format(config: &'static [u8]) -> SourceFormat {
        SourceFormat::Video {
            layer: 0,
            codec: VideoCodec::H264,
            config: Bytes::from_static(config),
        }
    }

    fn crash(quarantines: &Quarantines, start: Instant, second: u64) -> Option<u64> {
        let now = start + Duration::from_secs(second);
        let config = QuarantineConfig::default();
        let length = quarantines.crashed("s", vec![format(b"a")], now, &config);
        length.map(|length| length.as_secs())
    }

    #[test]
    fn five_crashes_in_a_minute_and_ever_longer() {
        let quarantines = Quarantines::default();
        let start = Instant::now();
        // One in 16 s is not five in a minute.
        for n in 0..10 {
            assert_eq!(crash(&quarantines, start, n * 16), None);
        }
        let start = start + Duration::from_secs(1000);
        for second in 0..4 {
            assert_eq!(crash(&quarantines, start, second), None);
        }
        assert_eq!(crash(&quarantines, start, 4), Some(60));
        let left = |second| {
            let left = quarantines.left("s", start + Duration::from_secs(second));
            left.map(|left| left.as_secs())
        };
        assert_eq!(left(14), Some(50));
        assert_eq!(left(64), None);
        for second in 64..68 {
            assert_eq!(crash(&quarantines, start, second), None);
        }
        assert_eq!(crash(&quarantines, start, 68), Some(120));
        // Long after, it begins anew.
        for second in 5000..5004 {
            assert_eq!(crash(&quarantines, start, second), None);
        }
        assert_eq!(crash(&quarantines, start, 5004), Some(60));
    }

    #[test]
    fn another_format_ends_it() {
        let quarantines = Quarantines::default();
        let start = Instant::now();
        for second in 0..5 {
            crash(&quarantines, start, second);
        }
        assert!(!quarantines.ends_with("s", &format(b"a")));
        // It was not said what the sound is: it is not known to be another one.
        assert!(!quarantines.ends_with("s", &SourceFormat::RtpAudio));
        assert!(quarantines.left("s", start).is_some());
        assert!(quarantines.ends_with("s", &format(b"b")));
        assert_eq!(quarantines.left("s", start), None);
    }
}
