//! One webhook: its state, its settings, its log.

use dioxus::{core::spawn_forever, prelude::*};
use weir_protocol::{
    EditWebhook, Webhook, WebhookDeliveryDetail, WebhookDeliveryState, WebhookSecret,
};

use super::{
    Part,
    deliveries::Deliveries,
    webhook_form::{Fields, WebhookForm},
    webhooks::{ADDRESS, State},
};
use crate::{
    api::{self, Answer, ApiError},
    icon,
    texts::{admin, frame},
    ui::{Confirm, CopyField, Failure, Skeleton, Switch, ago, use_toasts},
};

/// The page.
#[component]
pub fn WebhookPage(id: String) -> Element {
    let toasts = use_toasts();
    let at = format!("{ADDRESS}/{id}");
    // Counts what was sent from here: the log shows it at once.
    let sent = use_signal(|| 0_u32);
    let mut webhook = use_resource({
        let at = at.clone();
        move || {
            let ask = api::get(&at);
            async move { ask.tagged::<Webhook>().await.map(Known::from) }
        }
    });
    let known = match &*webhook.read() {
        None => None,
        Some(Err(error)) => {
            return rsx! {
                Back {}
                Failure { error: error.clone(), on_retry: move |()| webhook.restart() }
            };
        }
        Some(Ok(known)) => Some(known.clone()),
    };
    let Some(Known { webhook: it, tag }) = known else {
        return rsx! { Back {} Skeleton { lines: 6 } };
    };
    rsx! {
        Back {}
        Head { webhook: it.clone(), tag: tag.clone(), at: at.clone(), sent, on_change: move |()| webhook.restart() }
        section { class: "panel", "aria-labelledby": "edit-title",
            h2 { id: "edit-title", class: "panel-title", "{admin::webhook_edit()}" }
            WebhookForm { fields: Fields { of: Some((it.clone(), tag.clone())) }, verb: frame::save(),
                on_edit: move |()| { toasts.say(frame::saved()); webhook.restart(); } }
        }
        Deliveries { at, sent }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    webhook: Webhook,
    tag: Option<String>,
}

impl From<Answer<Webhook>> for Known {
    fn from(answer: Answer<Webhook>) -> Self {
        Self {
            webhook: answer.value,
            tag: answer.tag,
        }
    }
}

#[component]
fn Back() -> Element {
    rsx! {
        Link { class: "link admin-back", to: Part::Webhooks.route(), icon::Back {} "{admin::back_to_webhooks()}" }
    }
}

/// What it is, and what one does with it as a whole.
#[component]
fn Head(
    webhook: Webhook,
    tag: Option<String>,
    at: String,
    mut sent: Signal<u32>,
    on_change: EventHandler<()>,
) -> Element {
    let toasts = use_toasts();
    let mut secret = use_signal(|| None::<WebhookSecret>);
    let mut asked = use_signal(|| None::<Act>);
    let mut testing = use_signal(|| false);
    let switch = {
        let at = at.clone();
        move |enabled: bool| {
            let edit = EditWebhook {
                enabled: Some(enabled),
                ..EditWebhook::default()
            };
            let ask = api::patch(&at).if_match(tag.as_deref()).body(&edit);
            async move {
                toasts.outcome(&ask.done().await, frame::saved());
                on_change.call(());
            }
        }
    };
    let test = {
        let at = at.clone();
        move |_| {
            let ask = api::post(&format!("{at}/tests"));
            async move {
                if testing() {
                    return;
                }
                testing.set(true);
                match ask.json::<WebhookDeliveryDetail>().await {
                    Ok(found) => match told(&found) {
                        Ok(text) => toasts.say(text),
                        Err(text) => toasts.fail(text),
                    },
                    Err(error) => toasts.fail(error.text()),
                }
                testing.set(false);
                *sent.write() += 1;
            }
        }
    };
    let confirmed = move |()| {
        let (act, at) = (asked(), at.clone());
        asked.set(None);
        let navigator = navigator();
        spawn(async move {
            match act {
                Some(Act::Rotate) => match api::post(&format!("{at}/secret")).json().await {
                    Ok(new) => secret.set(Some(new)),
                    Err(error) => toasts.fail(error.text()),
                },
                Some(Act::Delete) => {
                    let outcome: Result<(), ApiError> = api::delete(&at).done().await;
                    toasts.outcome(&outcome, admin::webhook_deleted());
                    if outcome.is_ok() {
                        // This page goes with the webhook.
                        spawn_forever(async move {
                            navigator.replace(Part::Webhooks.route());
                        });
                    }
                }
                None => {}
            }
        });
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "webhook-title",
            div { class: "admin-head",
                h2 { id: "webhook-title", class: "panel-title admin-url", "{webhook.url}" }
                State { webhook: webhook.clone() }
            }
            if !webhook.description.is_empty() { p { "{webhook.description}" } }
            if let Some(since) = webhook.failing_since { p { class: "field-error", "{admin::failing_since(ago(since))}" } }
            if let Some(why) = &webhook.disabled_why { p { class: "field-error", "{admin::switched_off_why(why)}" } }
            Switch { label: admin::enabled(), hint: admin::enabled_hint(), on: webhook.enabled, on_change: switch }
            if let Some(new) = secret() {
                div { class: "stack fresh",
                    CopyField { label: admin::secret(), value: new.secret, secret: true }
                    p { class: "field-hint", role: "status", "{admin::secret_note()}" }
                }
            }
            div { class: "actions",
                button { class: "action", r#type: "button", "aria-busy": "{testing}", onclick: test, "{admin::send_test()}" }
                button { class: "action action-soft", r#type: "button", onclick: move |_| asked.set(Some(Act::Rotate)), "{admin::rotate()}" }
                button { class: "action action-soft admin-danger", r#type: "button", onclick: move |_| asked.set(Some(Act::Delete)), "{admin::delete_webhook()}" }
            }
            match asked() {
                Some(Act::Rotate) => rsx! {
                    Confirm { title: admin::rotate_title(), text: admin::rotate_text(), action: admin::rotate(), on_confirm: confirmed, on_close: move |()| asked.set(None) }
                },
                Some(Act::Delete) => rsx! {
                    Confirm { title: admin::delete_webhook(), text: admin::delete_webhook_text(), action: frame::delete(), on_confirm: confirmed, on_close: move |()| asked.set(None) }
                },
                None => rsx! {},
            }
        }
    }
}

/// What is asked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Rotate,
    Delete,
}

/// What came of a test; an error when it did not arrive.
fn told(found: &WebhookDeliveryDetail) -> Result<String, String> {
    let delivery = &found.delivery;
    let status = delivery.status.unwrap_or_default();
    if delivery.state == WebhookDeliveryState::Delivered {
        let ms = delivery.duration_ms.unwrap_or_default();
        return Ok(admin::test_arrived(ms, status));
    }
    let why = delivery.error.clone();
    Err(admin::test_failed(
        why.unwrap_or_else(|| admin::status(status)),
    ))
}
