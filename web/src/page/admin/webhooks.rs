//! The site's webhooks.

use dioxus::prelude::*;
use weir_protocol::{CreatedWebhook, Page, Webhook};

use super::webhook_form::{Fields, WebhookForm};
use crate::{
    api,
    app::Route,
    page::people::cursor::page_of,
    texts::admin,
    ui::{CopyField, Dialog, Empty, More, use_paged},
};

/// The list's address; without `site` it is one's own.
pub const ADDRESS: &str = "/api/v1/webhooks";

/// The part.
#[component]
pub fn Webhooks() -> Element {
    let list = use_paged(|cursor| async move {
        api::get(&page_of(&format!("{ADDRESS}?site=true"), cursor))
            .json::<Page<Webhook>>()
            .await
    });
    let mut making = use_signal(|| false);
    let mut made = use_signal(|| None::<CreatedWebhook>);
    rsx! {
        section { class: "panel", "aria-labelledby": "webhooks-title",
            div { class: "admin-head",
                h2 { id: "webhooks-title", class: "panel-title", "{admin::part_webhooks()}" }
                button { class: "action", r#type: "button", onclick: move |_| { made.set(None); making.set(true); }, "{admin::new_webhook()}" }
            }
            p { class: "soft admin-prose", "{admin::webhooks_note()}" }
            if let Some(CreatedWebhook { webhook, secret }) = made() {
                div { class: "stack fresh",
                    p { role: "status", "{webhook.url}" }
                    CopyField { label: admin::secret(), value: secret, secret: true }
                    p { class: "field-hint", "{admin::secret_note()}" }
                }
            }
            ul { class: "lines", role: "list",
                for webhook in list.items.cloned() {
                    li { key: "{webhook.id}", class: "line-item",
                        div { class: "line-text",
                            p { class: "line-title",
                                Link { class: "link", to: Route::AdminWebhook { id: webhook.id.clone() }, "{webhook.url}" }
                            }
                            if !webhook.description.is_empty() { p { "{webhook.description}" } }
                            p { class: "soft", {events(&webhook)} }
                        }
                        State { webhook: webhook.clone() }
                    }
                }
            }
            More { list }
        }
        if list.is_empty() {
            Empty { title: admin::no_webhooks(), text: admin::no_webhooks_text() }
        }
        if making() {
            Dialog { title: admin::new_webhook(), on_close: move |()| making.set(false),
                WebhookForm {
                    fields: Fields::default(), verb: admin::make_webhook(),
                    on_create: move |new| { made.set(Some(new)); making.set(false); list.again(); },
                    on_cancel: move |()| making.set(false),
                }
            }
        }
    }
}

/// Whether anything is delivered, and arrives.
#[component]
pub fn State(webhook: Webhook) -> Element {
    let (class, word) = if !webhook.enabled {
        ("badge badge-waits", admin::webhook_off())
    } else if webhook.failing_since.is_some() {
        ("badge admin-bad", admin::failing())
    } else {
        ("badge admin-good", admin::webhook_on())
    };
    rsx! { span { class, "{word}" } }
}

/// What it is told.
pub fn events(webhook: &Webhook) -> String {
    if webhook.types.is_empty() {
        return admin::all_events().to_owned();
    }
    let words: Vec<_> = webhook.types.iter().map(|kind| kind.as_str()).collect();
    words.join(", ")
}
