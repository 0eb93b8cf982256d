//! How far apart keyframes are.

use std::{collections::VecDeque, time::Duration};

use weir_media::MediaTime;
use weir_protocol::finding::{FindingCode, Severity};

use super::{
    SECOND, Treatment,
    board::{Board, Hold, Sign},
};

/// Longest distance that is well; the slack is for timestamps in milliseconds.
const FAR: f64 = 2.05;
/// From here on it is an error.
const VERY_FAR: f64 = 4.05;
/// A longer distance is a hole in the stream, and says nothing about the encoder.
const HOLE: f64 = 60.0;
/// Distances that are looked at for regularity.
const LOOKED_AT: usize = 8;
/// Fewer say nothing.
const LEAST: usize = 3;
/// The shortest may be so much shorter than the longest…
const UNEVEN_SHARE: f64 = 0.75;
/// …or by so much, in seconds.
const UNEVEN: f64 = 0.3;

const FAR_HOLD: Hold = Hold::seconds(0, 10);
const IRREGULAR_HOLD: Hold = Hold::seconds(0, 20);

#[derive(Debug, Default)]
pub(super) struct Keyframes {
    last: Option<MediaTime>,
    /// Seconds.
    distances: VecDeque<f64>,
}

impl Keyframes {
    /// The encoder is another from here on.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn picture(
        &mut self,
        now: Duration,
        board: &mut Board,
        (dts, keyframe): (MediaTime, bool),
        by: Treatment,
    ) {
        let Some(last) = self.last else {
            self.last = keyframe.then_some(dts);
            return;
        };
        let distance = dts.saturating_sub(last) as f64 / SECOND as f64;
        if keyframe {
            self.last = Some(dts);
            if distance > HOLE {
                self.distances.clear();
                return;
            }
            self.distances.push_back(distance);
            if self.distances.len() > LOOKED_AT {
                self.distances.pop_front();
            }
            self.judge_regularity(now, board, by);
        }
        let newest = self.distances.iter().rev().take(2).copied();
        let longest = newest.fold(distance, f64::max);
        let sign = (longest > FAR && longest < HOLE).then(|| {
            let severity = match longest > VERY_FAR {
                true => Severity::Error,
                false => Severity::Warning,
            };
            Sign::new(FindingCode::KeyframesFar, severity)
                .value("interval_s", longest)
                .word("repaired_for", if by.rtp_encoded { "all" } else { "hls" })
                .repaired(by.hls_encoded)
        });
        board.judge(now, FAR_HOLD, FindingCode::KeyframesFar, sign);
    }

    fn judge_regularity(&self, now: Duration, board: &mut Board, by: Treatment) {
        let shortest = self.distances.iter().copied().fold(f64::INFINITY, f64::min);
        let longest = self.distances.iter().copied().fold(0.0, f64::max);
        let uneven = self.distances.len() >= LEAST
            && shortest < longest * UNEVEN_SHARE
            && longest - shortest > UNEVEN;
        let sign = uneven.then(|| {
            Sign::new(FindingCode::KeyframesIrregular, Severity::Warning)
                .value("min_interval_s", shortest)
                .value("max_interval_s", longest)
                .repaired(by.hls_encoded)
        });
        board.judge(now, IRREGULAR_HOLD, FindingCode::KeyframesIrregular, sign);
    }
}
