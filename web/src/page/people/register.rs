//! Making an account.

use dioxus::prelude::*;
use weir_protocol::{LoginResponse, RegisterRequest};

use super::{
    entry::{AlreadyIn, Entry, go_on},
    form::{FormBody, Wrong, use_form},
    password_field::PasswordField,
    providers::Providers,
    query::Query,
};
use crate::{
    api::{self, ApiError},
    app::Route,
    session::{Who, use_session},
    texts::{frame, people},
    ui::{Submit, TextField},
};

const NAME: &str = "name";
const EMAIL: &str = "email";
const PASSWORD: &str = "password";
/// Longest name in characters.
const NAME_MAX: u32 = 32;

/// The page.
#[component]
pub fn Register(query: Query) -> Element {
    let next = query.next().to_owned();
    if matches!(use_session().who(), Who::User(_)) {
        return rsx! { Entry { title: frame::register(), AlreadyIn { next } } };
    }
    rsx! {
        Entry { title: frame::register(),
            p { class: "soft", "{people::register_note()}" }
            RegisterForm { next: next.clone() }
            Providers { next }
            p { class: "entry-else",
                "{people::have_account()} "
                Link { class: "link", to: Route::Login { query }, "{frame::log_in()}" }
            }
        }
    }
}

#[component]
fn RegisterForm(next: String) -> Element {
    let session = use_session();
    let form = use_form();
    let name = use_signal(String::new);
    let email = use_signal(String::new);
    let password = use_signal(String::new);
    let submit = move |()| {
        let (wanted, address) = (
            name.peek().trim().to_owned(),
            email.peek().trim().to_owned(),
        );
        if !is_name(&wanted) {
            form.refuse(Wrong::at(NAME, people::name_bad()));
        }
        if !address.is_empty() {
            form.require_address(EMAIL, &address);
        }
        form.require_password(PASSWORD, &password.peek());
        let request = RegisterRequest {
            name: wanted,
            password: password.peek().clone(),
            email: (!address.is_empty()).then_some(address),
            cookies: true,
        };
        let next = next.clone();
        form.send(async move {
            let asked = api::post("/api/v1/register").body(&request);
            let response: LoginResponse = asked.json().await.map_err(|error| refusal(&error))?;
            session.begin(&response).await;
            go_on(&next);
            Ok(())
        });
    };
    rsx! {
        FormBody { form, on_submit: submit,
            TextField { label: people::name(), hint: people::name_hint(), value: name, error: form.error(NAME), autocomplete: "username", required: true, maxlength: NAME_MAX, autofocus: true }
            TextField { label: people::email(), hint: people::email_hint(), value: email, error: form.error(EMAIL), kind: "email", autocomplete: "email", optional: true, maxlength: 254 }
            PasswordField { label: people::password(), hint: people::password_hint(), value: password, error: form.error(PASSWORD), autocomplete: "new-password" }
            Submit { label: frame::register(), busy: form.busy() }
        }
    }
}

/// To the field that it is about. The server's words name it.
fn refusal(error: &ApiError) -> Wrong {
    let about_email = matches!(error, ApiError::Refused(problem)
        if problem.detail.as_deref().is_some_and(|detail| detail.contains("e-mail")));
    match (error.status(), about_email) {
        (Some(409), true) => Wrong::at(EMAIL, people::email_taken()),
        (Some(409), false) => Wrong::at(NAME, people::name_taken()),
        (Some(400), true) => Wrong::at(EMAIL, people::email_bad()),
        (Some(403), _) => Wrong::whole(people::closed()),
        _ => Wrong::whole(error.text()),
    }
}

/// As the server wants names: they stand in addresses and mentions.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= NAME_MAX as usize
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use weir_protocol::{ErrorCode, Problem};

    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["ann", "Ann.B-3_x", "7"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-ann", "ann b", "änn", "a@b", &"x".repeat(33)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_taken_is_said_at_its_field() {
        let conflict = |detail: &str| {
            ApiError::Refused(Problem {
                code: ErrorCode::Conflict,
                status: 409,
                title: "Clashes with what exists".to_owned(),
                detail: Some(detail.to_owned()),
            })
        };
        let name = refusal(&conflict("this user name is taken"));
        assert_eq!(name, Wrong::at(NAME, people::name_taken()));
        let email = refusal(&conflict("this e-mail address is taken"));
        assert_eq!(email, Wrong::at(EMAIL, people::email_taken()));
    }
}
