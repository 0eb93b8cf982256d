//! Pinned messages, above the others.

use dioxus::prelude::*;

use crate::{
    icon,
    room::{run::Room, text},
    texts::room as texts,
};

/// The newest one; the others on demand.
#[component]
pub fn Pinned(room: Room) -> Element {
    let pinned = use_memo(move || room.state.read().pinned.clone());
    let mut all = use_signal(|| false);
    let list = pinned.read();
    if list.is_empty() {
        return rsx! {};
    }
    let shown = if all() { list.len() } else { 1 };
    let more = list.len() as u64 - 1;
    rsx! {
        section { class: "chat-pinned", "aria-label": texts::pinned(),
            for message in list.iter().take(shown) {
                p { key: "{message.id}", class: "chat-pin",
                    icon::Pin {}
                    span {
                        span { class: "chat-name", "{message.author.name}" }
                        " "
                        for (at, span) in text::spans(&message.text, &message.mentions, &message.emotes, None).into_iter().enumerate() {
                            super::line::Piece { key: "{at}", span }
                        }
                    }
                }
            }
            if more > 0 {
                button { class: "chat-small", r#type: "button", "aria-expanded": "{all}", onclick: move |_| all.toggle(),
                    "{texts::pinned_more(more)}"
                }
            }
        }
    }
}
