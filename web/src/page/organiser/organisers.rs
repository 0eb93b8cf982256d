//! Who runs the event together with its owner.

use dioxus::prelude::*;

use super::{event::Kept, questions};
use crate::{
    session::use_session,
    texts::organiser as said,
    ui::{Avatar, Submit, TextField, use_toasts},
};

/// The list; its owner adds and removes.
#[component]
pub fn Organisers(kept: Kept, on_change: EventHandler<()>) -> Element {
    let mut name = use_signal(String::new);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let session = use_session();
    let event = &kept.page.event;
    let owner = event.owner.clone();
    let owns = session.is_admin() || owner.as_deref().is_some_and(|it| session.is(it));
    let slug = event.summary.slug.clone();
    let set = use_callback(move |(who, is_one): (String, bool)| {
        let slug = slug.clone();
        spawn(async move {
            busy.set(true);
            match questions::organiser(&slug, &who, is_one).await {
                Ok(()) if is_one => {
                    name.set(String::new());
                    toasts.say(said::organiser_added());
                }
                Ok(()) => toasts.say(said::organiser_removed()),
                Err(error) if error.is_not_found() => toasts.fail(said::no_such_user()),
                Err(error) => toasts.fail(error.text()),
            }
            busy.set(false);
            on_change.call(());
        });
    });
    let send = move |event: FormEvent| {
        event.prevent_default();
        let who = name.read().trim().trim_start_matches('@').to_owned();
        if !who.is_empty() && !busy() {
            set.call((who, true));
        }
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "organisers-title",
            h2 { id: "organisers-title", class: "panel-title", "{said::organisers()}" }
            p { class: "soft", "{said::organisers_intro()}" }
            ul { class: "lines", role: "list",
                if let Some(owner) = &owner {
                    li { class: "line-item",
                        Avatar { name: owner.clone() }
                        div { class: "line-text", p { class: "line-title", "@{owner}" } p { class: "soft", "{said::owner()}" } }
                    }
                }
                for other in event.organisers.clone() {
                    li { key: "{other}", class: "line-item",
                        Avatar { name: other.clone() }
                        div { class: "line-text", p { class: "line-title", "@{other}" } }
                        if owns || session.is(&other) {
                            button { class: "action action-soft", r#type: "button", disabled: busy(), "aria-label": "{said::remove()}: {other}",
                                onclick: move |_| set.call((other.clone(), false)), "{said::remove()}" }
                        }
                    }
                }
            }
            if owns {
                form { class: "form", novalidate: true, onsubmit: send,
                    TextField { label: said::organiser_name(), value: name, maxlength: 64 }
                    div { class: "actions", Submit { label: said::add_organiser(), busy: busy() } }
                }
            }
        }
    }
}
