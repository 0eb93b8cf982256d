//! Codes for when the device with the second factor is lost: shown once, to be kept.

use dioxus::prelude::*;

use crate::{texts::people, ui::CopyButton};

/// `on_done` when the user has kept them.
#[component]
pub fn Codes(codes: Vec<String>, on_done: EventHandler<()>) -> Element {
    let text = codes.join("\n");
    let file = text.clone();
    rsx! {
        div { class: "stack", role: "status",
            p { "{people::codes_note()}" }
            ul { class: "codes", role: "list",
                for code in codes {
                    li { key: "{code}", code { "{code}" } }
                }
            }
        }
        div { class: "actions",
            CopyButton { value: text }
            button { class: "action action-soft", r#type: "button",
                onclick: move |_| { super::leaving::save("weir-recovery-codes.txt", "text/plain", &file); },
                "{people::download()}"
            }
            button { class: "action", r#type: "button", onclick: move |_| on_done.call(()), "{people::codes_kept()}" }
        }
    }
}
