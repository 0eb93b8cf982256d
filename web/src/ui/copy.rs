//! A text that is there to be copied.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;

use super::use_id;
use crate::{dom, texts::frame};

/// How long "Copied" stays. Milliseconds.
const COPIED_MS: u32 = 2_000;

/// With its label, and a button where the browser has a clipboard. A secret is hidden until asked for.
#[component]
pub fn CopyField(label: String, value: String, #[props(default)] secret: bool) -> Element {
    let id = use_id("copy");
    let mut shown = use_signal(|| !secret);
    rsx! {
        div { class: "copy-field",
            label { class: "field-label", r#for: "{id}", "{label}" }
            div { class: "copy-row",
                input {
                    id: "{id}", class: "input input-mono", readonly: true, spellcheck: "false", autocomplete: "off",
                    r#type: if shown() { "text" } else { "password" },
                    value: "{value}",
                }
                if secret {
                    button { class: "action action-soft", r#type: "button", "aria-pressed": "{shown}",
                        onclick: move |_| shown.toggle(),
                        if shown() { "{frame::hide()}" } else { "{frame::show()}" }
                    }
                }
                CopyButton { name: format!("{}: {label}", frame::copy()), value: value.clone() }
            }
        }
    }
}

/// Copies a text and says so for a while. `name`: what it is called, for whoever does not see what stands beside it.
#[component]
pub fn CopyButton(
    value: String,
    #[props(default = frame::copy().to_owned())] name: String,
) -> Element {
    let mut copied = use_signal(|| false);
    let copy = move |_| {
        let value = value.clone();
        spawn(async move {
            if dom::copy(&value).await {
                copied.set(true);
                TimeoutFuture::new(COPIED_MS).await;
                copied.set(false);
            }
        });
    };
    rsx! {
        button { class: "action action-soft", r#type: "button", onclick: copy, "aria-label": "{name}",
            if copied() { "{frame::copied()}" } else { "{frame::copy()}" }
        }
        span { class: "unseen", role: "status", if copied() { "{frame::copied()}" } }
    }
}
