//! Going to and fro in what is kept of a broadcast.

use dioxus::prelude::*;

use super::{Driver, now};
use crate::{
    dom,
    player::{
        dvr::{Place, Window},
        hls::HlsSession,
        ui::Past,
        words::{Seek, Transport},
    },
};

impl Driver {
    /// What there is to go back to, and where in it the viewer is.
    pub(super) fn look_at_past(&mut self, now: u64) {
        let server = self.clock.server_ms(dom::wall_ms());
        let in_past = self.machine.is_in_past();
        let stream = self.stream.peek();
        match stream.as_ref().filter(|stream| stream.live) {
            Some(stream) => {
                let kept = stream.started_at.zip(stream.dvr_seconds).zip(server);
                self.window = kept.and_then(|((started_at, seconds), server)| {
                    Window::of_live(started_at, seconds, server)
                });
            }
            None if !in_past => self.window = None,
            None => {}
        }
        drop(stream);
        let past = self.window.map(|window| {
            let date = self.date_ms().filter(|_| in_past);
            // Not every player tells where it is: then it is where it was sent.
            let sent = self.ui.peek().past.map_or(0, |past| past.behind_s);
            let behind_s = match date {
                Some(date) => window.behind_s(date).max(1),
                None if in_past => sent.max(1),
                None => 0,
            };
            if let Some(date) = date
                && self.machine.shown() == Some(Transport::Dvr)
            {
                self.set_delay(Some((window.ends_ms() - date).max(0.0) as u32));
            }
            if self.aim_ms.is_none()
                && let Some(date) = date.and_then(|date| window.pushes(date))
            {
                self.seek(date, now);
            }
            Past {
                reach_s: window.reach_s(),
                behind_s,
            }
        });
        if self.ui.peek().past != past {
            self.ui.write().past = past;
        }
    }

    /// The date of what is shown in the past, or will be in a moment.
    pub(super) fn date_ms(&self) -> Option<f64> {
        let playing = || self.dvr.as_ref().and_then(HlsSession::playing_date_ms);
        self.aim_ms.or_else(playing)
    }

    /// Sends a player to its moment once more that began somewhere else: hls.js forgets where it was to start when
    /// its first request comes to nothing.
    pub(super) fn aim_again(&mut self) -> bool {
        let Some((date_ms, session)) = self.aim_ms.zip(self.dvr.as_ref()) else {
            return false;
        };
        let again = !self.aimed_again && session.misses(date_ms);
        if again {
            self.aimed_again = true;
            session.seek(date_ms);
        }
        again
    }

    /// The viewer goes to another moment.
    pub(super) fn go_to(&mut self, date_ms: f64) {
        match self.window.map(|window| window.place(date_ms)) {
            Some(Place::At(date_ms)) => self.seek(date_ms, now()),
            Some(Place::Live) => self.go_live(),
            None => {}
        }
    }

    pub(super) fn go_live(&mut self) {
        self.aim_ms = None;
        self.machine.handle_seek(Seek::Live, now());
        self.look_at_past(now());
    }

    pub(super) fn seek(&mut self, date_ms: f64, now: u64) {
        self.machine.handle_seek(Seek::To(date_ms), now);
        if self.machine.is_in_past() {
            self.aim_ms = Some(date_ms);
            self.aimed_again = false;
            self.look_at_past(now);
        }
    }
}
