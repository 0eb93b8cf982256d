//! Reactions for everybody to see, for a moment.

use dioxus::prelude::*;
use weir_protocol::room::{ClientMessage, React};

use crate::{room::run::Room, texts::room as texts};

/// What there is to press, and what floats. Many that come together float as one with its count.
#[component]
pub fn Reactions(room: Room) -> Element {
    let bursts = use_memo(move || room.state.read().bursts.clone());
    let may = use_memo(move || room.state.read().may_send());
    let kinds = [
        ("👏", texts::applause()),
        ("❤️", texts::love()),
        ("😂", texts::laughter()),
        ("🔥", texts::fire()),
        ("🎉", texts::party()),
        ("😮", texts::wonder()),
    ];
    rsx! {
        // For the eyes only: who listens would hear nothing else.
        div { class: "bursts", "aria-hidden": "true",
            for burst in bursts() {
                span { key: "{burst.id}", class: "burst burst-{burst.id % 4}",
                    "{burst.emoji}"
                    if burst.count > 1 { span { class: "burst-count", "×{burst.count}" } }
                }
            }
        }
        if may() {
            div { class: "chat-react", role: "group", "aria-label": texts::reactions(),
                for (emoji, name) in kinds {
                    button { key: "{emoji}", class: "chat-tool", r#type: "button", "aria-label": name, title: name,
                        onclick: move |_| room.ask(ClientMessage::React(React { emoji: emoji.to_owned() })),
                        "{emoji}"
                    }
                }
            }
        }
    }
}
