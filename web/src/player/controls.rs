//! The bar under the picture.

use dioxus::prelude::*;

use super::{
    delay,
    driver::{Action, Remote, Ui},
    dvr,
    machine::{Phase, Transport},
    quality_menu::QualityMenu,
    seek_bar::SeekBar,
};
use crate::icon;

/// The past, play, sound, what plays, quality, floating window, full screen; in this order for the keyboard.
#[component]
pub fn Controls(
    ui: Signal<Ui>,
    fullscreen: ReadSignal<bool>,
    remote: RemoteProp,
    on_float: EventHandler<()>,
    on_fullscreen: EventHandler<()>,
) -> Element {
    let now = ui.read();
    let plays = matches!(
        now.phase,
        Phase::Playing | Phase::Interrupted | Phase::Reconnecting
    );
    let silent = now.sound.muted || now.sound_blocked;
    let volume = if silent { 0.0 } else { now.sound.volume };
    let play_label = if now.paused { "Play (k)" } else { "Pause (k)" };
    let sound_label = if silent { "Unmute (m)" } else { "Mute (m)" };
    let screen_label = if fullscreen() {
        "Leave full screen (f)"
    } else {
        "Full screen (f)"
    };
    let (for_pause, for_mute, for_volume) = (remote.clone(), remote.clone(), remote.clone());
    rsx! {
        div { class: "controls", role: "group", "aria-label": "Player controls",
            if let Some(past) = now.past.filter(|_| plays) {
                SeekBar { past, paused: now.paused, remote: remote.clone() }
            }
            button {
                class: "control",
                r#type: "button",
                disabled: !plays,
                "aria-label": play_label,
                title: play_label,
                onclick: move |_| for_pause.0.act(Action::TogglePause),
                if now.paused { icon::Play {} } else { icon::Pause {} }
            }
            div { class: "sound",
                button {
                    class: "control",
                    r#type: "button",
                    "aria-label": sound_label,
                    title: sound_label,
                    onclick: move |_| for_mute.0.act(Action::ToggleMute),
                    if silent { icon::Muted {} } else { icon::Sound {} }
                }
                input {
                    class: "volume",
                    r#type: "range",
                    min: "0",
                    max: "1",
                    step: "0.05",
                    value: "{volume}",
                    "aria-label": "Volume",
                    oninput: move |event| {
                        if let Ok(volume) = event.value().parse() {
                            for_volume.0.act(Action::SetVolume(volume));
                        }
                    },
                }
            }
            if let Some(transport) = now.transport {
                Way { transport, delay_ms: now.delay_ms }
            }
            span { class: "spring" }
            QualityMenu { ui, remote: remote.clone() }
            button {
                class: "control",
                r#type: "button",
                disabled: !plays,
                "aria-label": "Floating window (i)",
                title: "Floating window (i)",
                onclick: move |_| on_float.call(()),
                icon::Float {}
            }
            button {
                class: "control",
                r#type: "button",
                "aria-label": screen_label,
                title: screen_label,
                onclick: move |_| on_fullscreen.call(()),
                if fullscreen() { icon::Shrink {} } else { icon::Expand {} }
            }
        }
    }
}

/// Which transport plays, and how far behind.
#[component]
fn Way(transport: Transport, delay_ms: Option<u32>) -> Element {
    let (name, long) = match transport {
        Transport::WebRtc => ("WebRTC", "Real time, over WebRTC"),
        Transport::Hls => (
            "HLS",
            "Over HLS, since WebRTC does not get through here at the moment",
        ),
        Transport::Dvr => ("Behind live", "From the server's disk, over HLS"),
    };
    let delay = delay_ms.map(|delay_ms| match transport {
        Transport::Dvr => dvr::clock_words((delay_ms + 500) / 1_000),
        Transport::WebRtc | Transport::Hls => delay::words(delay_ms),
    });
    rsx! {
        span { class: "way way-{transport.word()}", title: long,
            span { class: "way-dot", "aria-hidden": "true" }
            span { class: "way-name", "{name}" }
            if let Some(delay) = delay {
                span { class: "way-delay", title: "Measured distance to the publisher",
                    if transport == Transport::Dvr { "−" }
                    "{delay}"
                }
            }
        }
    }
}

/// A [`Remote`] as a component's property: it never changes.
#[derive(Clone)]
pub struct RemoteProp(pub Remote);

impl PartialEq for RemoteProp {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
