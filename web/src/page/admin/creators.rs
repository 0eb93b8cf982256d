//! Who asks to stream, and the answer.

use dioxus::prelude::*;
use weir_protocol::{CreatorApplicationItem, DecideApplication, Page};

use crate::{
    api::{self, ApiError},
    app::Route,
    page::{later::parameter, people::cursor::page_of},
    texts::{admin, frame},
    ui::{
        Avatar, Choice, Dialog, Empty, More, Paged, Submit, TextArea, ago, use_paged, use_toasts,
    },
};

const ADDRESS: &str = "/api/v1/admin/creator-applications";

/// The part.
#[component]
pub fn Creators() -> Element {
    let state = use_signal(|| "pending".to_owned());
    let options = [
        ("pending", admin::pending()),
        ("approved", admin::approved_ones()),
        ("rejected", admin::refused_ones()),
    ]
    .map(|(word, name)| (word.to_owned(), name.to_owned()));
    rsx! {
        div { class: "panel admin-filters",
            Choice { label: admin::show_which(), value: state, options: options.to_vec(), hint: admin::creators_note() }
        }
        for which in [state()] { List { key: "{which}", which: which.clone() } }
    }
}

#[component]
fn List(which: String) -> Element {
    let address = format!("{ADDRESS}?limit=50{}", parameter("state", &which));
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move {
            api::get(&address)
                .json::<Page<CreatorApplicationItem>>()
                .await
        }
    });
    let mut refused = use_signal(|| None::<String>);
    if list.is_empty() {
        return rsx! { Empty { title: admin::no_applications(), text: admin::no_applications_text() } };
    }
    rsx! {
        ul { class: "lines panel admin-lines", role: "list",
            for item in list.items.cloned() {
                li { key: "{item.name}", class: "line-item",
                    Avatar { name: item.name.clone() }
                    div { class: "line-text",
                        p { class: "line-title",
                            Link { class: "link", to: Route::AdminUser { name: item.name.clone() }, "{item.name}" }
                            span { class: "soft", " {admin::asked(ago(item.created_at))}" }
                        }
                        blockquote { class: "quote", "{item.text}" }
                        if let Some(reason) = &item.reason { p { class: "soft", "{reason}" } }
                    }
                    if item.state == "pending" {
                        Decision { name: item.name.clone(), list, on_refuse: move |name| refused.set(Some(name)) }
                    }
                }
            }
        }
        More { list }
        if let Some(name) = refused() {
            Refusal { name, list, on_close: move |()| refused.set(None) }
        }
    }
}

#[component]
fn Decision(
    name: String,
    list: Paged<CreatorApplicationItem>,
    on_refuse: EventHandler<String>,
) -> Element {
    let toasts = use_toasts();
    let approved = name.clone();
    let approve = move |_| {
        let name = approved.clone();
        async move {
            let outcome = decide(&name, true, None).await;
            toasts.outcome(&outcome, admin::was_approved(&name));
            list.again();
        }
    };
    let refused = name.clone();
    rsx! {
        div { class: "actions",
            button { class: "action", r#type: "button", "aria-label": admin::approve_this(&name), onclick: approve, "{admin::approve()}" }
            button { class: "action action-soft", r#type: "button", "aria-label": admin::refuse_this(&name),
                onclick: move |_| on_refuse.call(refused.clone()), "{admin::refuse()}" }
        }
    }
}

#[component]
fn Refusal(
    name: String,
    list: Paged<CreatorApplicationItem>,
    on_close: EventHandler<()>,
) -> Element {
    let toasts = use_toasts();
    let reason = use_signal(String::new);
    let mut busy = use_signal(|| false);
    let refused = name.clone();
    let refuse = move |event: FormEvent| {
        event.prevent_default();
        let name = refused.clone();
        let text = reason.peek().trim().to_owned();
        busy.set(true);
        spawn(async move {
            let outcome = decide(&name, false, (!text.is_empty()).then_some(text)).await;
            toasts.outcome(&outcome, admin::was_refused(&name));
            list.again();
            on_close.call(());
        });
    };
    rsx! {
        Dialog { title: admin::refuse_this(&name), on_close,
            form { class: "form", onsubmit: refuse,
                TextArea { label: admin::refuse_reason(), hint: admin::refuse_reason_hint(), value: reason, optional: true, maxlength: 1000 }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: admin::refuse(), busy: busy() }
                }
            }
        }
    }
}

async fn decide(name: &str, approved: bool, reason: Option<String>) -> Result<(), ApiError> {
    let name = js_sys::encode_uri_component(name);
    let decision = DecideApplication { approved, reason };
    let asked = api::post(&format!("{ADDRESS}/{name}/decision"));
    asked.body(&decision).done().await
}
