//! Codes of an authenticator beside the password.

use dioxus::prelude::*;
use weir_protocol::{PasswordAgain, RecoveryCodes, TotpBegun, TotpCode, TotpState};

use super::{Panel, qr::Qr, recovery_codes::Codes};
use crate::{
    api,
    page::people::{
        form::{FormBody, Wrong, use_form},
        password_field::PasswordField,
    },
    texts::{frame, people},
    ui::{CopyField, Dialog, Failure, Skeleton, Submit, TextField, use_toasts},
};

const ADDRESS: &str = "/api/v1/me/totp";
const CODE: &str = "code";
const PASSWORD: &str = "password";

/// What is done with the password that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Begin,
    NewCodes,
    Remove,
}

/// The panel.
#[component]
pub fn SecondFactorPanel() -> Element {
    let toasts = use_toasts();
    let mut state = use_resource(|| api::get(ADDRESS).json::<TotpState>());
    let mut wish = use_signal(|| None::<Wish>);
    let mut begun = use_signal(|| None::<TotpBegun>);
    let mut codes = use_signal(Vec::<String>::new);
    let granted = move |outcome: Granted| {
        wish.set(None);
        match outcome {
            Granted::Begun(new) => begun.set(Some(new)),
            Granted::Codes(new) => codes.set(new.recovery_codes),
            Granted::Removed => toasts.say(people::factor_removed()),
        }
        state.restart();
    };
    let content = if !codes.read().is_empty() {
        rsx! { Codes { codes: codes(), on_done: move |()| codes.set(Vec::new()) } }
    } else if let Some(TotpBegun { secret, uri }) = begun() {
        rsx! {
            SetUp { secret, uri, on_cancel: move |()| begun.set(None),
                on_done: move |new| { begun.set(None); codes.set(new); state.restart(); } }
        }
    } else {
        match &*state.read() {
            None => rsx! { Skeleton { lines: 2 } },
            Some(Err(error)) => {
                rsx! { Failure { error: error.clone(), on_retry: move |()| state.restart() } }
            }
            Some(Ok(TotpState { enabled: false, .. })) => rsx! {
                p { "{people::factor_off()}" }
                div { class: "actions",
                    button { class: "action", r#type: "button", onclick: move |_| wish.set(Some(Wish::Begin)), "{people::factor_begin()}" }
                }
            },
            Some(Ok(TotpState {
                recovery_codes_left,
                ..
            })) => rsx! {
                p { "{people::factor_on(u64::from(*recovery_codes_left))}" }
                div { class: "actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| wish.set(Some(Wish::NewCodes)), "{people::new_codes()}" }
                    button { class: "action action-soft", r#type: "button", onclick: move |_| wish.set(Some(Wish::Remove)), "{people::factor_remove()}" }
                }
            },
        }
    };
    rsx! {
        Panel { title: people::part_second_factor(), note: people::factor_note(),
            {content}
            if let Some(wish_now) = wish() {
                AskPassword { wish: wish_now, on_granted: granted, on_close: move |()| wish.set(None) }
            }
        }
    }
}

/// What came of it.
enum Granted {
    Begun(TotpBegun),
    Codes(RecoveryCodes),
    Removed,
}

#[component]
fn AskPassword(
    wish: Wish,
    on_granted: EventHandler<Granted>,
    on_close: EventHandler<()>,
) -> Element {
    let form = use_form();
    let password = use_signal(String::new);
    let (title, text, action) = match wish {
        Wish::Begin => (
            people::factor_begin(),
            people::password_first(),
            people::go_on(),
        ),
        Wish::NewCodes => (
            people::new_codes(),
            people::new_codes_text(),
            people::new_codes(),
        ),
        Wish::Remove => (
            people::factor_remove(),
            people::factor_remove_text(),
            people::factor_remove(),
        ),
    };
    let submit = move |()| {
        form.require(PASSWORD, &password.peek());
        let request = PasswordAgain {
            password: password.peek().clone(),
        };
        form.send(async move {
            let ask = |path: &str| api::post(&format!("{ADDRESS}{path}")).body(&request);
            let granted = match wish {
                Wish::Begin => ask("").json().await.map(Granted::Begun),
                Wish::NewCodes => ask("/recovery-codes").json().await.map(Granted::Codes),
                Wish::Remove => ask("/removal").done().await.map(|()| Granted::Removed),
            };
            on_granted.call(granted.map_err(Wrong::of_password(PASSWORD))?);
            Ok(())
        });
    };
    rsx! {
        Dialog { title, on_close,
            p { "{text}" }
            FormBody { form, on_submit: submit,
                PasswordField { label: people::current_password(), value: password, error: form.error(PASSWORD), autocomplete: "current-password", autofocus: true }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: action, busy: form.busy() }
                }
            }
        }
    }
}

#[component]
fn SetUp(
    secret: String,
    uri: String,
    on_done: EventHandler<Vec<String>>,
    on_cancel: EventHandler<()>,
) -> Element {
    let form = use_form();
    let code = use_signal(String::new);
    let submit = move |()| {
        form.require(CODE, &code.peek());
        let request = TotpCode {
            code: code.peek().trim().to_owned(),
        };
        form.send(async move {
            let asked = api::post(&format!("{ADDRESS}/confirm")).body(&request);
            let codes: RecoveryCodes = asked.json().await.map_err(|error| {
                if error.is_forbidden() {
                    Wrong::at(CODE, people::wrong_code_clock())
                } else {
                    error.into()
                }
            })?;
            on_done.call(codes.recovery_codes);
            Ok(())
        });
    };
    rsx! {
        div { class: "set-up",
            Qr { text: uri.clone(), label: people::qr_label() }
            div { class: "stack",
                p { "{people::set_up_note()}" }
                a { class: "link", href: "{uri}", "{people::open_authenticator()}" }
                CopyField { label: people::secret(), value: secret }
            }
        }
        FormBody { form, on_submit: submit,
            TextField { label: people::code(), hint: people::set_up_code_hint(), value: code, error: form.error(CODE), autocomplete: "one-time-code", inputmode: "numeric", required: true, maxlength: 32 }
            div { class: "actions",
                Submit { label: people::factor_confirm(), busy: form.busy() }
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_cancel.call(()), "{frame::cancel()}" }
            }
        }
    }
}
