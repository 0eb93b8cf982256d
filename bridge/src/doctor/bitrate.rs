//! Whether the video's bit rate is steady.

use std::{collections::VecDeque, time::Duration};

use weir_media::MediaTime;
use weir_protocol::finding::{FindingCode, Severity};

use super::{
    SECOND, Treatment,
    board::{Board, Hold, Sign},
};

/// Seconds that are looked at.
const WINDOWS: usize = 20;
/// Fewer say nothing.
const LEAST: usize = 10;
/// More than this share of the median is a peak…
const PEAK: f64 = 2.5;
/// …and less than this a hole.
const HOLE: f64 = 0.3;
/// One peak is a scene cut; so many are not.
const SWINGS: usize = 3;
/// Below this, in bits a second, swings fit through any connection.
const SMALL: f64 = 200_000.0;

const HOLD: Hold = Hold::seconds(0, 20);

#[derive(Debug, Default)]
pub(super) struct Bitrate {
    /// Which second of media it is, and its bytes.
    window: Option<(MediaTime, usize)>,
    /// Bits a second.
    windows: VecDeque<f64>,
}

impl Bitrate {
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Keyframes are left out: they are large by nature, and not in every second.
    pub(super) fn picture(
        &mut self,
        now: Duration,
        board: &mut Board,
        (dts, keyframe, size): (MediaTime, bool, usize),
        by: Treatment,
    ) {
        let size = if keyframe { 0 } else { size };
        let second = dts / SECOND;
        let Some((current, bytes)) = &mut self.window else {
            // What is left of the first second is not a whole one.
            self.window = Some((second, 0));
            return;
        };
        if *current == second {
            *bytes += size;
            return;
        }
        self.windows.push_back(*bytes as f64 * 8.0);
        self.window = Some((second, size));
        if self.windows.len() > WINDOWS {
            self.windows.pop_front();
        }
        if self.windows.len() < LEAST {
            return;
        }
        let mut sorted: Vec<f64> = self.windows.iter().copied().skip(1).collect();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        let swings = sorted
            .iter()
            .filter(|rate| **rate > median * PEAK || **rate < median * HOLE);
        let unstable = median > SMALL && swings.count() >= SWINGS;
        let sign = unstable.then(|| {
            Sign::new(FindingCode::BitrateUnstable, Severity::Warning)
                .value("low_kbps", sorted[0] / 1000.0)
                .value("high_kbps", sorted[sorted.len() - 1] / 1000.0)
                .value("median_kbps", median / 1000.0)
                .repaired(by.rtp_encoded && by.hls_encoded)
        });
        board.judge(now, HOLD, FindingCode::BitrateUnstable, sign);
    }
}
