//! Setting a password by the link in a letter: a forgotten one, or the first one of an account that was made for
//! somebody.

use dioxus::prelude::*;
use weir_protocol::ResetPassword as Reset;

use super::{
    entry::Entry,
    form::{FormBody, Wrong, use_form},
    password_field::PasswordField,
    query::Query,
};
use crate::{
    api::{self, ApiError},
    app::Route,
    session::use_session,
    texts::{frame, people},
    ui::Submit,
};

const PASSWORD: &str = "password";

/// The page that letters name: `/reset-password?token=…`
#[component]
pub fn ResetPassword(query: Query) -> Element {
    let session = use_session();
    let form = use_form();
    let password = use_signal(String::new);
    let mut done = use_signal(|| false);
    let token = query.token().to_owned();
    let complete = !token.is_empty();
    let submit = move |()| {
        form.require_password(PASSWORD, &password.peek());
        let request = Reset {
            token: token.clone(),
            password: password.peek().clone(),
        };
        form.send(async move {
            let asked = api::post("/api/v1/password-reset/confirm").body(&request);
            asked.done().await.map_err(|error| refusal(&error))?;
            // All devices were logged out, this one too: before that is known, the page to log in would be of no use.
            session.ask().await;
            done.set(true);
            Ok(())
        });
    };
    rsx! {
        Entry { title: people::reset_title(),
            div { role: "status",
                if done() { p { "{people::reset_done()}" } }
            }
            if done() {
                Link { class: "action", to: Route::Login { query: Query::back_to("/") }, "{frame::log_in()}" }
            } else if complete {
                FormBody { form, on_submit: submit,
                    PasswordField { label: people::new_password(), hint: people::password_hint(), value: password, error: form.error(PASSWORD), autocomplete: "new-password", autofocus: true }
                    Submit { label: people::set_password(), busy: form.busy() }
                }
            } else {
                p { "{people::link_incomplete()}" }
            }
            if !done() {
                p { class: "entry-else", Link { class: "link", to: Route::Forgot {}, "{people::another_letter()}" } }
            }
        }
    }
}

fn refusal(error: &ApiError) -> Wrong {
    match error.status() {
        // The password's length was looked at before, so it is the link.
        Some(400) => Wrong::whole(people::link_used()),
        _ => Wrong::whole(error.text()),
    }
}
