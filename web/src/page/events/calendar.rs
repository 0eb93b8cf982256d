//! An address that one's calendar program reads: all events that one attends, organises or speaks at.

use dioxus::prelude::*;
use serde::Deserialize;

use crate::{
    api,
    session::use_session,
    texts::event as said,
    ui::{CopyField, use_toasts},
};

const ADDRESS: &str = "/api/v1/me/calendar";

/// Where the calendar is.
#[derive(Deserialize)]
struct Made {
    url: String,
}

/// For whoever is logged in. The server shows an address once, so each press makes a new one.
#[component]
pub fn OwnCalendar() -> Element {
    let mut url = use_signal(|| None::<String>);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    if use_session().user().is_none() {
        return rsx! {};
    }
    let make = move |_| async move {
        if busy() {
            return;
        }
        busy.set(true);
        match api::post(ADDRESS).json::<Made>().await {
            Ok(made) => url.set(Some(made.url)),
            Err(error) => toasts.fail(error.text()),
        }
        busy.set(false);
    };
    let end = move |_| async move {
        let outcome = api::delete(ADDRESS).done().await;
        if outcome.is_ok() {
            url.set(None);
        }
        toasts.outcome(&outcome, said::calendar_ended());
    };
    rsx! {
        details { class: "disclosure own-calendar",
            summary { "{said::own_calendar()}" }
            div { class: "panel",
                p { class: "soft", "{said::own_calendar_text()}" }
                match url() {
                    Some(url) => rsx! { CopyField { label: said::own_calendar_address(), value: url, secret: true } },
                    None => rsx! {
                        div { class: "actions",
                            button { class: "action", r#type: "button", "aria-busy": "{busy}", onclick: make, "{said::own_calendar_make()}" }
                            button { class: "action action-soft", r#type: "button", onclick: end, "{said::own_calendar_end()}" }
                        }
                    },
                }
            }
        }
    }
}
