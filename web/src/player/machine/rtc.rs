//! The session over WebRTC: what becomes of it.

use super::{MAX_STALLS, Machine, Rtc, Stream};
use crate::player::{
    backoff::{self, Meanwhile},
    words::{Command, Policy, RtcId, RtcNews, Transport},
};

/// A session that brought frames for this long was good, whatever happens to it later.
pub(super) const GOOD_MS: u64 = 20_000;
/// A stream that is said to be live and not to be is asked for again this soon,
const SOON_MS: u64 = 400;
/// this many times; then the server's word counts.
pub(super) const MAX_EARLY_ASKS: u32 = 6;
/// First new attempt after a session that had worked died.
pub(super) const RTC_AGAIN_MS: u64 = 1_000;

impl Machine {
    /// News of a WebRTC session; those of a session that is not the current one are ignored.
    pub fn handle_rtc(&mut self, id: RtcId, news: RtcNews, now: u64) {
        let current = match self.rtc {
            Rtc::Opening { id, .. } | Rtc::Flowing { id, .. } => Some(id),
            Rtc::Idle | Rtc::Waiting { .. } => None,
        };
        if current != Some(id) {
            return;
        }
        match news {
            RtcNews::Frame => self.rtc_frame(id, now),
            RtcNews::NotLive { retry_ms } => {
                // In the moment of a start the listing may know of it before the media plane does.
                let soon = self.early_asks < MAX_EARLY_ASKS;
                self.early_asks += 1;
                self.rtc_refused(if soon { SOON_MS } else { retry_ms }, now);
            }
            RtcNews::Refused { retry_ms } => self.rtc_refused(retry_ms, now),
            RtcNews::Failed => self.rtc_failed(now),
        }
        self.handle_time(now);
    }

    fn rtc_frame(&mut self, id: RtcId, now: u64) {
        let (since, fresh) = match self.rtc {
            Rtc::Flowing { since, .. } => (since, false),
            Rtc::Opening { .. } | Rtc::Idle | Rtc::Waiting { .. } => (now, true),
        };
        self.rtc = Rtc::Flowing {
            id,
            since,
            last_frame: now,
        };
        self.rtc_distrusted = false;
        if now - since >= GOOD_MS {
            self.failures = 0;
            self.stalls = 0;
        }
        let over = matches!(self.stream, Stream::Offline { .. } | Stream::Missing);
        if !over && !self.is_in_past() && self.policy != Policy::Only(Transport::Hls) {
            // A new session is silent until it is shown.
            if fresh || self.shown != Some(Transport::WebRtc) {
                self.show(Transport::WebRtc);
            }
            self.end_hls();
            self.end_dvr();
        }
    }

    fn rtc_refused(&mut self, retry_ms: u64, now: u64) {
        let live = matches!(self.stream, Stream::Live { .. });
        self.close_rtc(if live {
            Rtc::Waiting {
                until: now + retry_ms,
            }
        } else {
            Rtc::Idle
        });
    }

    /// The session is of no use any more.
    pub(super) fn rtc_failed(&mut self, now: u64) {
        let worked = matches!(self.rtc, Rtc::Flowing { .. }) && self.stalls < MAX_STALLS;
        self.rtc_distrusted = !worked;
        self.failures += 1;
        let meanwhile = match self.policy {
            Policy::Only(Transport::WebRtc) => Meanwhile::Nothing,
            Policy::Auto | Policy::Only(_) => Meanwhile::Hls,
        };
        let wait = if worked && self.failures == 1 {
            RTC_AGAIN_MS
        } else {
            backoff::wait_ms(self.failures, meanwhile)
        };
        self.close_rtc(Rtc::Waiting { until: now + wait });
        self.stalls = 0;
        if self.policy == Policy::Auto {
            self.hls_wanted = true;
        }
    }

    pub(super) fn open_rtc(&mut self, now: u64) {
        if self.policy == Policy::Only(Transport::Hls) {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.rtc = Rtc::Opening { id, since: now };
        self.commands.push_back(Command::OpenRtc(id));
    }

    pub(super) fn close_rtc(&mut self, next: Rtc) {
        if let Rtc::Opening { id, .. } | Rtc::Flowing { id, .. } = self.rtc {
            self.commands.push_back(Command::CloseRtc(id));
        }
        self.rtc = next;
    }
}
