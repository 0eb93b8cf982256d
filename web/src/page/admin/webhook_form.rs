//! What a webhook is: its address, and what it is told.

use dioxus::prelude::*;
use weir_protocol::{CreateWebhook, CreatedWebhook, EditWebhook, Webhook, WebhookEventType};

use super::webhooks::ADDRESS;
use crate::{
    api::{self, ApiError},
    page::people::form::{FormBody, Wrong, use_form},
    texts::{admin, frame},
    ui::{Submit, TextField, Tick},
};

const URL: &str = "url";

/// What the form begins with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields {
    /// The webhook that is changed, with its tag; `None` makes a new one.
    pub of: Option<(Webhook, Option<String>)>,
}

/// Makes or changes a webhook of the site.
#[component]
pub fn WebhookForm(
    fields: Fields,
    /// What its button says.
    verb: String,
    #[props(default)] on_create: EventHandler<CreatedWebhook>,
    #[props(default)] on_edit: EventHandler<()>,
    #[props(default)] on_cancel: Option<EventHandler<()>>,
) -> Element {
    let form = use_form();
    let known = fields.of.as_ref().map(|(webhook, _)| webhook.clone());
    let is_new = known.is_none();
    let url = use_signal(|| known.as_ref().map_or_else(String::new, |it| it.url.clone()));
    let description = use_signal(|| {
        let text = known.as_ref().map(|it| it.description.clone());
        text.unwrap_or_default()
    });
    let ticks: Vec<(WebhookEventType, Signal<bool>)> = use_hook(|| {
        let chosen = known.map(|it| it.types).unwrap_or_default();
        // Tests are sent by a button, whatever is chosen.
        let all = WebhookEventType::ALL.iter().copied();
        all.filter(|kind| *kind != WebhookEventType::Test)
            .map(|kind| (kind, Signal::new(chosen.contains(&kind))))
            .collect()
    });
    let shown = ticks.clone();
    let submit = move |()| {
        form.require(URL, &url.peek());
        let chosen = ticks.iter().filter(|(_, ticked)| *ticked.peek());
        let types: Vec<_> = chosen.map(|(kind, _)| *kind).collect();
        let (url, description) = (url.peek().trim().to_owned(), description.peek().clone());
        let of = fields.of.clone();
        form.send(async move {
            match of {
                None => {
                    let new = CreateWebhook {
                        url,
                        types,
                        stream: None,
                        description,
                        site: true,
                    };
                    let made = api::post(ADDRESS).body(&new).json().await;
                    on_create.call(made.map_err(at_url)?);
                }
                Some((webhook, tag)) => {
                    let edit = EditWebhook {
                        url: Some(url),
                        types: Some(types),
                        description: Some(description),
                        enabled: None,
                    };
                    let asked = api::patch(&format!("{ADDRESS}/{}", webhook.id));
                    let asked = asked.if_match(tag.as_deref()).body(&edit);
                    asked.done().await.map_err(at_url)?;
                    on_edit.call(());
                }
            }
            Ok(())
        });
    };
    rsx! {
        FormBody { form, on_submit: submit,
            TextField { label: admin::url(), hint: admin::url_hint(), value: url, error: form.error(URL), kind: "url", required: true,
                maxlength: 2048, autofocus: is_new, placeholder: "https://example.org/hooks" }
            TextField { label: admin::description(), value: description, optional: true, maxlength: 200 }
            fieldset { class: "scopes admin-events", "aria-describedby": "events-hint",
                legend { class: "field-label", "{admin::events()}" }
                p { id: "events-hint", class: "field-hint", "{admin::events_hint()}" }
                for (kind, ticked) in shown {
                    Tick { key: "{kind.as_str()}", label: kind.as_str(), value: ticked }
                }
            }
            div { class: "actions",
                Submit { label: verb, busy: form.busy() }
                if let Some(on_cancel) = on_cancel {
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_cancel.call(()), "{frame::cancel()}" }
                }
            }
        }
    }
}

/// What the server refuses here is nearly always the address.
fn at_url(error: ApiError) -> Wrong {
    match error.status() {
        Some(400) => Wrong::at(URL, error.text()),
        _ => error.into(),
    }
}
