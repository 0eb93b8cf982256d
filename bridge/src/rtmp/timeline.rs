//! RTMP's 32-bit milliseconds to the broadcast's nanoseconds.

use weir_media::{Kind, MediaTime};

use super::config::AacFrames;

const MS: i64 = 1_000_000;
/// Where the first frame lies, so that a frame of the other kind that is a little earlier, or a
/// negative composition time, still has a place.
const START: i64 = 500 * MS;
/// A track that goes back by more than this has begun a new timeline; by less, its frames are
/// only out of order or badly stamped.
const BACKWARD_LIMIT: i64 = 1_000 * MS;
/// No publisher may be silent for so long, so a larger leap forward is a new timeline as well.
const FORWARD_LIMIT: i64 = 10_000 * MS;
/// Distance between two frames of a kind where the publisher's stamps do not rise.
const MIN_STEP: i64 = MS;
/// AAC is timed by counting samples while that is so near to the stamps. Rounding to milliseconds
/// is within 1 ms; more is a gap, or another clock, and counting begins again.
const AUDIO_TOLERANCE: i64 = 5 * MS;

/// The timeline of one publisher's connection, shared by its audio and video.
#[derive(Default)]
pub struct Timeline {
    clock: Option<Clock>,
    audio: Option<Count>,
}

struct Clock {
    /// The last stamp, without the wrap at 2³².
    unwrapped: i64,
    /// Added to stamps in nanoseconds.
    offset: i64,
    latest: i64,
    last_video: Option<i64>,
    last_audio: Option<i64>,
}

/// AAC frames counted since `anchor`.
struct Count {
    frames: AacFrames,
    anchor: i64,
    count: i64,
}

impl Count {
    fn next(&self) -> i64 {
        let samples = i128::from(self.count) * i128::from(self.frames.samples);
        self.anchor + (samples * 1_000_000_000 / i128::from(self.frames.rate)) as i64
    }
}

impl Timeline {
    /// Decoding time of a frame stamped `timestamp`, `nanoseconds` later. Rises with every call
    /// of a kind. `frames`: how long the frame is, for AAC.
    pub fn place(
        &mut self,
        kind: Kind,
        timestamp: u32,
        nanoseconds: u32,
        frames: Option<AacFrames>,
    ) -> MediaTime {
        let clock = self.clock.get_or_insert_with(|| Clock {
            unwrapped: timestamp.into(),
            offset: START - i64::from(timestamp) * MS,
            latest: START,
            last_video: None,
            last_audio: None,
        });
        // The shorter way round the circle of 2³² milliseconds.
        clock.unwrapped += i64::from(timestamp.wrapping_sub(clock.unwrapped as u32) as i32);
        let mut time = clock.unwrapped * MS + i64::from(nanoseconds) + clock.offset;
        let last = match kind {
            Kind::Video => &mut clock.last_video,
            Kind::Audio => &mut clock.last_audio,
        };
        let back = last.is_some_and(|last| time < last - BACKWARD_LIMIT) || time < 0;
        if back || time > clock.latest + FORWARD_LIMIT {
            clock.offset += clock.latest + MIN_STEP - time;
            time = clock.latest + MIN_STEP;
            self.audio = None;
        }
        if let Some(frames) = frames {
            time = smooth(&mut self.audio, frames, time);
        }
        if let Some(last) = *last {
            time = time.max(last + MIN_STEP);
        }
        *last = Some(time);
        clock.latest = clock.latest.max(time);
        time as MediaTime
    }
}

fn smooth(audio: &mut Option<Count>, frames: AacFrames, time: i64) -> i64 {
    match audio {
        Some(count) if count.frames == frames && (count.next() - time).abs() <= AUDIO_TOLERANCE => {
            let time = count.next();
            count.count += 1;
            time
        }
        _ => {
            *audio = Some(Count {
                frames,
                anchor: time,
                count: 1,
            });
            time
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const AAC_44100: AacFrames = AacFrames {
        rate: 44_100,
        samples: 1024,
    };

    fn video(timeline: &mut Timeline, timestamp: u32) -> i64 {
        timeline.place(Kind::Video, timestamp, 0, None) as i64 - START
    }

    #[test]
    fn the_first_stamp_is_the_origin_of_both_tracks() {
        let mut timeline = Timeline::default();
        assert_eq!(video(&mut timeline, 90_000), 0);
        assert_eq!(
            timeline.place(Kind::Audio, 89_990, 0, None) as i64 - START,
            -10 * MS
        );
        assert_eq!(video(&mut timeline, 90_033), 33 * MS);
        assert_eq!(
            timeline.place(Kind::Video, 90_066, 500_000, None) as i64 - START,
            66 * MS + 500_000
        );
    }

    #[test]
    fn time_goes_on_over_the_wrap() {
        let mut timeline = Timeline::default();
        assert_eq!(video(&mut timeline, u32::MAX - 10), 0);
        assert_eq!(video(&mut timeline, 22), 33 * MS);
        assert_eq!(
            timeline.place(Kind::Audio, u32::MAX, 0, None) as i64 - START,
            10 * MS
        );
        assert_eq!(video(&mut timeline, 55), 66 * MS);
    }

    #[test]
    fn a_new_timeline_goes_on_where_the_old_one_ended() {
        let mut timeline = Timeline::default();
        video(&mut timeline, 100_000);
        video(&mut timeline, 105_000);
        assert_eq!(video(&mut timeline, 0), 5_001 * MS);
        assert_eq!(video(&mut timeline, 33), 5_034 * MS);
        assert_eq!(video(&mut timeline, 2_000_000_000), 5_035 * MS);
        assert_eq!(video(&mut timeline, 2_000_000_040), 5_075 * MS);
    }

    #[test]
    fn stamps_that_do_not_rise_are_spaced() {
        let mut timeline = Timeline::default();
        assert_eq!(video(&mut timeline, 1_000), 0);
        assert_eq!(video(&mut timeline, 1_000), MS);
        assert_eq!(video(&mut timeline, 900), 2 * MS);
        assert_eq!(video(&mut timeline, 1_033), 33 * MS);
    }

    #[test]
    fn audio_is_timed_by_its_samples() {
        let mut timeline = Timeline::default();
        let mut times = Vec::new();
        for frame in 0..1_000_u64 {
            let stamp = frame * 1024 * 1000 / 44_100;
            times.push(timeline.place(Kind::Audio, stamp as u32, 0, Some(AAC_44100)));
        }
        for pair in times.windows(2) {
            let step = pair[1] - pair[0];
            assert!((23_219_954..=23_219_955).contains(&step), "{step}");
        }
    }

    #[test]
    fn audio_follows_the_stamps_after_a_gap() {
        let mut timeline = Timeline::default();
        let start = timeline.place(Kind::Audio, 0, 0, Some(AAC_44100));
        timeline.place(Kind::Audio, 23, 0, Some(AAC_44100));
        let after = timeline.place(Kind::Audio, 500, 0, Some(AAC_44100));
        assert_eq!(after - start, 500_000_000);
    }
}
