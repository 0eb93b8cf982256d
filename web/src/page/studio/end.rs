//! Ending a broadcast from here, for whoever cannot reach the program that publishes.

use dioxus::{core::spawn_forever, prelude::*};
use weir_protocol::StreamSlug;

use super::questions::of;
use crate::{
    api,
    texts::studio as said,
    ui::{Confirm, use_toasts},
};

/// The button, and its question.
#[component]
pub fn EndBroadcast(slug: StreamSlug) -> Element {
    let mut asking = use_signal(|| false);
    let toasts = use_toasts();
    let end = move |()| {
        let address = of(&slug, "/broadcast");
        asking.set(false);
        // That it has ended may be heard before the answer comes, and then this button is gone.
        spawn_forever(async move {
            let outcome = api::delete(&address).done().await;
            toasts.outcome(&outcome, said::ended());
        });
    };
    rsx! {
        button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(true), "{said::end()}" }
        if asking() {
            Confirm { title: said::end_title(), text: said::end_text(), action: said::end(),
                on_confirm: end, on_close: move |()| asking.set(false) }
        }
    }
}
