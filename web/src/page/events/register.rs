//! Registering: one press for whoever is logged in, name and address for guests.

use dioxus::prelude::*;
use weir_protocol::{EventSlug, Register};

use super::{live::LiveEvent, questions, ticket};
use crate::{
    api::ApiError,
    app::Route,
    page::people::Query,
    session::{Who, use_session},
    texts::{event as said, frame},
    ui::{CopyField, Failure, Skeleton, Submit, TextField, use_toasts},
};

/// The form, or the button.
#[component]
pub fn Registration(
    slug: EventSlug,
    /// Whether an organiser decides.
    approval: bool,
    live: LiveEvent,
    invitation: Option<String>,
) -> Element {
    let who = use_session().who();
    let label = if approval {
        said::ask_for_place()
    } else {
        said::register()
    };
    rsx! {
        if approval { p { class: "soft", "{said::approval_text()}" } }
        match who {
            Who::Asking => rsx! { Skeleton { lines: 2 } },
            Who::User(_) => rsx! { AsUser { slug, live, invitation, label } },
            Who::Nobody => rsx! { AsGuest { slug, live, invitation, label } },
        }
    }
}

#[component]
fn AsUser(
    slug: EventSlug,
    live: LiveEvent,
    invitation: Option<String>,
    label: &'static str,
) -> Element {
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let send = move |event: FormEvent| {
        event.prevent_default();
        let (slug, invitation) = (slug.clone(), invitation.clone());
        async move {
            if busy() {
                return;
            }
            busy.set(true);
            let who = Register {
                invitation,
                ..Register::default()
            };
            match questions::register(&slug, &who).await {
                Ok(_) => {
                    toasts.say(said::registered());
                    live.again();
                }
                Err(refused) => error.set(Some(refused)),
            }
            busy.set(false);
        }
    };
    rsx! {
        form { class: "form", onsubmit: send,
            if let Some(error) = error() { Failure { error } }
            div { class: "actions", Submit { label, busy: busy() } }
        }
    }
}

#[component]
fn AsGuest(
    slug: EventSlug,
    live: LiveEvent,
    invitation: Option<String>,
    label: &'static str,
) -> Element {
    let name = use_signal(String::new);
    let email = use_signal(String::new);
    let mut wanting = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let here = use_route::<Route>().to_string();
    let send = move |event: FormEvent| {
        event.prevent_default();
        let (slug, invitation) = (slug.clone(), invitation.clone());
        async move {
            wanting.set(true);
            let filled = |text: Signal<String>| {
                Some(text.read().trim().to_owned()).filter(|it| !it.is_empty())
            };
            let (Some(name), Some(email)) = (filled(name), filled(email)) else {
                return;
            };
            if busy() {
                return;
            }
            busy.set(true);
            let who = Register {
                name: Some(name),
                email: Some(email),
                invitation,
            };
            match questions::register(&slug, &who).await {
                Ok(mine) => {
                    if let Some(secret) = &mine.ticket {
                        ticket::keep(&slug, secret);
                    }
                    toasts.say(said::registered_guest());
                    live.again();
                }
                Err(refused) => error.set(Some(refused)),
            }
            busy.set(false);
        }
    };
    let missing = move |text: Signal<String>| {
        if wanting() && text.read().trim().is_empty() {
            frame::required()
        } else {
            ""
        }
    };
    rsx! {
        form { class: "form", novalidate: true, onsubmit: send,
            TextField { label: said::your_name(), value: name, required: true, maxlength: 100, autocomplete: "name", error: missing(name) }
            TextField { label: said::your_email(), value: email, required: true, kind: "email", maxlength: 254, autocomplete: "email",
                hint: said::email_hint(), error: missing(email) }
            if let Some(error) = error() { Failure { error } }
            div { class: "actions", Submit { label, busy: busy() } }
        }
        p { class: "soft",
            "{said::have_account()} "
            Link { class: "link", to: Route::Login { query: Query::back_to(&here) }, "{frame::log_in()}" }
        }
    }
}

/// A guest's own address, to come back from another device.
#[component]
pub fn TicketLink(slug: EventSlug) -> Element {
    let Some(secret) = ticket::known(&slug) else {
        return rsx! {};
    };
    let origin = crate::dom::window().location().origin().unwrap_or_default();
    rsx! {
        CopyField { label: said::your_link(), value: "{origin}/events/{slug}?ticket={secret}", secret: true }
    }
}
