//! One's place at an event: take it, wait for it, give it back.

use dioxus::prelude::*;
use weir_protocol::{EventPage, EventState, MyRegistration, RegistrationStatus};

use super::{
    live::LiveEvent,
    questions,
    register::{Registration, TicketLink},
    ticket,
};
use crate::{
    dom,
    event::{when, words},
    texts::event as said,
    ui::{Confirm, use_toasts},
};

/// Stands beside the event.
#[component]
pub fn Place(page: EventPage, live: LiveEvent, invitation: Option<String>) -> Element {
    let event = &page.event;
    let taken = page
        .registration
        .clone()
        .filter(|it| it.status != RegistrationStatus::Cancelled);
    let over = event.summary.state != EventState::Published;
    rsx! {
        aside { class: "panel event-place", "aria-labelledby": "place-title",
            h2 { id: "place-title", class: "panel-title", "{said::take_part()}" }
            match taken {
                Some(mine) => rsx! { Mine { page: page.clone(), mine, live } },
                None if event.registration_open => rsx! {
                    Free { page: page.clone() }
                    Registration { slug: event.summary.slug.clone(), approval: event.approval && invitation.is_none(), live, invitation }
                },
                None => rsx! { p { class: "soft", "{closed(&page)}" } },
            }
            if event.summary.state == EventState::Draft && page.may_edit { p { class: "soft", "{said::is_draft()}" } }
            if !over && event.attendee_limit.is_none() && page.registration.is_none() {
                p { class: "soft", "{said::all_welcome()}" }
            }
        }
    }
}

/// How many places are left, where they are counted.
#[component]
fn Free(page: EventPage) -> Element {
    let Some(limit) = page.event.attendee_limit else {
        return rsx! {};
    };
    let left = limit.saturating_sub(page.event.places_taken);
    rsx! {
        p { class: if left == 0 { "event-full" } else { "soft" },
            if left == 0 { "{said::full()}" } else { {said::places_left(u64::from(left))} }
        }
    }
}

/// Why one cannot register.
fn closed(page: &EventPage) -> String {
    let event = &page.event;
    let now = dom::wall_ms() as i64;
    match (event.summary.state, event.registration_opens_at) {
        (EventState::Draft, _) => said::opens_when_published().to_owned(),
        (EventState::Cancelled, _) => said::is_cancelled().to_owned(),
        (EventState::Published, Some(opens)) if opens > now => {
            said::opens_at(when::moment(opens, None))
        }
        (EventState::Published | EventState::Ended, _) => said::registration_closed().to_owned(),
    }
}

#[component]
fn Mine(page: EventPage, mine: MyRegistration, live: LiveEvent) -> Element {
    let mut asking = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let slug = page.event.summary.slug.clone();
    let withdraw = move |()| {
        let slug = slug.clone();
        async move {
            busy.set(true);
            let outcome = questions::withdraw(&slug).await;
            if outcome.is_ok() {
                ticket::forget(&slug);
            }
            busy.set(false);
            asking.set(false);
            toasts.outcome(&outcome, said::withdrawn());
            live.again();
        }
    };
    let text = match mine.status {
        RegistrationStatus::Pending => said::pending_text().to_owned(),
        RegistrationStatus::Confirmed => said::confirmed_text().to_owned(),
        RegistrationStatus::Waiting => said::waiting_text(mine.waiting_position.unwrap_or(1)),
        RegistrationStatus::Rejected => said::rejected_text().to_owned(),
        RegistrationStatus::Cancelled => String::new(),
    };
    let has_some = mine.status != RegistrationStatus::Rejected;
    let over = page.event.summary.state != EventState::Published;
    rsx! {
        p { class: "event-mine", role: "status",
            span { class: "badge event-status", "{words::status(mine.status)}" }
            span { "{mine.name}" }
        }
        p { "{text}" }
        if let Some(at) = mine.checked_in_at {
            p { class: "event-in", {said::checked_in_at(when::moment(at, None))} }
        }
        if has_some { TicketLink { slug: page.event.summary.slug.clone() } }
        if has_some && !over {
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(true), "{said::withdraw()}" }
            }
        }
        if asking() {
            Confirm { title: said::withdraw(), text: said::withdraw_text(), action: said::withdraw(), busy: busy(),
                on_confirm: withdraw, on_close: move |()| asking.set(false) }
        }
    }
}
