//! What a user broadcast before.

use dioxus::prelude::*;
use weir_protocol::{Page, PastBroadcast};

use super::{cursor::page_of, user::address};
use crate::{
    api,
    texts::people,
    ui::{More, duration, moment, use_paged},
};

/// The list.
#[component]
pub fn Broadcasts(name: String) -> Element {
    let address = format!("{}/broadcasts", address(&name));
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move { api::get(&address).json::<Page<PastBroadcast>>().await }
    });
    rsx! {
        section { class: "panel",
            h2 { class: "panel-title", "{people::past()}" }
            if list.is_empty() { p { class: "soft", "{people::no_past()}" } }
            ul { class: "lines", role: "list",
                for broadcast in list.items.cloned() {
                    li { key: "{broadcast.id}", class: "line-item",
                        div { class: "line-text",
                            Link { class: "line-title told-link", to: format!("/@{}", broadcast.slug), "{broadcast.title}" }
                            p { class: "soft", "{about(&broadcast)}" }
                        }
                    }
                }
            }
            More { list }
        }
    }
}

fn about(broadcast: &PastBroadcast) -> String {
    let mut parts = vec![moment(broadcast.started_at)];
    if let Some(end) = broadcast.ended_at {
        parts.push(duration(end - broadcast.started_at));
    }
    if broadcast.peak_viewers > 0 {
        parts.push(people::peak(u64::from(broadcast.peak_viewers)));
    }
    parts.join(" · ")
}
