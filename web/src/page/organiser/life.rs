//! The life of an event: published, cancelled, ended, deleted.

use dioxus::prelude::*;
use weir_protocol::{EventSlug, EventState};

use super::{event::Kept, questions};
use crate::{
    app::Route,
    session::use_session,
    texts::{frame, organiser as said},
    ui::{Confirm, use_toasts},
};

/// The next step of a draft, where everybody sees it.
#[component]
pub fn Publish(slug: EventSlug, state: EventState, on_change: EventHandler<()>) -> Element {
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    if state != EventState::Draft {
        return rsx! {};
    }
    let publish = move |_| {
        let slug = slug.clone();
        async move {
            if busy() {
                return;
            }
            busy.set(true);
            let outcome = questions::set_state(&slug, EventState::Published).await;
            busy.set(false);
            toasts.outcome(&outcome, said::published());
            on_change.call(());
        }
    };
    rsx! {
        button { class: "action", r#type: "button", "aria-busy": "{busy}", onclick: publish, "{said::publish()}" }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    End,
    Cancel,
    Delete,
}

/// The steps that cannot be taken back.
#[component]
pub fn Life(kept: Kept, on_change: EventHandler<()>) -> Element {
    let mut asking = use_signal(|| None::<Step>);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let navigator = use_navigator();
    let session = use_session();
    let it = &kept.page.event.summary;
    let owner = kept.page.event.owner.as_deref();
    let may_delete = session.is_admin() || owner.is_some_and(|owner| session.is(owner));
    let is_open = it.state == EventState::Published;
    let slug = it.slug.clone();
    let take = move |()| {
        let slug = slug.clone();
        async move {
            let Some(step) = asking() else { return };
            busy.set(true);
            let (outcome, done) = match step {
                Step::End => (
                    questions::set_state(&slug, EventState::Ended).await,
                    said::ended(),
                ),
                Step::Cancel => (
                    questions::set_state(&slug, EventState::Cancelled).await,
                    said::cancelled(),
                ),
                Step::Delete => (questions::delete(&slug).await, said::deleted()),
            };
            busy.set(false);
            asking.set(None);
            toasts.outcome(&outcome, done);
            if outcome.is_ok() && step == Step::Delete {
                navigator.push(Route::Organiser {});
            } else {
                on_change.call(());
            }
        }
    };
    let title = it.title.clone();
    let (question, text, action) = match asking() {
        Some(Step::End) => (said::end(), said::end_text(&title), said::end()),
        Some(Step::Cancel) => (said::cancel(), said::cancel_text(&title), said::cancel()),
        Some(Step::Delete) | None => (
            said::delete_event(),
            said::delete_text(&title),
            frame::delete(),
        ),
    };
    if !is_open && !may_delete {
        return rsx! {};
    }
    rsx! {
        section { class: "panel", "aria-labelledby": "life-title",
            h2 { id: "life-title", class: "panel-title", "{said::life()}" }
            if is_open {
                p { class: "soft", "{said::end_hint()}" }
                div { class: "actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(Some(Step::End)), "{said::end()}" }
                    button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(Some(Step::Cancel)), "{said::cancel()}" }
                }
            }
            if may_delete {
                p { class: "soft", "{said::delete_hint()}" }
                div { class: "actions",
                    button { class: "action action-danger", r#type: "button", onclick: move |_| asking.set(Some(Step::Delete)), "{said::delete_event()}" }
                }
            }
        }
        if asking().is_some() {
            Confirm { title: question, text, action, busy: busy(), on_confirm: take, on_close: move |()| asking.set(None) }
        }
    }
}
