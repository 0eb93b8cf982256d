//! A stream is made.

use dioxus::prelude::*;
use weir_protocol::{CreateStream, StreamSlug};

use super::{
    fields::{DraftFields, TitleField, VisibilityField, use_draft},
    key, questions, suggest,
};
use crate::{
    api::ApiError,
    app::{Embedded, Route},
    dom,
    texts::{frame, studio as said},
    ui::{Dialog, Failure, Submit, TextField},
};

/// Asks what a stream needs, and leads to its page, where its key is shown.
#[component]
pub fn NewStream(on_close: EventHandler<()>) -> Element {
    let draft = use_draft(None);
    let mut address = use_signal(String::new);
    let mut suggested = use_signal(String::new);
    let mut wanting = use_signal(|| false);
    let mut all_shown = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let navigator = use_navigator();
    // The address follows the title until somebody writes another one.
    use_effect(move || {
        let new = suggest::slug(&draft.title.read());
        if *address.peek() == *suggested.peek() {
            address.set(new.clone());
        }
        suggested.set(new);
    });
    let send = move |event: FormEvent| async move {
        event.prevent_default();
        wanting.set(true);
        // What is wrong must be seen.
        if draft.tags().is_none() {
            all_shown.set(true);
        }
        let slug = address.read().trim().parse::<StreamSlug>();
        let (Ok(slug), Some(title), Some(tags)) = (slug, draft.title(), draft.tags()) else {
            return;
        };
        if busy() {
            return;
        }
        busy.set(true);
        let description = draft.description.cloned();
        let new = CreateStream {
            slug,
            title: Some(title),
            description: Some(description).filter(|it| !it.trim().is_empty()),
            category: draft.category(),
            tags,
            visibility: draft.visibility(),
            language: draft.language(),
            mature: draft.mature.cloned(),
        };
        match questions::create(&new).await {
            Ok(access) => {
                key::remember(&access);
                let stream = Embedded(access.slug);
                navigator.push(Route::StudioStream { stream });
            }
            Err(refused) => {
                error.set(Some(refused));
                busy.set(false);
            }
        }
    };
    let title_error = match draft.title() {
        None if wanting() => frame::required(),
        _ => "",
    };
    let address_error = match address.read().trim().parse::<StreamSlug>() {
        Err(_) if wanting() || !address.read().is_empty() => said::bad_address(),
        _ => "",
    };
    let host = dom::window().location().host().unwrap_or_default();
    rsx! {
        Dialog { title: said::new_stream(), on_close,
            form { class: "form studio-wide", novalidate: true, onsubmit: send,
                TitleField { draft, error: title_error, autofocus: true }
                TextField { label: said::address(), value: address, required: true, maxlength: 64, error: address_error,
                    hint: said::address_hint(format!("{host}/@{}", address.read().trim())) }
                VisibilityField { draft }
                // Can be said later: nobody has to read it all before the first stream.
                details { class: "disclosure", open: all_shown(),
                    summary { "{said::more_fields()}" }
                    div { class: "form studio-wide", DraftFields { draft } }
                }
                if let Some(error) = error() { Failure { error } }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: said::create(), busy: busy() }
                }
            }
        }
    }
}
