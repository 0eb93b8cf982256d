//! Whether pictures come at even times, all of them, with timestamps that make sense.

use std::{collections::VecDeque, time::Duration};

use weir_media::MediaTime;
use weir_protocol::finding::{FindingCode, Severity};

use super::{
    SECOND,
    board::{Board, Hold, Sign},
};

/// Media time over which steps are looked at.
const WINDOW: MediaTime = 8 * SECOND;
/// A shorter time says nothing.
const LEAST: MediaTime = 4 * SECOND;
/// Steps off the grid by more than this share of a step, and by more than [`OFF`], are uneven.
const OFF_SHARE: f64 = 0.2;
/// Timestamps of RTMP are whole milliseconds, so two of them are off by nearly two.
const OFF: f64 = 2_500_000.0;
/// So many uneven steps are a variable frame rate.
const VARIABLE: f64 = 0.10;
/// So many missing pictures are noticed…
const DROPPED: f64 = 0.02;
/// …and so many spoil the stream.
const DROPPED_MANY: f64 = 0.10;
/// The stream's own figure is believed up to here: others are time bases, not frame rates.
const BELIEVED_RATE: f64 = 61.0;
/// A step so much longer than the wait for it is a jump, and so is one of at most a millisecond, which is
/// how the timeline mends one backwards.
const JUMP: i64 = SECOND as i64;
const MENDED_STEP: MediaTime = 1_000_000;
/// Frame rates up to this have no steps of a millisecond.
const MENDED_BELOW: MediaTime = 8_000_000;
/// Jumps are counted for so long.
const JUMPS_OF: Duration = Duration::from_secs(60);

const VARIABLE_HOLD: Hold = Hold::seconds(2, 10);
const DROPPED_HOLD: Hold = Hold::seconds(2, 10);
const JUMP_HOLD: Hold = Hold::seconds(0, 60);

#[derive(Debug, Default)]
pub(super) struct Pace {
    times: VecDeque<MediaTime>,
    last: Option<(Duration, MediaTime)>,
    jumps: VecDeque<Duration>,
    /// Nanoseconds.
    frame: Option<f64>,
}

impl Pace {
    pub(super) fn reset(&mut self) {
        self.times.clear();
        self.last = None;
        self.frame = None;
    }

    /// Frames a second, as they come.
    pub(super) fn frame_rate(&self) -> Option<f64> {
        self.frame.map(|frame| SECOND as f64 / frame)
    }

    /// Gives back whether time has jumped forward.
    pub(super) fn picture(&mut self, now: Duration, board: &mut Board, dts: MediaTime) -> bool {
        let before = self.last.replace((now, dts));
        let mut forward = false;
        if let Some((at, time)) = before {
            let step = dts.saturating_sub(time);
            let waited = now.saturating_sub(at).as_nanos() as i64;
            forward = step as i64 - waited > JUMP;
            let mended =
                step <= MENDED_STEP && self.frame.is_some_and(|frame| frame > MENDED_BELOW as f64);
            if forward || mended {
                self.jumps.push_back(now);
                self.times.clear();
                let sign = Sign::new(FindingCode::TimestampsJump, Severity::Warning)
                    .value("jumps", self.jumps.len() as f64)
                    .repaired(mended);
                board.bad(now, JUMP_HOLD, sign);
            }
        }
        self.times.push_back(dts);
        while self
            .times
            .front()
            .is_some_and(|first| dts.saturating_sub(*first) > WINDOW)
        {
            self.times.pop_front();
        }
        forward
    }

    /// Once a second. `said` is the frame rate that the stream says it has.
    pub(super) fn look(
        &mut self,
        now: Duration,
        board: &mut Board,
        said: Option<f64>,
        interactive: bool,
    ) {
        while self
            .jumps
            .front()
            .is_some_and(|at| now.saturating_sub(*at) > JUMPS_OF)
        {
            self.jumps.pop_front();
        }
        board.good(now, JUMP_HOLD, FindingCode::TimestampsJump);
        let span = match (self.times.front(), self.times.back()) {
            (Some(first), Some(last)) => last.saturating_sub(*first),
            _ => 0,
        };
        if span < LEAST {
            return;
        }
        let mut steps: Vec<f64> = self
            .times
            .iter()
            .zip(self.times.iter().skip(1))
            .map(|(a, b)| b.saturating_sub(*a) as f64)
            .collect();
        steps.sort_by(f64::total_cmp);
        let median = steps[steps.len() / 2];
        let near: Vec<f64> = steps
            .iter()
            .copied()
            .filter(|step| (step - median).abs() <= OFF)
            .collect();
        let frame = near.iter().sum::<f64>() / near.len() as f64;
        self.frame = Some(frame);
        let off = |step: &f64| {
            let off = (step - (step / frame).round().max(1.0) * frame).abs();
            off > OFF && off > frame * OFF_SHARE
        };
        let uneven = steps.iter().filter(|step| off(step)).count() as f64 / steps.len() as f64;
        let variable = uneven > VARIABLE;
        let sign = variable.then(|| {
            let severity = if interactive {
                Severity::Info
            } else {
                Severity::Warning
            };
            Sign::new(FindingCode::FrameRateVariable, severity)
                .value(
                    "frame_rate_fps",
                    (steps.len() as f64) * SECOND as f64 / span as f64,
                )
                .value("uneven_percent", uneven * 100.0)
                .value("shortest_ms", steps[0] / 1e6)
                .value("longest_ms", steps[steps.len() - 1] / 1e6)
        });
        board.judge(now, VARIABLE_HOLD, FindingCode::FrameRateVariable, sign);

        let slots = steps
            .iter()
            .map(|step| (step / frame).round().max(1.0))
            .sum::<f64>();
        let measured = steps.len() as f64 * SECOND as f64 / span as f64;
        let mut missing = 1.0 - steps.len() as f64 / slots;
        let mut nominal = SECOND as f64 / frame;
        if let Some(said) = said.filter(|said| *said <= BELIEVED_RATE && !interactive)
            && 1.0 - measured / said > missing
        {
            missing = 1.0 - measured / said;
            nominal = said;
        }
        let sign = (!variable && missing > DROPPED).then(|| {
            let severity = match missing > DROPPED_MANY {
                true => Severity::Error,
                false => Severity::Warning,
            };
            Sign::new(FindingCode::FramesDropped, severity)
                .value("dropped_percent", missing * 100.0)
                .value("frame_rate_fps", measured)
                .value("nominal_fps", nominal)
        });
        board.judge(now, DROPPED_HOLD, FindingCode::FramesDropped, sign);
    }
}
