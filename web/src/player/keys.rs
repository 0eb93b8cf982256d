//! What the keys of the player are.

use dioxus::prelude::*;

use crate::{texts::player as texts, ui::Dialog};

/// The list of keys.
#[component]
pub fn Keys(wide: bool, captions: bool, on_close: EventHandler<()>) -> Element {
    let mut keys = vec![
        ("k, ␣", texts::key_pause()),
        ("m", texts::key_mute()),
        ("↑ ↓", texts::key_volume()),
        ("j ←, l →", texts::key_skip()),
        ("f", texts::key_full()),
        ("i", texts::key_float()),
        ("s", texts::key_stats()),
        ("?", texts::key_help()),
    ];
    if wide {
        keys.insert(6, ("t", texts::key_wide()));
    }
    if captions {
        keys.insert(6, ("c", texts::key_captions()));
    }
    rsx! {
        Dialog { title: texts::keys(), on_close,
            dl { class: "keys",
                for (key, what) in keys {
                    div { key: "{key}", class: "keys-row", dt { kbd { "{key}" } } dd { "{what}" } }
                }
            }
        }
    }
}
