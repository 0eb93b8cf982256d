//! Whom the user has blocked.

use dioxus::prelude::*;
use weir_protocol::{Page, UserCard};

use super::Panel;
use crate::{
    api,
    app::Route,
    page::people::cursor::page_of,
    texts::people,
    ui::{Avatar, More, use_paged, use_toasts},
};

const ADDRESS: &str = "/api/v1/me/blocks";

/// The panel.
#[component]
pub fn BlockedPanel() -> Element {
    let toasts = use_toasts();
    let list = use_paged(|cursor| async move {
        api::get(&page_of(ADDRESS, cursor))
            .json::<Page<UserCard>>()
            .await
    });
    let unblock = move |name: String| {
        spawn(async move {
            let address = format!("{ADDRESS}/{}", js_sys::encode_uri_component(&name));
            let outcome = api::delete(&address).done().await;
            toasts.outcome(&outcome, people::unblocked(&name));
            list.again();
        });
    };
    rsx! {
        Panel { title: people::part_blocked(), note: people::blocked_note(),
            if list.is_empty() { p { "{people::nobody_blocked()}" } }
            ul { class: "lines", role: "list",
                for card in list.items.cloned() {
                    li { key: "{card.name}", class: "line-item",
                        Avatar { name: card.name.clone(), picture: card.avatar_url.clone() }
                        div { class: "line-text",
                            Link { class: "line-title", to: Route::User { name: card.name.clone() }, "{card.display_name}" }
                            p { class: "handle", "@{card.name}" }
                        }
                        button { class: "action action-soft", r#type: "button", "aria-label": people::unblock_this(&card.name),
                            onclick: move |_| unblock(card.name.clone()), "{people::unblock()}"
                        }
                    }
                }
            }
            More { list }
        }
    }
}
