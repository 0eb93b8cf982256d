//! Another e-mail address.

use dioxus::prelude::*;
use weir_protocol::ChangeEmail;

use super::Panel;
use crate::{
    api,
    page::people::{
        form::{FormBody, Wrong, use_form},
        password_field::PasswordField,
    },
    texts::people,
    ui::{Submit, TextField},
};

const EMAIL: &str = "email";
const PASSWORD: &str = "password";

/// The panel. Which address there is now, the server tells nobody.
#[component]
pub fn EmailPanel() -> Element {
    let form = use_form();
    let mut email = use_signal(String::new);
    let mut password = use_signal(String::new);
    let mut sent = use_signal(|| None::<String>);
    let submit = move |()| {
        form.require_address(EMAIL, &email.peek());
        form.require(PASSWORD, &password.peek());
        let request = ChangeEmail {
            email: email.peek().trim().to_owned(),
            password: password.peek().clone(),
        };
        form.send(async move {
            let asked = api::post("/api/v1/me/email").body(&request);
            let outcome = asked.done().await;
            outcome.map_err(|error| match error.status() {
                Some(400) => Wrong::at(EMAIL, people::email_bad()),
                _ => Wrong::of_password(PASSWORD)(error),
            })?;
            sent.set(Some(request.email));
            email.set(String::new());
            password.set(String::new());
            Ok(())
        });
    };
    rsx! {
        Panel { title: people::email(), note: people::email_note(),
            FormBody { form, on_submit: submit,
                TextField { label: people::new_email(), value: email, error: form.error(EMAIL), kind: "email", autocomplete: "email", required: true, maxlength: 254 }
                PasswordField { label: people::current_password(), value: password, error: form.error(PASSWORD), autocomplete: "current-password" }
                div { role: "status",
                    if let Some(address) = sent() { p { "{people::letter_sent(&address)}" } }
                }
                Submit { label: people::change_email(), busy: form.busy() }
            }
        }
    }
}
