//! The choice of quality in the bar under the picture.

use dioxus::{prelude::*, web::WebEventExt as _};
use web_sys::Element as DomElement;

use super::{
    controls::RemoteProp,
    quality,
    ui::{Action, Ui},
    words::Transport,
};
use crate::{dom, icon, texts::player as texts};

/// A button that says the quality and opens the menu; nothing where there is no choice. By keyboard:
/// arrows, Home and End move, Enter and Space choose, Escape and Tab close.
#[component]
pub fn QualityMenu(ui: Signal<Ui>, remote: RemoteProp) -> Element {
    let mut open = use_signal(|| false);
    let mut button = use_signal(|| None::<DomElement>);
    let now = ui.read();
    let entries = quality::menu(&now.layers, now.quality);
    if entries.is_empty() || now.transport != Some(Transport::WebRtc) {
        return rsx! {};
    }
    let chosen = now.quality;
    let words = chosen.words(now.lines);
    let for_opening = remote.clone();
    let mut toggle = move || {
        let opens = !open();
        open.set(opens);
        if opens {
            for_opening.0.act(Action::LookAtLayers);
        }
    };
    let mut close = move |back_to_button: bool| {
        open.set(false);
        if back_to_button && let Some(button) = button.peek().as_ref() {
            dom::call_quietly(button, "focus");
        }
    };
    rsx! {
        if open() {
            div { class: "menu-away", onclick: move |_| close(false) }
        }
        div { class: "quality",
            button {
                class: "control quality-button",
                r#type: "button",
                "aria-haspopup": "menu",
                "aria-expanded": if open() { "true" } else { "false" },
                "aria-label": texts::quality_now(&words),
                title: texts::quality(),
                onmounted: move |event| button.set(event.try_as_web_event()),
                onclick: move |_| toggle(),
                icon::Quality {}
                span { class: "quality-words",
                    "{chosen.words(None)}"
                    if chosen == quality::Quality::Auto && let Some(lines) = now.lines {
                        span { class: "quality-playing", " ({lines}p)" }
                    }
                }
            }
            if open() {
                div {
                    class: "quality-menu",
                    role: "menu",
                    "aria-label": texts::quality(),
                    onkeydown: move |event| {
                        let way = match event.key() {
                            Key::ArrowDown => Step::Next,
                            Key::ArrowUp => Step::Previous,
                            Key::Home => Step::First,
                            Key::End => Step::Last,
                            Key::Escape => {
                                event.prevent_default();
                                return close(true);
                            }
                            Key::Tab => return close(false),
                            _ => return,
                        };
                        event.prevent_default();
                        way.take();
                    },
                    for entry in entries {
                        button {
                            key: "{entry.stored()}",
                            class: "menu-entry",
                            r#type: "button",
                            role: "menuitemradio",
                            tabindex: if entry == chosen { "0" } else { "-1" },
                            "aria-checked": if entry == chosen { "true" } else { "false" },
                            onmounted: move |event| {
                                if entry == chosen && let Some(element) = event.try_as_web_event() {
                                    dom::call_quietly(&element, "focus");
                                }
                            },
                            onclick: {
                                let remote = remote.clone();
                                move |_| {
                                    remote.0.act(Action::Choose(entry));
                                    close(true);
                                }
                            },
                            span { class: "menu-mark", "aria-hidden": "true" }
                            if entry == quality::Quality::Auto {
                                "{entry.words(now.lines.filter(|_| chosen == entry))}"
                            } else {
                                "{entry.words(None)}"
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where the focus goes within the menu.
enum Step {
    Next,
    Previous,
    First,
    Last,
}

impl Step {
    fn take(self) {
        let Some(here) = dom::document().active_element() else {
            return;
        };
        let Some(menu) = here.parent_element() else {
            return;
        };
        // Around the ends, as menus do.
        let there = match self {
            Self::Next => here
                .next_element_sibling()
                .or_else(|| menu.first_element_child()),
            Self::Previous => here
                .previous_element_sibling()
                .or_else(|| menu.last_element_child()),
            Self::First => menu.first_element_child(),
            Self::Last => menu.last_element_child(),
        };
        if let Some(there) = there {
            dom::call_quietly(&there, "focus");
        }
    }
}
