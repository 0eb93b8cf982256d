//! Accounts elsewhere that log in to this one.

use dioxus::prelude::*;
use weir_protocol::{LinkedIdentity, LoginProvider};

use super::Panel;
use crate::{
    api,
    texts::people,
    ui::{Confirm, Failure, moment, use_toasts},
};

const ADDRESS: &str = "/api/v1/me/identities";

/// Nothing where the server has no providers and the user no identities.
#[component]
pub fn LinkedPanel() -> Element {
    let toasts = use_toasts();
    let mut linked = use_resource(|| api::get(ADDRESS).json::<Vec<LinkedIdentity>>());
    let providers = use_resource(|| api::get("/api/v1/oidc").json::<Vec<LoginProvider>>());
    let mut asked = use_signal(|| None::<String>);
    let providers = match &*providers.read() {
        Some(Ok(list)) => list.clone(),
        _ => Vec::new(),
    };
    let name = |id: &str| {
        let known = providers.iter().find(|provider| provider.id == id);
        known.map_or_else(|| id.to_owned(), |provider| provider.name.clone())
    };
    let unlink = move |()| {
        let Some(provider) = asked() else { return };
        asked.set(None);
        spawn(async move {
            let address = format!("{ADDRESS}/{}", js_sys::encode_uri_component(&provider));
            let outcome = api::delete(&address).done().await;
            toasts.outcome(&outcome, people::unlinked());
            linked.restart();
        });
    };
    let list = match &*linked.read() {
        None => return rsx! {},
        Some(Err(error)) => {
            return rsx! { Failure { error: error.clone(), on_retry: move |()| linked.restart() } };
        }
        Some(Ok(list)) if list.is_empty() && providers.is_empty() => return rsx! {},
        Some(Ok(list)) => list.clone(),
    };
    rsx! {
        Panel { title: people::linked(), note: people::linked_note(),
            if list.is_empty() { p { "{people::none_linked()}" } }
            ul { class: "lines", role: "list",
                for LinkedIdentity { provider, created_at } in list {
                    li { key: "{provider}", class: "line-item",
                        div { class: "line-text",
                            p { class: "line-title", "{name(&provider)}" }
                            p { class: "soft", "{people::since(moment(created_at))}" }
                        }
                        button { class: "action action-soft", r#type: "button", onclick: move |_| asked.set(Some(provider.clone())), "{people::unlink()}" }
                    }
                }
            }
            if let Some(provider) = asked() {
                Confirm { title: people::unlink_title(name(&provider)), text: people::unlink_text(), action: people::unlink(),
                    on_confirm: unlink, on_close: move |()| asked.set(None) }
            }
        }
    }
}
