//! An event is made, as a draft.

use dioxus::prelude::*;
use weir_protocol::{Branding, CreateEvent};

use super::{
    draft::{AddressField, TimeFields, TitleField, use_draft},
    questions,
};
use crate::{
    api::ApiError,
    app::{Embedded, Route},
    page::studio::suggested_slug,
    texts::{frame, organiser as said},
    ui::{Dialog, Failure, Submit},
};

/// Asks what an event needs, and leads to its page.
#[component]
pub fn NewEvent(on_close: EventHandler<()>) -> Element {
    let mut draft = use_draft(None);
    let mut suggested = use_signal(String::new);
    let mut wanting = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let navigator = use_navigator();
    // The address follows the title until somebody writes another one.
    use_effect(move || {
        let new = suggested_slug(&draft.title.read());
        if *draft.slug.peek() == *suggested.peek() {
            draft.slug.set(new.clone());
        }
        suggested.set(new);
    });
    let send = move |event: FormEvent| async move {
        event.prevent_default();
        wanting.set(true);
        let (Some(slug), Some(title), Some((starts_at, ends_at))) =
            (draft.slug(), draft.title(), draft.times())
        else {
            return;
        };
        if busy() {
            return;
        }
        busy.set(true);
        let new = CreateEvent {
            slug,
            title,
            description: String::new(),
            time_zone: draft.zone.cloned(),
            starts_at,
            ends_at,
            visibility: draft.visibility(),
            attendee_limit: None,
            registration_opens_at: None,
            registration_closes_at: None,
            approval: false,
            branding: Branding::default(),
        };
        match questions::create(&new).await {
            Ok(made) => {
                let event = Embedded(made.summary.slug);
                navigator.push(Route::OrganisedEvent { event });
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
    rsx! {
        Dialog { title: said::new_event(), on_close,
            form { class: "form studio-wide", novalidate: true, onsubmit: send,
                TitleField { draft, error: title_error, autofocus: true }
                AddressField { draft, asked: wanting() }
                TimeFields { draft }
                p { class: "field-hint", "{said::draft_hint()}" }
                if let Some(error) = error() { Failure { error } }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: said::create(), busy: busy() }
                }
            }
        }
    }
}
