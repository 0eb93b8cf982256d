//! A password, which its owner may look at while typing.

use dioxus::prelude::*;

use crate::{texts::people, ui::TextField};

/// As long as the server takes, in bytes; nobody types that much.
const MAXLENGTH: u32 = 1024;

/// `autocomplete` is `current-password` or `new-password`.
#[component]
pub fn PasswordField(
    label: String,
    value: Signal<String>,
    autocomplete: &'static str,
    #[props(default)] hint: String,
    #[props(default)] error: String,
    #[props(default)] autofocus: bool,
) -> Element {
    let mut shown = use_signal(|| false);
    let kind = if shown() { "text" } else { "password" };
    rsx! {
        div { class: "password",
            TextField {
                label, value, hint, error, autofocus, autocomplete, kind, required: true, maxlength: MAXLENGTH,
            }
            button { class: "password-show", r#type: "button", "aria-pressed": "{shown}", onclick: move |_| shown.toggle(),
                "{people::show_password()}"
            }
        }
    }
}
