//! A gapless clock for frames whose timestamps are rounded.

use weir_media::MediaTime;

use crate::worker::rtp::ticks;

/// A timestamp that is further off at once is a gap or a jump, in milliseconds.
const JUMP_MS: u64 = 60;

/// The mean of the deviations beyond which the clock is set anew, in milliseconds: less would be
/// rounding, more would be heard against the picture.
const DRIFT_MS: u64 = 12;

/// Weight of a new deviation in the mean, as a power of two.
const SMOOTHING: u32 = 5;

/// Places frames of constant length one after the other on the timeline, and follows the source's
/// timestamps where they say otherwise for good.
#[derive(Debug)]
pub(super) struct FrameClock {
    rate: u32,
    frame: u32,
    /// Ticks where the next frame begins if nothing is wrong.
    next: Option<u64>,
    /// Mean deviation, ticks × 2^SMOOTHING.
    deviation: i64,
}

impl FrameClock {
    pub(super) fn new(rate: u32, frame: u32) -> Self {
        Self {
            rate,
            frame,
            next: None,
            deviation: 0,
        }
    }

    /// Where a frame with this timestamp begins, in ticks of the rate.
    pub(super) fn place(&mut self, time: MediaTime) -> u64 {
        let said = ticks(time, self.rate.into());
        let rate = u64::from(self.rate);
        let mut begin = self.next.unwrap_or(said);
        let off = said as i64 - begin as i64;
        self.deviation += off - (self.deviation >> SMOOTHING);
        let mean = self.deviation >> SMOOTHING;
        if off.unsigned_abs() > rate * JUMP_MS / 1000 {
            begin = said;
            self.deviation = 0;
        } else if mean.unsigned_abs() > rate * DRIFT_MS / 1000 {
            begin = begin.saturating_add_signed(mean);
            self.deviation = 0;
        }
        self.next = Some(begin + u64::from(self.frame));
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Timestamps as RTMP has them, in whole milliseconds.
    fn rounded(frame: u64, period: f64) -> MediaTime {
        (frame as f64 * period).floor() as u64 * 1_000_000
    }

    #[test]
    fn rounded_timestamps_give_a_gapless_track_for_an_hour() {
        let mut clock = FrameClock::new(44_100, 1024);
        let period = 1024.0 / 44.1;
        for frame in 0..155_000 {
            assert_eq!(clock.place(rounded(frame, period)), frame * 1024);
        }
    }

    #[test]
    fn a_source_that_drifts_is_followed() {
        let mut clock = FrameClock::new(48_000, 1024);
        // A sound card that is 100 millionths too slow.
        let period = 1024.0 / 48.0 * 1.0001;
        for frame in 0..170_000 {
            let time = rounded(frame, period);
            let off = clock.place(time).abs_diff(ticks(time, 48_000));
            assert!(off < 48 * 20, "{off} samples at frame {frame}");
        }
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let mut clock = FrameClock::new(48_000, 1024);
        assert_eq!(clock.place(0), 0);
        assert_eq!(clock.place(1_000_000_000), 48_000);
        assert_eq!(clock.place(1_021_000_000), 49_024);
    }
}
