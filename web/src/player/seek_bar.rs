//! The bar of the past: how far behind what is live one is, and the way there and back.

use dioxus::prelude::*;

use super::{
    controls::RemoteProp,
    dvr,
    ui::{Action, Past},
};
use crate::{icon, texts::player as texts};

/// What a step is, in seconds.
pub const SKIP_S: f64 = 10.0;
/// What a page is, in seconds.
const PAGE_S: f64 = 60.0;

/// By keyboard on the bar: arrows are steps, Page Up and Page Down pages, Home the oldest moment and End what is live.
#[component]
pub fn SeekBar(past: Past, paused: bool, remote: RemoteProp) -> Element {
    // Where the thumb is held: the viewer goes there when it is let go.
    let mut held = use_signal(|| None::<u32>);
    let reach = past.reach_s;
    let behind = held().unwrap_or(past.behind_s).min(reach);
    let value = -i64::from(behind);
    let place = 100.0 - 100.0 * f64::from(behind) / f64::from(reach.max(1));
    let is_live = past.behind_s == 0;
    let (for_back, for_keys, for_bar, for_live) =
        (remote.clone(), remote.clone(), remote.clone(), remote);
    let seconds = |value: String| value.parse::<f64>().ok().map(|value| (-value).max(0.0));
    rsx! {
        div { class: "seek",
            button {
                class: "control",
                r#type: "button",
                "aria-label": texts::back_10(),
                title: texts::back_10(),
                onclick: move |_| for_back.0.act(Action::Skip(-SKIP_S)),
                icon::Rewind {}
            }
            div { class: "seek-track",
                input {
                    class: "seek-bar",
                    r#type: "range",
                    min: "-{reach}",
                    max: "0",
                    step: "1",
                    value: "{value}",
                    "aria-label": texts::position(),
                    "aria-valuetext": dvr::spoken(behind),
                    onkeydown: move |event| {
                        let action = match event.key() {
                            Key::ArrowLeft | Key::ArrowDown => Action::Skip(-SKIP_S),
                            Key::ArrowRight | Key::ArrowUp => Action::Skip(SKIP_S),
                            Key::PageDown => Action::Skip(-PAGE_S),
                            Key::PageUp => Action::Skip(PAGE_S),
                            Key::Home => Action::GoBehind(f64::from(reach)),
                            Key::End => Action::GoLive,
                            _ => return,
                        };
                        event.prevent_default();
                        for_keys.0.act(action);
                    },
                    oninput: move |event| {
                        held.set(seconds(event.value()).map(|seconds| seconds as u32));
                    },
                    onchange: move |event| {
                        held.set(None);
                        if let Some(seconds) = seconds(event.value()) {
                            for_bar.0.act(Action::GoBehind(seconds));
                        }
                    },
                }
                if held().is_some() {
                    span {
                        class: "seek-words",
                        "aria-hidden": "true",
                        left: "{place:.2}%",
                        "−{dvr::clock_words(behind)}"
                    }
                }
            }
            button {
                class: if is_live { "live live-now" } else { "live" },
                r#type: "button",
                // It keeps the focus when it has done its work.
                "aria-disabled": if is_live && !paused { "true" } else { "false" },
                "aria-label": texts::to_live(),
                title: texts::to_live(),
                onclick: move |_| for_live.0.act(Action::GoLive),
                span { class: "live-dot", "aria-hidden": "true" }
                "{texts::live()}"
            }
        }
    }
}
