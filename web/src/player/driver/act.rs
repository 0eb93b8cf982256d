//! What the viewer does.

use dioxus::prelude::*;

use super::{Driver, Event};
use crate::{
    dom,
    player::{ui::Action, words::Transport},
};

impl Driver {
    pub(super) fn act(&mut self, action: Action) {
        let mut sound = self.ui.peek().sound;
        match action {
            Action::TogglePause => {
                let paused = !self.ui.peek().paused;
                return self.set_paused(paused);
            }
            // What a viewer sees as muted is also what the browser muted.
            Action::ToggleMute => sound.muted = !(sound.muted || self.ui.peek().sound_blocked),
            Action::SetVolume(volume) => {
                sound.volume = volume.clamp(0.0, 1.0);
                sound.muted = sound.volume == 0.0;
            }
            Action::NudgeVolume(step) => {
                sound.volume = (sound.volume + step).clamp(0.0, 1.0);
                sound.muted = sound.volume == 0.0;
            }
            Action::Choose(quality) => {
                quality.save();
                self.ui.write().quality = quality;
                return;
            }
            Action::LookAtLayers => {
                if let Some((_, session)) = &self.rtc {
                    session.ask_layers();
                }
                return;
            }
            Action::Skip(seconds) => {
                let in_past = self.machine.is_in_past();
                let seen = self.window.map(|window| {
                    let over_hls = self.machine.shown() == Some(Transport::Hls);
                    let delay_ms = self.ui.peek().delay_ms.filter(|_| over_hls);
                    window.ends_ms() - f64::from(delay_ms.unwrap_or(0))
                });
                let from = self.date_ms().filter(|_| in_past).or(seen);
                if let Some(from) = from {
                    self.go_to(from + seconds * 1_000.0);
                }
                return;
            }
            Action::GoBehind(seconds) => {
                if let Some(window) = self.window {
                    self.go_to(window.ends_ms() - seconds * 1_000.0);
                }
                return;
            }
            Action::WatchStats(watched) => {
                self.watched = watched;
                return self.look_at_size();
            }
            Action::GoLive => {
                self.go_live();
                return self.set_paused(false);
            }
        }
        sound.save();
        {
            let mut ui = self.ui.write();
            ui.sound = sound;
            ui.sound_blocked = false;
        }
        if let Some(front) = self.machine.shown() {
            self.give_sound(front);
        }
    }

    pub(super) fn set_paused(&mut self, paused: bool) {
        if self.ui.peek().paused == paused {
            return;
        }
        self.ui.write().paused = paused;
        let Some(front) = self.machine.shown() else {
            return;
        };
        if paused {
            let _ = self.stage.video(front).pause();
        } else {
            // Live is live: what was missed is not played later.
            if let (Transport::Hls, Some(session)) = (front, &self.hls) {
                session.go_live();
            }
            // It may be another element than before the pause, or the sound may have been changed meanwhile.
            self.give_sound(front);
            dom::call_quietly(self.stage.video(front), "play");
        }
    }

    pub(super) fn give_sound(&self, front: Transport) {
        if self.ui.peek().paused {
            return;
        }
        let remote = self.remote.clone();
        self.stage
            .give_sound(front, self.ui.peek().sound, move |blocked| {
                remote.send(Event::Sound { blocked })
            });
    }
}
