//! The second step of logging in: a code of the authenticator, or a recovery code.

use dioxus::prelude::*;
use weir_protocol::{LoginResponse, SecondStepRequest};

use super::{
    entry::go_on,
    form::{FormBody, Wrong, use_form},
};
use crate::{
    api,
    session::use_session,
    texts::{frame, people},
    ui::{Submit, TextField},
};

const CODE: &str = "code";

/// `on_ended` when the challenge is too old, and the password is needed again.
#[component]
pub fn CodeForm(
    challenge: String,
    expires_at: i64,
    next: String,
    on_ended: EventHandler<()>,
    on_back: EventHandler<()>,
) -> Element {
    let session = use_session();
    let form = use_form();
    let mut code = use_signal(String::new);
    let mut recovery = use_signal(|| false);
    let submit = move |()| {
        form.require(CODE, &code.peek());
        let request = SecondStepRequest {
            challenge: challenge.clone(),
            code: code.peek().trim().to_owned(),
            cookies: true,
        };
        let next = next.clone();
        form.send(async move {
            let asked = api::post("/api/v1/login/totp").body(&request);
            match asked.json::<LoginResponse>().await {
                Ok(response) => {
                    session.begin(&response).await;
                    go_on(&next);
                    Ok(())
                }
                Err(error) if error.is_unauthorized() => {
                    if js_sys::Date::now() >= expires_at as f64 {
                        on_ended.call(());
                        return Ok(());
                    }
                    Err(Wrong::at(CODE, people::wrong_code()))
                }
                Err(error) => Err(error.into()),
            }
        });
    };
    let (label, hint, other) = if recovery() {
        (
            people::recovery_code(),
            people::recovery_code_hint(),
            people::use_authenticator(),
        )
    } else {
        (
            people::code(),
            people::code_hint(),
            people::use_recovery_code(),
        )
    };
    rsx! {
        FormBody { form, on_submit: submit,
            // Another field, so that it is announced and filled in as what it is.
            if recovery() {
                TextField { label, hint, value: code, error: form.error(CODE), required: true, maxlength: 32, autofocus: true }
            } else {
                TextField { label, hint, value: code, error: form.error(CODE), required: true, maxlength: 32, autofocus: true,
                    autocomplete: "one-time-code", inputmode: "numeric" }
            }
            div { class: "actions",
                Submit { label: frame::log_in(), busy: form.busy() }
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_back.call(()), "{people::back()}" }
            }
            button { class: "text-button", r#type: "button",
                onclick: move |_| { code.set(String::new()); recovery.toggle(); },
                "{other}"
            }
        }
    }
}
