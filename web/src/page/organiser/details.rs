//! What an event says of itself is changed.

use dioxus::prelude::*;
use weir_protocol::{EditEvent, EventDetails, EventSummary};

use super::{
    draft::{AddressField, AudienceFields, DescriptionField, TimeFields, TitleField, use_draft},
    event::Kept,
    life::Life,
    questions,
};
use crate::{
    api::ApiError,
    app::{Embedded, Route},
    texts::{frame, organiser as said},
    ui::{Failure, Submit, use_toasts},
};

/// The form, and the steps of its life.
#[component]
pub fn Details(kept: Kept, on_change: EventHandler<()>) -> Element {
    rsx! {
        div { class: "studio-columns",
            // Somebody else's change of what stands in it is another form; a step of the event's life leaves alone what
            // is being written.
            for kept in [kept.clone()] {
                Form { key: "{written(&kept.page.event)}", kept: kept.clone(), on_change }
            }
            Life { kept, on_change }
        }
    }
}

/// What stands in the form.
fn written(of: &EventDetails) -> String {
    let EventSummary {
        slug,
        title,
        time_zone,
        starts_at,
        ends_at,
        visibility,
        ..
    } = &of.summary;
    let words = (slug, title, &of.description);
    let times = (time_zone, starts_at, ends_at);
    let open = (of.registration_opens_at, of.registration_closes_at);
    let audience = (visibility, of.attendee_limit, open, of.approval);
    format!("{words:?} {times:?} {audience:?}")
}

#[component]
fn Form(kept: Kept, on_change: EventHandler<()>) -> Element {
    let draft = use_draft(Some(&kept.page.event));
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let navigator = use_navigator();
    let (slug, tag) = (kept.slug().clone(), kept.tag.clone());
    let send = move |event: FormEvent| {
        event.prevent_default();
        let (slug, tag) = (slug.clone(), tag.clone());
        async move {
            let (Some(title), Some(name), Some((starts_at, ends_at)), Ok(limit)) =
                (draft.title(), draft.slug(), draft.times(), draft.limit())
            else {
                return;
            };
            if busy() {
                return;
            }
            busy.set(true);
            error.set(None);
            let edit = EditEvent {
                slug: Some(name.clone()).filter(|it| *it != slug),
                title: Some(title),
                description: Some(draft.description.cloned()),
                time_zone: Some(draft.zone.cloned()),
                starts_at: Some(starts_at),
                ends_at: Some(ends_at),
                visibility: Some(draft.visibility()),
                attendee_limit: Some(limit),
                registration_opens_at: Some(draft.moment(draft.opens)),
                registration_closes_at: Some(draft.moment(draft.closes)),
                approval: Some(draft.approval.cloned()),
                branding: None,
            };
            let outcome = questions::edit(&slug, tag.as_deref(), &edit).await;
            busy.set(false);
            match outcome {
                Ok(_) => {
                    toasts.say(frame::saved());
                    if name == slug {
                        on_change.call(());
                    } else {
                        let event = Embedded(name);
                        navigator.replace(Route::OrganisedEvent { event });
                    }
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    };
    let title_error = match draft.title() {
        None => frame::required(),
        Some(_) => "",
    };
    rsx! {
        form { class: "panel form studio-wide", novalidate: true, onsubmit: send,
            h2 { class: "panel-title", "{said::details()}" }
            TitleField { draft, error: title_error }
            AddressField { draft, asked: true }
            TimeFields { draft }
            DescriptionField { draft }
            h3 { class: "panel-title", "{said::audience()}" }
            AudienceFields { draft }
            if let Some(failed) = error() {
                if failed.status() == Some(412) {
                    Failure { error: failed, on_retry: move |()| { error.set(None); on_change.call(()) } }
                } else {
                    Failure { error: failed }
                }
            }
            div { class: "actions", Submit { label: frame::save(), busy: busy() } }
        }
    }
}
