//! Logging in.

use dioxus::prelude::*;
use weir_protocol::{LoginRequest, LoginResponse, SecondStep};

use super::{
    entry::{AlreadyIn, Entry, go_on},
    form::{FormBody, Wrong, use_form},
    password_field::PasswordField,
    providers::Providers,
    query::Query,
    second_step::CodeForm,
};
use crate::{
    api::{self, ApiError},
    app::Route,
    session::{Who, use_session},
    texts::{frame, people},
    ui::{Submit, TextField},
};

const NAME: &str = "name";
const PASSWORD: &str = "password";

/// The page.
#[component]
pub fn Login(query: Query) -> Element {
    let session = use_session();
    let mut step = use_signal(|| None::<SecondStep>);
    let mut ended = use_signal(|| false);
    let next = query.next().to_owned();
    if matches!(session.who(), Who::User(_)) {
        return rsx! { Entry { title: frame::log_in(), AlreadyIn { next } } };
    }
    if let Some(SecondStep {
        challenge,
        expires_at,
    }) = step()
    {
        return rsx! {
            Entry { title: people::second_step(),
                CodeForm { challenge, expires_at, next,
                    on_ended: move |()| { ended.set(true); step.set(None); },
                    on_back: move |()| { ended.set(false); step.set(None); },
                }
            }
        };
    }
    rsx! {
        Entry { title: frame::log_in(),
            if ended() { p { class: "form-error", role: "alert", "{people::challenge_ended()}" } }
            PasswordForm { next: next.clone(), on_step: move |next| step.set(Some(next)) }
            Providers { next }
            p { class: "entry-else",
                "{people::no_account()} "
                Link { class: "link", to: Route::Register { query: query.clone() }, "{frame::register()}" }
            }
        }
    }
}

/// What the server says to a right password.
enum Greeting {
    In(LoginResponse),
    Step(SecondStep),
}

async fn log_in(request: &LoginRequest) -> Result<Greeting, ApiError> {
    let answer = api::post("/api/v1/login").body(request).answer().await?;
    let greeting = if answer.status() == 202 {
        answer.json().await.map(Greeting::Step)
    } else {
        answer.json().await.map(Greeting::In)
    };
    greeting.map_err(|_| ApiError::Unreadable)
}

#[component]
fn PasswordForm(next: String, on_step: EventHandler<SecondStep>) -> Element {
    let session = use_session();
    let form = use_form();
    let name = use_signal(String::new);
    let mut password = use_signal(String::new);
    let submit = move |()| {
        form.require(NAME, &name.peek());
        if password.peek().is_empty() {
            form.refuse(Wrong::at(PASSWORD, frame::required()));
        }
        let request = LoginRequest {
            name: name.peek().trim().to_owned(),
            password: password.peek().clone(),
            cookies: true,
        };
        let next = next.clone();
        form.send(async move {
            let greeting = log_in(&request).await.map_err(|error| {
                if error.is_unauthorized() {
                    // To be typed anew.
                    password.set(String::new());
                    Wrong::at(PASSWORD, people::bad_login())
                } else {
                    error.into()
                }
            })?;
            match greeting {
                Greeting::In(response) => {
                    session.begin(&response).await;
                    go_on(&next);
                }
                Greeting::Step(step) => on_step.call(step),
            }
            Ok(())
        });
    };
    rsx! {
        FormBody { form, on_submit: submit,
            TextField { label: people::name_or_email(), value: name, error: form.error(NAME), autocomplete: "username", required: true, maxlength: 254, autofocus: true }
            PasswordField { label: people::password(), value: password, error: form.error(PASSWORD), autocomplete: "current-password" }
            div { class: "actions entry-actions",
                Submit { label: frame::log_in(), busy: form.busy() }
                Link { class: "link", to: Route::Forgot {}, "{people::forgot()}" }
            }
        }
    }
}
