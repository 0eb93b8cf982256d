//! Another password.

use dioxus::prelude::*;
use weir_protocol::ChangePassword;

use super::Panel;
use crate::{
    api,
    app::Route,
    page::people::{
        form::{FormBody, Wrong, use_form},
        password_field::PasswordField,
    },
    texts::people,
    ui::{Submit, use_toasts},
};

const CURRENT: &str = "current";
const NEW: &str = "new";

/// The panel.
#[component]
pub fn PasswordPanel() -> Element {
    let toasts = use_toasts();
    let form = use_form();
    let mut current = use_signal(String::new);
    let mut new = use_signal(String::new);
    let submit = move |()| {
        form.require(CURRENT, &current.peek());
        form.require_password(NEW, &new.peek());
        let request = ChangePassword {
            current: current.peek().clone(),
            new: new.peek().clone(),
        };
        form.send(async move {
            let asked = api::post("/api/v1/me/password").body(&request);
            asked.done().await.map_err(Wrong::of_password(CURRENT))?;
            current.set(String::new());
            new.set(String::new());
            toasts.say(people::password_changed());
            Ok(())
        });
    };
    rsx! {
        Panel { title: people::password(), note: people::password_note(),
            FormBody { form, on_submit: submit,
                PasswordField { label: people::current_password(), value: current, error: form.error(CURRENT), autocomplete: "current-password" }
                PasswordField { label: people::new_password(), hint: people::password_hint(), value: new, error: form.error(NEW), autocomplete: "new-password" }
                div { class: "actions entry-actions",
                    Submit { label: people::change_password(), busy: form.busy() }
                    Link { class: "link", to: Route::Forgot {}, "{people::forgot()}" }
                }
            }
        }
    }
}
