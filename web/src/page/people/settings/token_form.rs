//! Making a token: what it is called, what it may be used for, and how long.

use dioxus::prelude::*;
use weir_protocol::{CreateApiToken, CreatedApiToken, Scope};

use super::tokens::ADDRESS;
use crate::{
    api,
    page::people::form::{FormBody, Wrong, use_form},
    session::use_session,
    texts::{frame, people},
    ui::{Choice, Submit, TextField, Tick},
};

const NAME: &str = "name";
const SCOPES: &str = "scopes";

/// Days that a token may last; none: it does not end.
const LIFETIMES: [Option<u32>; 4] = [Some(30), Some(90), Some(365), None];
const DAY_MS: f64 = 24.0 * 60.0 * 60.0 * 1_000.0;

/// The form.
#[component]
pub fn TokenForm(on_made: EventHandler<CreatedApiToken>, on_cancel: EventHandler<()>) -> Element {
    let form = use_form();
    let name = use_signal(String::new);
    let lifetime = use_signal(|| "90".to_owned());
    let admin = use_session().is_admin();
    let ticks: Vec<(Scope, Signal<bool>)> = use_hook(|| {
        let all = Scope::ALL.into_iter();
        // The account itself is never given to a program.
        all.filter(|scope| *scope != Scope::Account && (admin || *scope != Scope::Admin))
            .map(|scope| (scope, Signal::new(false)))
            .collect()
    });
    let shown = ticks.clone();
    let submit = move |()| {
        form.require(NAME, &name.peek());
        let chosen = ticks.iter().filter(|(_, ticked)| *ticked.peek());
        let scopes: Vec<Scope> = chosen.map(|(scope, _)| *scope).collect();
        if scopes.is_empty() {
            form.refuse(Wrong::at(SCOPES, people::scope_needed()));
        }
        let days = lifetime.peek().parse::<u32>().ok();
        let request = CreateApiToken {
            name: name.peek().trim().to_owned(),
            scopes,
            expires_at: days.map(|days| (js_sys::Date::now() + f64::from(days) * DAY_MS) as i64),
        };
        form.send(async move {
            let made: CreatedApiToken = api::post(ADDRESS).body(&request).json().await?;
            on_made.call(made);
            Ok(())
        });
    };
    let lifetimes = LIFETIMES.map(|days| match days {
        Some(days) => (days.to_string(), people::days(days.into())),
        None => ("never".to_owned(), people::no_end().to_owned()),
    });
    let missing = form.error(SCOPES);
    rsx! {
        FormBody { form, on_submit: submit,
            TextField { label: people::token_name(), hint: people::token_name_hint(), value: name, error: form.error(NAME), required: true, maxlength: 100, autofocus: true }
            fieldset { class: "scopes", tabindex: "-1", "data-invalid": if missing.is_empty() { "false" } else { "true" }, "aria-describedby": "scopes-error",
                legend { class: "field-label", "{people::scopes()}" }
                for (scope, ticked) in shown {
                    Tick { key: "{scope.as_str()}", label: scope_name(scope), value: ticked }
                }
                p { id: "scopes-error", class: "field-error", role: "alert", "{missing}" }
            }
            Choice { label: people::lifetime(), value: lifetime, options: lifetimes.to_vec() }
            div { class: "actions",
                Submit { label: people::make_token(), busy: form.busy() }
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_cancel.call(()), "{frame::cancel()}" }
            }
        }
    }
}

/// For people.
pub fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Account => people::scope_account(),
        Scope::Profile => people::scope_profile(),
        Scope::StreamsRead => people::scope_streams_read(),
        Scope::StreamsWrite => people::scope_streams_write(),
        Scope::Rooms => people::scope_rooms(),
        Scope::Events => people::scope_events(),
        Scope::Insight => people::scope_insight(),
        Scope::Webhooks => people::scope_webhooks(),
        Scope::Admin => people::scope_admin(),
    }
}
