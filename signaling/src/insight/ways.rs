//! What carries the media to viewers, minute by minute, for an hour.

use std::collections::VecDeque;

use weir_db::{MINUTE_MS, UnixMillis};
use weir_protocol::TransportsInUse;

/// Minutes that are kept.
const MINUTES: i64 = 60;

/// Between two looks at most; what is longer was no looking.
const PASSED_MAX_MS: i64 = 30_000;

/// What carries media to a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Udp,
    Tcp,
    Turn,
    Hls,
}

/// The minutes.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// Which minute since the epoch, and what was used in it; the newest last.
    minutes: VecDeque<(i64, TransportsInUse)>,
    counted_to: Option<UnixMillis>,
}

impl Ways {
    /// Those who watch now have watched since the last look.
    pub(super) fn pass(&mut self, watching: impl Iterator<Item = Way>, now: UnixMillis) {
        let before = self.counted_to.replace(now).unwrap_or(now);
        let passed = (now - before).clamp(0, PASSED_MAX_MS).unsigned_abs();
        if passed == 0 {
            return;
        }
        let minute = self.minute(now);
        for way in watching {
            match way {
                Way::Udp => minute.udp_ms += passed,
                Way::Tcp => minute.tcp_ms += passed,
                Way::Turn => minute.turn_ms += passed,
                Way::Hls => minute.hls_ms += passed,
            }
        }
    }

    /// A session was answered and never connected.
    pub(super) fn failed(&mut self, now: UnixMillis) {
        self.minute(now).failed += 1;
    }

    /// The sum of the minutes that are not older than an hour.
    pub(super) fn last_hour(&self, now: UnixMillis) -> TransportsInUse {
        let oldest = now / MINUTE_MS - MINUTES;
        let kept = self.minutes.iter().filter(|(at, _)| *at > oldest);
        kept.fold(TransportsInUse::default(), |sum, (_, minute)| {
            TransportsInUse {
                udp_ms: sum.udp_ms + minute.udp_ms,
                tcp_ms: sum.tcp_ms + minute.tcp_ms,
                turn_ms: sum.turn_ms + minute.turn_ms,
                hls_ms: sum.hls_ms + minute.hls_ms,
                failed: sum.failed + minute.failed,
            }
        })
    }

    fn minute(&mut self, now: UnixMillis) -> &mut TransportsInUse {
        let at = now / MINUTE_MS;
        // A clock that was set back goes on with the newest minute.
        if self.minutes.back().is_none_or(|(newest, _)| *newest < at) {
            self.minutes.push_back((at, TransportsInUse::default()));
            while self.minutes.len() > MINUTES.unsigned_abs() as usize {
                self.minutes.pop_front();
            }
        }
        let newest = self.minutes.back_mut();
        &mut newest.expect("one was put there").1
    }
}
