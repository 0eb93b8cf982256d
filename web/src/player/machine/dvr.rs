//! The past: on the way there, in it, and on the way back.

use super::{Dvr, Machine, Rtc, Stream};
use crate::player::words::{Command, DvrNews, Seek, Transport};

/// A past that shows nothing for this long is left for what is live.
pub(super) const DVR_STUCK_MS: u64 = 15_000;

impl Machine {
    /// News of the player of the past.
    pub fn handle_dvr(&mut self, news: DvrNews, now: u64) {
        if !self.is_in_past() {
            return;
        }
        match news {
            DvrNews::Playing => {
                self.dvr = Dvr::Playing;
                if self.shown != Some(Transport::Dvr) {
                    self.show(Transport::Dvr);
                    // Two pictures would cost twice the bandwidth.
                    self.close_rtc(Rtc::Idle);
                }
            }
            DvrNews::Buffering => {
                if self.dvr == Dvr::Playing {
                    self.dvr = Dvr::Buffering { since: now };
                }
            }
            DvrNews::Ended | DvrNews::Failed => self.leave_dvr(now),
        }
        self.handle_time(now);
    }

    /// The viewer wants to be at another moment.
    pub fn handle_seek(&mut self, seek: Seek, now: u64) {
        match (seek, self.dvr) {
            (Seek::Live, Dvr::Off | Dvr::Leaving { .. }) => {}
            (Seek::Live, _) => self.leave_dvr(now),
            (Seek::To(date), Dvr::Off) => {
                if matches!(self.stream, Stream::Live { .. }) {
                    self.end_hls();
                    self.dvr = Dvr::Starting { since: now };
                    self.commands.push_back(Command::StartDvr(date));
                }
            }
            (Seek::To(date), Dvr::Starting { .. }) => {
                self.commands.push_back(Command::SeekDvr(date));
            }
            (Seek::To(date), Dvr::Playing | Dvr::Buffering { .. } | Dvr::Leaving { .. }) => {
                self.end_hls();
                self.close_rtc(Rtc::Idle);
                self.dvr = Dvr::Buffering { since: now };
                self.commands.push_back(Command::SeekDvr(date));
            }
        }
        self.handle_time(now);
    }

    /// Whether the viewer is in the past, or on the way there.
    pub fn is_in_past(&self) -> bool {
        matches!(
            self.dvr,
            Dvr::Starting { .. } | Dvr::Playing | Dvr::Buffering { .. }
        )
    }

    /// Back to what is live, or to the end of the show.
    pub(super) fn leave_dvr(&mut self, now: u64) {
        if matches!(self.stream, Stream::Offline { .. } | Stream::Missing) {
            self.end_dvr();
            return;
        }
        if self.shown == Some(Transport::Dvr) {
            self.dvr = Dvr::Leaving { since: now };
        } else {
            self.end_dvr();
            // HLS was shown, and was ended for the past.
            if self.shown == Some(Transport::Hls) {
                self.shown = None;
            }
        }
        self.begin_broadcast(now);
    }

    pub(super) fn end_dvr(&mut self) {
        if self.dvr != Dvr::Off {
            self.commands.push_back(Command::StopDvr);
        }
        self.dvr = Dvr::Off;
        if self.shown == Some(Transport::Dvr) {
            self.shown = None;
        }
    }

    /// Gives a past up that does not come.
    pub(super) fn drive_dvr(&mut self, now: u64) {
        if let Dvr::Starting { since } | Dvr::Buffering { since } = self.dvr
            && !self.is_reconnecting()
            && now.saturating_sub(since) >= DVR_STUCK_MS
        {
            self.leave_dvr(now);
        }
    }
}
