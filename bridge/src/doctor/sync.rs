//! Whether sound and picture belong together.
//!
//! Nobody but people can tell whether lips and voice match. What can be told is whether sound and picture
//! that arrive together have the same time, and whether that changes.

use std::{collections::VecDeque, time::Duration};

use weir_media::MediaTime;
use weir_protocol::finding::{FindingCode, Severity};

use super::board::{Board, Hold, Sign};

/// From here on the offset is more than encoders and interleaving explain.
const OFFSET: i64 = 250_000_000;
/// Samples that are looked at: the median of some seconds is taken.
const SAMPLES: usize = 200;
/// Fewer say nothing.
const LEAST: usize = 50;
/// A picture that is older says nothing about the sound that arrives now.
const FRESH: Duration = Duration::from_millis(500);
/// A point of the drift's line is the median of so long…
const POINT: Duration = Duration::from_secs(10);
/// …and the line goes through so many: ten minutes.
const POINTS: usize = 60;
/// Fewer are no line: three minutes.
const LEAST_POINTS: usize = 18;
/// Milliseconds a minute that are drift…
const DRIFT: f64 = 8.0;
/// …when the line's ends are so many milliseconds apart.
const MOVED: f64 = 40.0;
/// Sound that is away from its counted place by more has a gap, and is counted anew.
const GAP: i64 = 60_000_000;

const OFFSET_HOLD: Hold = Hold::seconds(5, 10);
const DRIFT_HOLD: Hold = Hold::seconds(20, 60);

#[derive(Debug, Default)]
pub(super) struct Sync {
    video: Option<(Duration, MediaTime)>,
    /// How far sound's times are ahead of the picture's.
    skews: VecDeque<i64>,
    /// How far sound's times are from where its frames say.
    counted: Option<(MediaTime, i64)>,
    last_point: Option<Duration>,
    skew_line: Line,
    count_line: Line,
}

impl Sync {
    /// Times have nothing to do with those before.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn picture(&mut self, now: Duration, dts: MediaTime) {
        self.video = Some((now, dts));
    }

    /// `lasts`: what the frame lasts by its samples, where that is known.
    pub(super) fn sound(&mut self, now: Duration, time: MediaTime, lasts: Option<MediaTime>) {
        if let Some(lasts) = lasts {
            let (next, off) = self.counted.unwrap_or((time, 0));
            let step = time as i64 - next as i64;
            // A gap is no drift.
            let off = if step.abs() > GAP { off } else { off + step };
            self.counted = Some((time + lasts, off));
        }
        let Some((at, dts)) = self.video else { return };
        let waited = now.saturating_sub(at);
        if waited > FRESH {
            return;
        }
        self.skews
            .push_back(time as i64 - dts as i64 - waited.as_nanos() as i64);
        if self.skews.len() > SAMPLES {
            self.skews.pop_front();
        }
    }

    /// Once a second.
    pub(super) fn look(&mut self, now: Duration, board: &mut Board) {
        if self.skews.len() < LEAST {
            return;
        }
        let mut sorted: Vec<i64> = self.skews.iter().copied().collect();
        sorted.sort_unstable();
        let skew = sorted[sorted.len() / 2];
        let sign = (skew.abs() > OFFSET).then(|| {
            Sign::new(FindingCode::AvOffset, Severity::Warning)
                .value("offset_ms", skew as f64 / 1e6)
        });
        board.judge(now, OFFSET_HOLD, FindingCode::AvOffset, sign);

        if self
            .last_point
            .is_none_or(|at| now.saturating_sub(at) >= POINT)
        {
            self.last_point = Some(now);
            self.skew_line.add(now, skew);
            if let Some((_, off)) = self.counted {
                self.count_line.add(now, off);
            }
        }
        let slopes = [self.skew_line.drift(), self.count_line.drift()];
        let drift = slopes
            .into_iter()
            .flatten()
            .max_by(|a, b| a.abs().total_cmp(&b.abs()));
        let sign = drift.map(|drift| {
            Sign::new(FindingCode::AvDrift, Severity::Warning).value("drift_ms_per_minute", drift)
        });
        board.judge(now, DRIFT_HOLD, FindingCode::AvDrift, sign);
    }
}

/// Points, and the straight line nearest to them.
#[derive(Debug, Default)]
struct Line(VecDeque<(f64, f64)>);

impl Line {
    fn add(&mut self, now: Duration, value: i64) {
        self.0
            .push_back((now.as_secs_f64() / 60.0, value as f64 / 1e6));
        if self.0.len() > POINTS {
            self.0.pop_front();
        }
    }

    /// Milliseconds a minute, if the line rises or falls.
    fn drift(&self) -> Option<f64> {
        if self.0.len() < LEAST_POINTS {
            return None;
        }
        let count = self.0.len() as f64;
        let (x, y) = self
            .0
            .iter()
            .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        let (x, y) = (x / count, y / count);
        let (up, along) = self.0.iter().fold((0.0, 0.0), |(up, along), point| {
            (
                up + (point.0 - x) * (point.1 - y),
                along + (point.0 - x).powi(2),
            )
        });
        let slope = up / along;
        let span = self.0.back()?.0 - self.0.front()?.0;
        // A single step is an offset, not a drift: the points must lie near the line.
        let spread = self
            .0
            .iter()
            .map(|point| (point.1 - y - slope * (point.0 - x)).abs());
        let near = spread.fold(0.0, f64::max) < (slope * span).abs() / 4.0;
        (slope.abs() > DRIFT && (slope * span).abs() > MOVED && near).then_some(slope)
    }
}
