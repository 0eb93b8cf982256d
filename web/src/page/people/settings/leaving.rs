//! Taking one's data along, and leaving.

use dioxus::{core::spawn_forever, prelude::*};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlElement, Url};
use weir_protocol::DeleteAccount;

use super::Panel;
use crate::{
    api,
    app::Route,
    dom,
    page::people::{
        form::{FormBody, Wrong, use_form},
        password_field::PasswordField,
    },
    session::use_session,
    texts::{frame, people},
    ui::{Dialog, Submit, TextField, use_toasts},
};

const NAME: &str = "name";
const PASSWORD: &str = "password";

/// Within this the browser has taken a file over. Milliseconds.
const TAKEN_MS: u32 = 60_000;

/// All that the server knows, as a file.
#[component]
pub fn ExportPanel() -> Element {
    let toasts = use_toasts();
    let mut busy = use_signal(|| false);
    let download = move |_| async move {
        if busy() {
            return;
        }
        busy.set(true);
        match api::get("/api/v1/me/export").text().await {
            Ok(text) if save("weir-account.json", "application/json", &text) => {}
            Ok(_) => toasts.fail(people::not_saved()),
            Err(error) => toasts.fail(error.text()),
        }
        busy.set(false);
    };
    rsx! {
        Panel { title: people::export(), note: people::export_note(),
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", "aria-busy": "{busy}", onclick: download, "{people::download()}" }
            }
        }
    }
}

/// The way out.
#[component]
pub fn DeletePanel() -> Element {
    let mut asked = use_signal(|| false);
    rsx! {
        Panel { title: people::delete_account(), note: people::delete_note(),
            div { class: "actions",
                button { class: "action action-danger", r#type: "button", onclick: move |_| asked.set(true), "{people::delete_account()}" }
            }
            if asked() {
                DeleteDialog { on_close: move |()| asked.set(false) }
            }
        }
    }
}

#[component]
fn DeleteDialog(on_close: EventHandler<()>) -> Element {
    let session = use_session();
    let toasts = use_toasts();
    let form = use_form();
    let own = session.user().map(|me| me.name).unwrap_or_default();
    let expected = own.clone();
    let name = use_signal(String::new);
    let password = use_signal(String::new);
    let submit = move |()| {
        if !name.peek().trim().eq_ignore_ascii_case(&expected) {
            form.refuse(Wrong::at(NAME, people::type_name(&expected)));
        }
        form.require(PASSWORD, &password.peek());
        let request = DeleteAccount {
            password: password.peek().clone(),
        };
        form.send(async move {
            let asked = api::delete("/api/v1/me").body(&request);
            let outcome = asked.done().await;
            outcome.map_err(|error| match error.status() {
                Some(409) => Wrong::whole(people::last_admin()),
                _ => Wrong::of_password(PASSWORD)(error),
            })?;
            toasts.say(people::account_deleted());
            let navigator = navigator();
            // This dialog goes with the session, whose cookies must go before the next page.
            spawn_forever(async move {
                session.ask().await;
                navigator.replace(Route::Home {});
            });
            Ok(())
        });
    };
    rsx! {
        Dialog { title: people::delete_account(), on_close,
            p { "{people::delete_text()}" }
            FormBody { form, on_submit: submit,
                TextField { label: people::type_name(&own), value: name, error: form.error(NAME), required: true, maxlength: 64, autofocus: true }
                PasswordField { label: people::current_password(), value: password, error: form.error(PASSWORD), autocomplete: "current-password" }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: people::delete_account(), busy: form.busy() }
                }
            }
        }
    }
}

/// Hands the text to the browser as a file; whether that worked.
pub fn save(name: &str, media_type: &str, text: &str) -> bool {
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = js_sys::Array::of1(&text.into());
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options);
    let Some(address) = blob
        .ok()
        .and_then(|it| Url::create_object_url_with_blob(&it).ok())
    else {
        return false;
    };
    let link = dom::document().create_element("a").ok();
    let clicked = link.and_then(|link| {
        link.set_attribute("href", &address).ok()?;
        link.set_attribute("download", name).ok()?;
        link.dyn_into::<HtmlElement>().ok()
    });
    let found = clicked.is_some();
    if let Some(link) = clicked {
        link.click();
    }
    spawn_local(async move {
        TimeoutFuture::new(TAKEN_MS).await;
        let _ = Url::revoke_object_url(&address);
    });
    found
}
