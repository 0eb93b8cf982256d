//! Bit rates as rfc8216bis counts them.

use std::{collections::VecDeque, time::Duration};

use super::track::{Segment, Track};

/// Whole segments from which a bit rate counts as measured.
const MEASURED_AFTER: usize = 3;

/// Bits per second of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bitrate {
    pub(super) peak: u64,
    pub(super) average: u64,
}

/// Of the segments so far, or as expected until there are enough of them.
pub(super) fn bitrate(track: &Track, expected: u32) -> Bitrate {
    let peak = track.peak.ceil() as u64;
    let (mut bytes, mut seconds, mut count) = (0, 0.0, 0);
    for segment in track.shown().filter(|segment| !segment.is_gap()) {
        bytes += segment.bytes;
        seconds += segment.duration.as_secs_f64();
        count += 1;
    }
    if track.is_dormant || count < MEASURED_AFTER || seconds <= 0.0 {
        let expected = u64::from(expected.max(1));
        return Bitrate {
            peak: expected.max(peak),
            average: expected,
        };
    }
    let average = ((bytes as f64 * 8.0 / seconds).ceil() as u64).max(1);
    Bitrate {
        peak: peak.max(average),
        average,
    }
}

/// The highest bit rate of any contiguous set of segments up to the newest one that lasts 0.5 to 1.5
/// target durations (rfc8216bis section 4.1): a lone keyframe before a crash is no peak.
pub(super) fn newest_peak(segments: &VecDeque<Segment>, target_duration: Duration) -> f64 {
    let (mut bytes, mut duration, mut peak) = (0, Duration::ZERO, 0.0f64);
    for segment in segments.iter().rev() {
        bytes += segment.bytes;
        duration += segment.duration;
        if segment.is_gap() || duration > target_duration.mul_f64(1.5) {
            break;
        }
        if duration >= target_duration / 2 {
            peak = peak.max(bytes as f64 * 8.0 / duration.as_secs_f64());
        }
    }
    peak
}
