//! Confirming an e-mail address by the link in a letter.

use dioxus::prelude::*;
use weir_protocol::ConfirmEmail as Confirm;

use super::{entry::Entry, query::Query};
use crate::{
    api,
    app::Route,
    texts::{frame, people},
    ui::Skeleton,
};

/// The page that letters name: `/confirm-email?token=…` Opening it confirms.
#[component]
pub fn ConfirmEmail(query: Query) -> Element {
    let token = query.token().to_owned();
    let outcome = use_resource(move || {
        let request = Confirm {
            token: token.clone(),
        };
        async move {
            api::post("/api/v1/email-confirmation")
                .body(&request)
                .done()
                .await
        }
    });
    let outcome = outcome.read();
    rsx! {
        Entry { title: people::confirm_title(),
            div { role: "status",
                match &*outcome {
                    None => rsx! { Skeleton { lines: 1 } },
                    Some(Ok(())) => rsx! { p { "{people::confirm_done()}" } },
                    Some(Err(error)) if error.status() == Some(400) => rsx! { p { class: "form-error", "{people::confirm_used()}" } },
                    Some(Err(error)) => rsx! { p { class: "form-error", "{error.text()}" } },
                }
            }
            p { class: "actions",
                Link { class: "action", to: Route::Home {}, "{frame::home()}" }
                Link { class: "action action-soft", to: Route::Settings {}, "{frame::settings()}" }
            }
        }
    }
}
