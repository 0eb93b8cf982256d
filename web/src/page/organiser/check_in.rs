//! One registration with what an organiser can do about it.

use dioxus::prelude::*;
use weir_protocol::{EventSlug, RegistrationDecision, RegistrationRow, RegistrationStatus};

use super::questions;
use crate::{
    event::{when, words},
    texts::organiser as said,
    ui::{Avatar, use_toasts},
};

/// `on_change` gets the row as it is now; `short` leaves out what is not needed at the door.
#[component]
pub fn Attendee(
    slug: EventSlug,
    row: RegistrationRow,
    on_change: EventHandler<RegistrationRow>,
    #[props(default)] short: bool,
) -> Element {
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let id = row.id.clone();
    let act = use_callback(move |act: Act| {
        let (slug, id) = (slug.clone(), id.clone());
        spawn(async move {
            if busy() {
                return;
            }
            busy.set(true);
            let outcome = match act {
                Act::CheckIn(present) => questions::check_in(&slug, &id, present).await,
                Act::Decide(decision) => questions::decide(&slug, &id, decision).await,
            };
            busy.set(false);
            match outcome {
                Ok(row) => on_change.call(row),
                Err(error) => toasts.fail(error.text()),
            }
        });
    });
    let has_place = row.status == RegistrationStatus::Confirmed;
    let may_approve = matches!(
        row.status,
        RegistrationStatus::Pending | RegistrationStatus::Rejected
    );
    let may_reject = !matches!(
        row.status,
        RegistrationStatus::Rejected | RegistrationStatus::Cancelled
    );
    let who = match (&row.user, &row.email) {
        (Some(user), _) => format!("@{user}"),
        (None, Some(email)) => email.clone(),
        (None, None) => said::guest().to_owned(),
    };
    let name = row.name.clone();
    rsx! {
        Avatar { name: name.clone() }
        div { class: "line-text",
            p { class: "line-title", "{name}" }
            p { class: "studio-facts soft",
                span { "{who}" }
                if !has_place || !short { span { class: "badge", "{words::status(row.status)}" } }
                if row.invited && !short { span { class: "badge", "{said::invited()}" } }
                if let Some(at) = row.checked_in_at { span { class: "attendee-in", {said::in_since(when::clock(at, None))} } }
            }
        }
        div { class: "actions",
            if has_place {
                if row.checked_in_at.is_none() {
                    button { class: "action action-check", r#type: "button", "aria-busy": "{busy}", "aria-label": "{said::check_in()}: {name}",
                        onclick: move |_| act.call(Act::CheckIn(true)), "{said::check_in()}" }
                } else {
                    button { class: "action action-soft", r#type: "button", "aria-busy": "{busy}", "aria-label": "{said::check_out()}: {name}",
                        onclick: move |_| act.call(Act::CheckIn(false)), "{said::check_out()}" }
                }
            }
            if may_approve && !short {
                button { class: "action action-soft", r#type: "button", "aria-busy": "{busy}", "aria-label": "{said::approve()}: {name}",
                    onclick: move |_| act.call(Act::Decide(RegistrationDecision::Approve)), "{said::approve()}" }
            }
            if may_reject && !short {
                button { class: "action action-soft", r#type: "button", "aria-busy": "{busy}", "aria-label": "{said::reject()}: {name}",
                    onclick: move |_| act.call(Act::Decide(RegistrationDecision::Reject)), "{said::reject()}" }
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    CheckIn(bool),
    Decide(RegistrationDecision),
}
