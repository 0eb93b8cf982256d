//! Invitations: made with their link, listed, taken back.

use dioxus::prelude::*;
use weir_protocol::{CreateEventInvitation, EventInvitation, EventInvitationAccess, EventSlug};

use super::questions;
use crate::{
    api::ApiError,
    event::when,
    texts::organiser as said,
    ui::{Confirm, CopyField, Failure, More, Paged, Submit, TextField, use_paged, use_toasts},
};

/// The form, the link that was just made, and what there is.
#[component]
pub fn Invitations(slug: EventSlug) -> Element {
    let asked = slug.clone();
    let list: Paged<EventInvitation> = use_paged(move |cursor| {
        let slug = asked.clone();
        async move { questions::invitations(&slug, cursor).await }
    });
    let mut made = use_signal(|| None::<EventInvitationAccess>);
    rsx! {
        section { class: "panel", "aria-labelledby": "invitations-title",
            h2 { id: "invitations-title", class: "panel-title", "{said::invitations()}" }
            p { class: "soft", "{said::invitations_intro()}" }
            Make { slug: slug.clone(), on_made: move |access| { made.set(Some(access)); list.again(); } }
            if let Some(access) = made() {
                div { class: "fresh", role: "status",
                    for access in [access] {
                        CopyField { key: "{access.invitation.id}", label: said::invitation_link(), value: access.url.clone() }
                    }
                    p { class: "field-hint", "{said::shown_once()}" }
                }
            }
            ul { class: "lines", role: "list", hidden: list.items.read().is_empty(),
                for invitation in list.items.cloned() {
                    li { key: "{invitation.id}", class: "line-item",
                        Row { slug: slug.clone(), invitation: invitation.clone(), on_gone: move |id: String| {
                            if made.peek().as_ref().is_some_and(|it| it.invitation.id == id) {
                                made.set(None);
                            }
                            list.again();
                        } }
                    }
                }
            }
            More { list }
        }
    }
}

#[component]
fn Make(slug: EventSlug, on_made: EventHandler<EventInvitationAccess>) -> Element {
    let mut email = use_signal(String::new);
    let mut uses = use_signal(|| "1".to_owned());
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let count = move || match uses.read().trim().parse::<u32>() {
        Ok(count @ 1..=100_000) => Some(count),
        _ => None,
    };
    let send = move |event: FormEvent| {
        event.prevent_default();
        let slug = slug.clone();
        async move {
            let address = Some(email.read().trim().to_owned()).filter(|it| !it.is_empty());
            let Some(count) = count() else { return };
            if busy() {
                return;
            }
            busy.set(true);
            let new = CreateEventInvitation {
                // For one person it works once.
                max_uses: Some(if address.is_some() { 1 } else { count }),
                email: address,
                expires_at: None,
            };
            match questions::invite(&slug, &new).await {
                Ok(access) => {
                    email.set(String::new());
                    uses.set("1".to_owned());
                    error.set(None);
                    on_made.call(access);
                }
                Err(refused) => error.set(Some(refused)),
            }
            busy.set(false);
        }
    };
    let uses_error = if count().is_none() {
        said::bad_uses()
    } else {
        ""
    };
    let for_one = !email.read().trim().is_empty();
    rsx! {
        form { class: "form studio-wide", novalidate: true, onsubmit: send,
            div { class: "fields-two",
                TextField { label: said::invite_email(), value: email, optional: true, kind: "email", maxlength: 254, hint: said::invite_email_hint() }
                TextField { label: said::invite_uses(), value: uses, inputmode: Some("numeric"), maxlength: 6, hint: said::invite_uses_hint(), error: uses_error, disabled: for_one }
            }
            if let Some(error) = error() { Failure { error } }
            div { class: "actions", Submit { label: said::invite(), busy: busy() } }
        }
    }
}

#[component]
fn Row(slug: EventSlug, invitation: EventInvitation, on_gone: EventHandler<String>) -> Element {
    let mut asking = use_signal(|| false);
    let toasts = use_toasts();
    let name = invitation
        .email
        .clone()
        .unwrap_or_else(|| said::for_anybody().to_owned());
    let id = invitation.id.clone();
    let revoke = move |()| {
        let (slug, id) = (slug.clone(), id.clone());
        async move {
            let outcome = questions::revoke(&slug, &id).await;
            toasts.outcome(&outcome, said::revoked());
            asking.set(false);
            on_gone.call(id);
        }
    };
    rsx! {
        div { class: "line-text",
            p { class: "line-title", "{name}" }
            p { class: "soft", {said::used(invitation.max_uses, invitation.used)} " · {when::moment(invitation.created_at, None)}" }
        }
        button { class: "action action-soft", r#type: "button", "aria-label": "{said::revoke()}: {name}", onclick: move |_| asking.set(true), "{said::revoke()}" }
        if asking() {
            Confirm { title: said::revoke(), text: said::revoke_text(), action: said::revoke(), on_confirm: revoke, on_close: move |()| asking.set(false) }
        }
    }
}
