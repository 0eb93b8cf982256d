//! Whether media arrives as fast as it should be shown.

use std::{collections::VecDeque, time::Duration};

use weir_media::MediaTime;
use weir_protocol::finding::{FindingCode, Severity};

use super::board::{Board, Hold, Sign};

/// Arrivals are put together for so long.
const STEP: Duration = Duration::from_millis(500);
/// What is on time is known from the earliest arrival of so many steps: a minute.
const KNOWN: usize = 120;
/// Steps that are looked at for bursts: ten seconds.
const LOOKED_AT: usize = 20;
/// Later than this is late…
const LATE: i64 = 400_000_000;
/// …and so many late steps are no accident.
const LATE_STEPS: usize = 3;
/// So far behind the upload does not keep up…
const BEHIND: i64 = 1_500_000_000;
/// …and so far it is no live stream any more.
const FAR_BEHIND: i64 = 5_000_000_000;
/// Steps of which the earliest arrival counts for being behind: two seconds.
const BEHIND_STEPS: usize = 4;
/// Nothing is said about the start, when publishers send what they have.
const SETTLE: Duration = Duration::from_secs(3);
/// Nothing is said for so long after this machine itself was late.
const OWN_FAULT: Duration = Duration::from_secs(10);

const BURSTY_HOLD: Hold = Hold::seconds(0, 15);
const SLOW_HOLD: Hold = Hold::seconds(2, 10);

#[derive(Debug, Default)]
pub(super) struct Arrival {
    first: Option<Duration>,
    last: Duration,
    not_before: Duration,
    /// Since when the current step is, and its earliest and latest arrival against media time.
    step: Option<(Duration, i64, i64)>,
    /// Earliest and latest of the steps before.
    steps: VecDeque<(i64, i64)>,
}

impl Arrival {
    /// Timestamps have nothing to do with those before.
    pub(super) fn reset(&mut self) {
        self.step = None;
        self.steps.clear();
    }

    /// This machine was late itself.
    pub(super) fn own_fault(&mut self, now: Duration) {
        self.not_before = now + OWN_FAULT;
        self.reset();
    }

    pub(super) fn unit(&mut self, now: Duration, board: &mut Board, time: MediaTime) {
        let first = *self.first.get_or_insert(now);
        self.last = now;
        if now < first + SETTLE || now < self.not_before {
            return;
        }
        let delay = now.as_nanos() as i64 - time as i64;
        let (since, earliest, latest) = *self.step.get_or_insert((now, delay, delay));
        self.step = Some((since, earliest.min(delay), latest.max(delay)));
        if now - since < STEP {
            return;
        }
        self.steps
            .push_back((earliest.min(delay), latest.max(delay)));
        self.step = None;
        if self.steps.len() > KNOWN {
            self.steps.pop_front();
        }
        self.judge(now, board);
    }

    /// Once a second, also when nothing comes.
    pub(super) fn look(&mut self, now: Duration, board: &mut Board) {
        let silent = now.saturating_sub(self.last).as_nanos() as i64;
        if self.steps.is_empty() || now < self.not_before || silent < BEHIND {
            return;
        }
        board.bad(now, SLOW_HOLD, slow(silent));
    }

    fn judge(&self, now: Duration, board: &mut Board) {
        let on_time = self.steps.iter().map(|(earliest, _)| *earliest).min();
        let Some(on_time) = on_time else { return };
        let newest = || self.steps.iter().rev();
        let behind = newest()
            .take(BEHIND_STEPS)
            .map(|(earliest, _)| earliest - on_time);
        let behind = behind.min().unwrap_or_default();
        let sign = (behind > BEHIND && self.steps.len() >= BEHIND_STEPS).then(|| slow(behind));
        board.judge(now, SLOW_HOLD, FindingCode::UploadSlow, sign);

        let late = newest()
            .take(LOOKED_AT)
            .filter(|(_, latest)| latest - on_time > LATE);
        let latest = newest()
            .take(LOOKED_AT)
            .map(|(_, latest)| latest - on_time)
            .max();
        let bursty = late.count() >= LATE_STEPS && !board.is_open(FindingCode::UploadSlow);
        let sign = bursty.then(|| {
            Sign::new(FindingCode::ArrivalBursty, Severity::Warning)
                .value("late_ms", latest.unwrap_or_default() as f64 / 1e6)
        });
        board.judge(now, BURSTY_HOLD, FindingCode::ArrivalBursty, sign);
    }
}

fn slow(behind: i64) -> Sign {
    let severity = match behind > FAR_BEHIND {
        true => Severity::Error,
        false => Severity::Warning,
    };
    Sign::new(FindingCode::UploadSlow, severity).value("behind_s", behind as f64 / 1e9)
}
