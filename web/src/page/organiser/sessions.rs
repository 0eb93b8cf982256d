//! The sessions of an event: what happens when, by whom, on which stream.

use dioxus::prelude::*;
use weir_protocol::EventSession;

use super::{event::Kept, questions, session_form::SessionForm};
use crate::{
    event::when,
    texts::{frame, organiser as said},
    ui::{Confirm, Empty, use_toasts},
};

#[derive(Clone, PartialEq)]
enum Editing {
    Nothing,
    New,
    One(EventSession),
}

/// In order of time.
#[component]
pub fn Sessions(kept: Kept, on_change: EventHandler<()>) -> Element {
    let mut editing = use_signal(|| Editing::Nothing);
    let mut sessions = kept.page.sessions.clone();
    sessions.sort_by_key(|it| (it.starts_at, it.position));
    let is_empty = sessions.is_empty();
    rsx! {
        div { class: "stack",
            header { class: "studio-head",
                p { class: "soft studio-measure", "{said::sessions_intro()}" }
                if !is_empty {
                    button { class: "action", r#type: "button", onclick: move |_| editing.set(Editing::New), "{said::new_session()}" }
                }
            }
            if is_empty {
                Empty { title: said::no_sessions(), text: said::no_sessions_text(),
                    button { class: "action", r#type: "button", onclick: move |_| editing.set(Editing::New), "{said::new_session()}" }
                }
            }
            ul { class: "studio-rows", role: "list",
                for session in sessions {
                    li { key: "{session.slug}", class: "panel",
                        Row { kept: kept.clone(), session, on_edit: move |it| editing.set(Editing::One(it)), on_change }
                    }
                }
            }
        }
        match editing() {
            Editing::Nothing => rsx! {},
            Editing::New => rsx! {
                SessionForm { kept: kept.clone(), before: None, on_change, on_close: move |()| editing.set(Editing::Nothing) }
            },
            Editing::One(session) => rsx! {
                SessionForm { kept: kept.clone(), before: Some(session), on_change, on_close: move |()| editing.set(Editing::Nothing) }
            },
        }
    }
}

#[component]
fn Row(
    kept: Kept,
    session: EventSession,
    on_edit: EventHandler<EventSession>,
    on_change: EventHandler<()>,
) -> Element {
    let mut asking = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let (slug, name) = (kept.slug().clone(), session.slug.clone());
    let remove = move |()| {
        let (slug, name) = (slug.clone(), name.clone());
        async move {
            busy.set(true);
            let outcome = questions::delete_session(&slug, &name).await;
            toasts.outcome(&outcome, said::deleted());
            on_change.call(());
        }
    };
    let zone = Some(kept.page.event.summary.time_zone.as_str());
    let title = session.title.clone();
    let for_edit = session.clone();
    let who: Vec<&str> = session.speakers.iter().map(|it| it.name.as_str()).collect();
    rsx! {
        div { class: "studio-row",
            div {
                h2 { "{title}" }
                p { class: "soft", "{when::span(session.starts_at, session.ends_at, zone)}" }
                p { class: "studio-facts soft",
                    if !session.stage.is_empty() { span { "{session.stage}" } }
                    if !who.is_empty() { span { {who.join(", ")} } }
                    match &session.stream {
                        Some(stream) if stream.live => rsx! { span { class: "badge badge-live", "{frame::live()}" } span { "@{stream.slug}" } },
                        Some(stream) => rsx! { span { "@{stream.slug}" } },
                        None => rsx! { span { class: "badge badge-waits", "{said::no_stream()}" } },
                    }
                }
            }
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_edit.call(for_edit.clone()), "aria-label": "{frame::edit()}: {title}", "{frame::edit()}" }
                button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(true), "aria-label": "{frame::delete()}: {title}", "{frame::delete()}" }
            }
        }
        if asking() {
            Confirm { title: said::delete_session(), text: said::delete_session_text(&title), action: frame::delete(), busy: busy(),
                on_confirm: remove, on_close: move |()| asking.set(false) }
        }
    }
}
