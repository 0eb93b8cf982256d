//! The bar under the picture.

use dioxus::prelude::*;

use super::{
    delay,
    driver::Remote,
    dvr,
    quality_menu::QualityMenu,
    seek_bar::SeekBar,
    ui::{Action, Ui},
    words::{Phase, Transport},
};
use crate::{icon, texts::player as texts};

/// The past, play, sound, what plays, captions, quality, floating window, full screen; in this order for the keyboard.
#[component]
pub fn Controls(
    ui: Signal<Ui>,
    fullscreen: ReadSignal<bool>,
    remote: RemoteProp,
    wide: Option<Signal<bool>>,
    stats: Signal<bool>,
    /// Whether captions are shown; none where there are none.
    captions: Option<bool>,
    on_captions: EventHandler<()>,
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
    let play_label = if now.paused {
        texts::play_key()
    } else {
        texts::pause_key()
    };
    let sound_label = if silent {
        texts::unmute()
    } else {
        texts::mute()
    };
    let screen_label = if fullscreen() {
        texts::leave_full_screen()
    } else {
        texts::full_screen()
    };
    let (for_pause, for_mute, for_volume) = (remote.clone(), remote.clone(), remote.clone());
    rsx! {
        div { class: "controls", role: "group", "aria-label": texts::controls(),
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
                    "aria-label": texts::volume(),
                    oninput: move |event| {
                        if let Ok(volume) = event.value().parse() {
                            for_volume.0.act(Action::SetVolume(volume));
                        }
                    },
                }
            }
            if let Some(transport) = now.transport {
                Way { transport, delay_ms: now.delay_ms, stats }
            }
            span { class: "spring" }
            if let Some(shown) = captions {
                button {
                    class: "control",
                    r#type: "button",
                    "aria-label": texts::captions(),
                    "aria-pressed": "{shown}",
                    title: texts::captions(),
                    onclick: move |_| on_captions.call(()),
                    icon::Captions {}
                }
            }
            QualityMenu { ui, remote: remote.clone() }
            button {
                class: "control",
                r#type: "button",
                disabled: !plays,
                "aria-label": texts::float(),
                title: texts::float(),
                onclick: move |_| on_float.call(()),
                icon::Float {}
            }
            if let Some(mut wide) = wide {
                button {
                    class: "control control-wide",
                    r#type: "button",
                    "aria-label": if wide() { texts::leave_wide() } else { texts::wide() },
                    title: if wide() { texts::leave_wide() } else { texts::wide() },
                    onclick: move |_| wide.toggle(),
                    icon::Wide {}
                }
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

/// Which transport plays, and how far behind; opens the numbers behind it.
#[component]
fn Way(transport: Transport, delay_ms: Option<u32>, mut stats: Signal<bool>) -> Element {
    let (name, long) = match transport {
        Transport::WebRtc => ("WebRTC", texts::way_webrtc()),
        Transport::Hls => ("HLS", texts::way_hls()),
        Transport::Dvr => (texts::behind(), texts::way_dvr()),
    };
    let delay = delay_ms.map(|delay_ms| match transport {
        Transport::Dvr => dvr::clock_words((delay_ms + 500) / 1_000),
        Transport::WebRtc | Transport::Hls => delay::words(delay_ms),
    });
    rsx! {
        button { class: "way way-{transport.word()}", r#type: "button", title: "{long}. {texts::stats_button()}",
            "aria-expanded": "{stats}", onclick: move |_| stats.toggle(),
            span { class: "way-dot", "aria-hidden": "true" }
            span { class: "way-name", "{name}" }
            if let Some(delay) = delay {
                span { class: "way-delay", title: texts::delay(),
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
