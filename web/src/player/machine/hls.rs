//! HLS of what is live: when it starts, and starts again.

use super::{Hls, Machine, Stream};
use crate::player::words::{Command, HlsNews, Policy, Transport};

/// Pause before HLS is started again after an error.
pub(super) const HLS_AGAIN_MS: u64 = 2_000;
/// HLS that shows nothing for this long is started afresh.
pub(super) const HLS_STUCK_MS: u64 = 15_000;

impl Machine {
    /// News of the HLS player.
    pub fn handle_hls(&mut self, news: HlsNews, now: u64) {
        if matches!(self.hls, Hls::Off | Hls::Waiting { .. } | Hls::Frozen) {
            return;
        }
        match news {
            HlsNews::Playing => {
                // A restarted player is silent until it is shown again.
                let fresh = matches!(self.hls, Hls::Starting { .. });
                self.hls = Hls::Playing;
                if fresh || self.shown != Some(Transport::Hls) {
                    self.show(Transport::Hls);
                }
            }
            HlsNews::Buffering => {
                if self.hls == Hls::Playing {
                    self.hls = Hls::Buffering { since: now };
                }
            }
            // Its last picture is better than none.
            HlsNews::Failed if self.is_reconnecting() => self.hls = Hls::Frozen,
            HlsNews::Failed => self.restart_hls(now),
        }
        self.handle_time(now);
    }

    pub(super) fn drive_hls(&mut self, now: u64) {
        let ready = match self.stream {
            Stream::Live { hls_ready, .. } => hls_ready,
            Stream::Unknown { .. } => true,
            Stream::Missing | Stream::Offline { .. } => false,
        };
        match self.hls {
            Hls::Off if self.hls_wanted && ready => self.start_hls(now),
            Hls::Waiting { until } if now >= until && ready => self.start_hls(now),
            Hls::Starting { .. } | Hls::Buffering { .. } if self.is_reconnecting() => {}
            Hls::Starting { since } | Hls::Buffering { since }
                if now.saturating_sub(since) >= HLS_STUCK_MS =>
            {
                self.restart_hls(now);
            }
            Hls::Off
            | Hls::Waiting { .. }
            | Hls::Starting { .. }
            | Hls::Buffering { .. }
            | Hls::Playing
            | Hls::Frozen => {}
        }
    }

    fn start_hls(&mut self, now: u64) {
        // They have one element.
        self.end_dvr();
        self.hls = Hls::Starting { since: now };
        self.commands.push_back(Command::StartHls);
    }

    fn restart_hls(&mut self, now: u64) {
        self.commands.push_back(Command::StopHls);
        self.hls = Hls::Waiting {
            until: now + HLS_AGAIN_MS,
        };
    }

    /// Ends HLS and forgets that it was wanted, unless it is the only way.
    pub(super) fn end_hls(&mut self) {
        if matches!(
            self.hls,
            Hls::Starting { .. } | Hls::Playing | Hls::Buffering { .. } | Hls::Frozen
        ) {
            self.commands.push_back(Command::StopHls);
        }
        self.hls = Hls::Off;
        self.hls_wanted = self.policy == Policy::Only(Transport::Hls);
    }
}
