//! What was delivered to a webhook, and what was not.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{Page, WebhookDelivery, WebhookDeliveryDetail, WebhookDeliveryState};

use crate::{
    api,
    page::{later::parameter, people::cursor::page_of},
    texts::admin,
    ui::{Choice, Dialog, Empty, Failure, More, Skeleton, moment, use_paged, use_toasts},
};

/// How often the log is asked for. Milliseconds.
const REFRESH_MS: u32 = 5_000;

/// The log. `at` is the webhook's address, `sent` counts what was sent from this page.
#[component]
pub fn Deliveries(at: String, sent: Signal<u32>) -> Element {
    let state = use_signal(String::new);
    let options = [
        ("", admin::any_delivery()),
        ("waiting", admin::delivery_waiting()),
        ("delivered", admin::delivery_delivered()),
        ("failed", admin::delivery_failed()),
        ("skipped", admin::delivery_skipped()),
    ]
    .map(|(word, name)| (word.to_owned(), name.to_owned()));
    rsx! {
        section { class: "panel", "aria-labelledby": "deliveries-title",
            div { class: "admin-head",
                h2 { id: "deliveries-title", class: "panel-title", "{admin::deliveries()}" }
                div { class: "admin-head-field", Choice { label: admin::show_which(), value: state, options: options.to_vec() } }
            }
            for which in [state()] { List { key: "{which}", at: at.clone(), which: which.clone(), sent } }
        }
    }
}

#[component]
fn List(at: String, which: String, mut sent: Signal<u32>) -> Element {
    let toasts = use_toasts();
    let address = format!("{at}/deliveries?limit=20{}", parameter("state", &which));
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move { api::get(&address).json::<Page<WebhookDelivery>>().await }
    });
    let mut looked_at = use_signal(|| None::<String>);
    use_future(move || async move {
        loop {
            TimeoutFuture::new(REFRESH_MS).await;
            if list.is_whole() {
                list.again();
            }
        }
    });
    use_effect(move || {
        if sent() > 0 {
            list.again();
        }
    });
    let for_replays = at.clone();
    let replay = move |id: String| {
        let ask = api::post(&format!("{for_replays}/deliveries/{id}/replays"));
        spawn(async move {
            toasts.outcome(&ask.done().await, admin::replayed());
            *sent.write() += 1;
        });
    };
    if list.is_empty() {
        return rsx! { Empty { title: admin::no_deliveries(), text: admin::no_deliveries_text() } };
    }
    rsx! {
        ul { class: "lines", role: "list",
            for delivery in list.items.cloned() {
                li { key: "{delivery.id}", class: "line-item",
                    div { class: "line-text",
                        p { class: "line-title", code { class: "admin-kind", "{delivery.kind}" } }
                        p { class: "soft admin-facts",
                            span { class: badge(delivery.state), "{state_name(delivery.state)}" }
                            span { "{moment(delivery.created_at)}" }
                            span { "{admin::tries(u64::from(delivery.attempts))}" }
                            if let Some(status) = delivery.status { span { "{admin::status(status)}" } }
                        }
                        if let Some(error) = &delivery.error { p { class: "field-error", "{error}" } }
                    }
                    div { class: "actions",
                        button { class: "action action-soft", r#type: "button", "aria-label": admin::look_at(&delivery.kind),
                            onclick: { let id = delivery.id.clone(); move |_| looked_at.set(Some(id.clone())) }, "{admin::details()}" }
                        if delivery.state != WebhookDeliveryState::Waiting {
                            button { class: "action action-soft", r#type: "button", "aria-label": admin::replay_this(&delivery.kind),
                                onclick: { let id = delivery.id.clone(); let replay = replay.clone(); move |_| replay(id.clone()) }, "{admin::replay()}" }
                        }
                    }
                }
            }
        }
        More { list }
        if let Some(id) = looked_at() {
            Detail { address: format!("{at}/deliveries/{id}"), on_close: move |()| looked_at.set(None) }
        }
    }
}

/// What was sent, and every try.
#[component]
fn Detail(address: String, on_close: EventHandler<()>) -> Element {
    let mut detail = use_resource(move || {
        let ask = api::get(&address);
        async move { ask.json::<WebhookDeliveryDetail>().await }
    });
    rsx! {
        Dialog { title: admin::details(), on_close, wide: true,
            match &*detail.read() {
                None => rsx! { Skeleton {} },
                Some(Err(error)) => rsx! { Failure { error: error.clone(), on_retry: move |()| detail.restart() } },
                Some(Ok(detail)) => rsx! {
                    h3 { "{admin::body()}" }
                    pre { class: "admin-code", tabindex: "0", "{detail.body}" }
                    ul { class: "lines", role: "list",
                        for (n, one) in detail.tries.iter().enumerate() {
                            li { key: "{n}", class: "line-item",
                                div { class: "line-text",
                                    p { class: "soft admin-facts",
                                        span { "{moment(one.at)}" }
                                        if let Some(status) = one.status { span { "{admin::status(status)}" } }
                                        span { "{admin::milliseconds(one.duration_ms)}" }
                                    }
                                    if let Some(error) = &one.error { p { class: "field-error", "{error}" } }
                                    if let Some(answer) = one.response.as_ref().filter(|it| !it.is_empty()) {
                                        p { class: "soft", "{admin::answer()}" }
                                        pre { class: "admin-code", tabindex: "0", "{answer}" }
                                    }
                                }
                            }
                        }
                    }
                },
            }
        }
    }
}

fn state_name(state: WebhookDeliveryState) -> &'static str {
    match state {
        WebhookDeliveryState::Waiting => admin::delivery_waiting(),
        WebhookDeliveryState::Delivered => admin::delivery_delivered(),
        WebhookDeliveryState::Failed => admin::delivery_failed(),
        WebhookDeliveryState::Skipped => admin::delivery_skipped(),
    }
}

fn badge(state: WebhookDeliveryState) -> &'static str {
    match state {
        WebhookDeliveryState::Delivered => "badge admin-good",
        WebhookDeliveryState::Failed => "badge admin-bad",
        WebhookDeliveryState::Waiting | WebhookDeliveryState::Skipped => "badge",
    }
}
