//! The button that deletes an entry of a list, after a question.

use dioxus::prelude::*;

use crate::{
    api,
    texts::{frame, studio as said},
    ui::{Confirm, Paged, use_toasts},
};

/// Asks, deletes what is at `address`, and reads the list again.
#[component]
pub fn Remove<T: 'static>(
    /// What is deleted, for whoever hears the button.
    name: String,
    /// The question, and what becomes of it.
    title: String,
    text: String,
    address: String,
    list: Paged<T>,
) -> Element {
    let mut asking = use_signal(|| false);
    let toasts = use_toasts();
    let remove = move |()| {
        let address = address.clone();
        async move {
            let outcome = api::delete(&address).done().await;
            toasts.outcome(&outcome, said::deleted());
            asking.set(false);
            list.again();
        }
    };
    rsx! {
        button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(true), "aria-label": "{frame::delete()}: {name}", "{frame::delete()}" }
        if asking() {
            Confirm { title, text, action: frame::delete(), on_confirm: remove, on_close: move |()| asking.set(false) }
        }
    }
}
