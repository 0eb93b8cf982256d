//! Logging in by an account elsewhere.

use dioxus::prelude::*;
use weir_protocol::LoginProvider;

use crate::{api, texts::people};

/// A button for each provider that the server has; nothing where it has none.
#[component]
pub fn Providers(next: String) -> Element {
    let providers = use_resource(|| api::get("/api/v1/oidc").json::<Vec<LoginProvider>>());
    let providers = match &*providers.read() {
        Some(Ok(list)) if !list.is_empty() => list.clone(),
        // Without them one logs in by password.
        _ => return rsx! {},
    };
    let back = js_sys::encode_uri_component(&next);
    rsx! {
        p { class: "entry-or", "{people::or()}" }
        div { class: "entry-providers",
            for provider in providers {
                a { key: "{provider.id}", class: "action action-soft", href: "{provider.login_url}?return_to={back}",
                    "{people::log_in_by(&provider.name)}"
                }
            }
        }
    }
}
