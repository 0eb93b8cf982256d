//! Asking for a letter to set a forgotten password.

use dioxus::prelude::*;
use weir_protocol::ForgottenPassword;

use super::{
    entry::Entry,
    form::{FormBody, use_form},
    query::Query,
};
use crate::{
    api,
    app::Route,
    texts::{frame, people},
    ui::{Submit, TextField},
};

const EMAIL: &str = "email";

/// The page. Whether an account has the address is not told.
#[component]
pub fn Forgot() -> Element {
    let form = use_form();
    let email = use_signal(String::new);
    let mut sent = use_signal(|| false);
    let submit = move |()| {
        form.require_address(EMAIL, &email.peek());
        let request = ForgottenPassword {
            email: email.peek().trim().to_owned(),
        };
        form.send(async move {
            api::post("/api/v1/password-reset")
                .body(&request)
                .done()
                .await?;
            sent.set(true);
            Ok(())
        });
    };
    rsx! {
        Entry { title: people::forgot_title(),
            div { role: "status",
                if sent() { p { "{people::forgot_sent()}" } }
            }
            if !sent() {
                p { class: "soft", "{people::forgot_note()}" }
                FormBody { form, on_submit: submit,
                    TextField { label: people::email(), value: email, error: form.error(EMAIL), kind: "email", autocomplete: "email", required: true, maxlength: 254, autofocus: true }
                    Submit { label: people::send_letter(), busy: form.busy() }
                }
            }
            p { class: "entry-else", Link { class: "link", to: Route::Login { query: Query::back_to("/") }, "{frame::log_in()}" } }
        }
    }
}
