//! The session over WebRTC: what it tells, and what it is told to send.

use dioxus::prelude::*;
use weir_protocol::SelectLayer;

use super::Driver;
use crate::{
    dom,
    player::{
        delay,
        whep::WhepNews,
        words::{RtcId, RtcNews, Transport},
    },
};

/// How long a page may be hidden before its video is paused: who looks elsewhere for a moment notices nothing.
const HIDDEN_MS: f64 = 1_500.0;

impl Driver {
    pub(super) fn take_rtc(&mut self, id: RtcId, news: WhepNews, now: u64) {
        if self.rtc.as_ref().is_none_or(|(current, _)| *current != id) {
            return;
        }
        match news {
            // What is wanted is told by `settle`, which follows each event.
            WhepNews::Open => {}
            WhepNews::Layers(layers) => {
                if self.ui.peek().layers != layers {
                    self.ui.write().layers = layers;
                }
            }
            WhepNews::FirstFrame => self.rtc_frame(id, now),
            WhepNews::NotLive { retry_ms } => {
                self.machine
                    .handle_rtc(id, RtcNews::NotLive { retry_ms }, now)
            }
            WhepNews::Refused { retry_ms } => {
                self.machine
                    .handle_rtc(id, RtcNews::Refused { retry_ms }, now)
            }
            WhepNews::Failed => self.machine.handle_rtc(id, RtcNews::Failed, now),
            WhepNews::Stats(stats) => {
                let before = std::mem::replace(&mut self.counted, stats);
                let health = self.looks.take(stats.counts);
                if self.watched && self.ui.peek().health != health {
                    self.ui.write().health = health;
                }
                if self.ui.peek().carrier != stats.carrier {
                    self.ui.write().carrier = stats.carrier;
                }
                let alive = if self.selected.paused {
                    // No frames by our own wish, and there may be no sound.
                    stats.connected
                } else if stats.has_video && !self.selected.audio_only {
                    stats.frames > before.frames
                } else {
                    stats.audio_packets > before.audio_packets
                };
                if alive {
                    self.rtc_frame(id, now);
                }
                if self.machine.shown() == Some(Transport::WebRtc) {
                    let server = self.clock.server_ms(dom::wall_ms());
                    let delay = stats.playout_ntp_ms.zip(server);
                    self.set_delay(
                        delay.and_then(|(ntp, server)| delay::from_playout_timestamp(server, ntp)),
                    );
                }
            }
        }
    }

    fn rtc_frame(&mut self, id: RtcId, now: u64) {
        self.seen = true;
        self.machine.handle_rtc(id, RtcNews::Frame, now);
    }

    /// What the server should send now.
    fn wanted(&self) -> SelectLayer {
        let ui = self.ui.peek();
        let hidden = self
            .hidden_since
            .is_some_and(|since| dom::now_ms() - since >= HIDDEN_MS);
        // A floating window shows the picture of a hidden page.
        let floats = || dom::property(&dom::document(), "pictureInPictureElement").is_some();
        // Before the first frame nobody knows whether the session works at all.
        if self.seen && (ui.paused || (hidden && !floats())) {
            return SelectLayer {
                paused: true,
                ..SelectLayer::default()
            };
        }
        ui.quality.selection(&ui.layers)
    }

    pub(super) fn tell_selection(&mut self) {
        let wanted = self.wanted();
        if let Some((_, session)) = &self.rtc
            && wanted != self.selected
            && session.select(wanted.clone())
        {
            self.selected = wanted;
        }
    }
}
