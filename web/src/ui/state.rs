//! What stands where content will be, or is not.

use dioxus::prelude::*;

use crate::{api::ApiError, texts::frame};

/// Lines that will be there in a moment.
#[component]
pub fn Skeleton(#[props(default = 3)] lines: u32) -> Element {
    rsx! {
        div { class: "skeleton", role: "status", "aria-label": frame::loading(),
            for n in 0..lines { span { key: "{n}", class: "skeleton-line" } }
        }
    }
}

/// Why it did not work, and another try.
#[component]
pub fn Failure(error: ApiError, #[props(default)] on_retry: Option<EventHandler<()>>) -> Element {
    rsx! {
        div { class: "failure", role: "alert",
            p { "{error.text()}" }
            if let Some(on_retry) = on_retry {
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_retry.call(()), "{frame::retry()}" }
            }
        }
    }
}

/// Nothing is here yet, and how that changes.
#[component]
pub fn Empty(
    title: String,
    #[props(default)] text: String,
    #[props(default)] children: Element,
) -> Element {
    rsx! {
        div { class: "empty",
            p { class: "empty-title", "{title}" }
            if !text.is_empty() { p { class: "empty-text", "{text}" } }
            {children}
        }
    }
}

/// For pages of users, where nobody is logged in. Whoever logs in comes back here.
#[component]
pub fn NeedsLogin() -> Element {
    let back = crate::dom::window()
        .location()
        .pathname()
        .unwrap_or_default();
    rsx! {
        section { class: "page notice",
            h1 { "{frame::log_in()}" }
            p { "{frame::log_in_first()}" }
            a { class: "action", href: "/login?next={back}", "{frame::log_in()}" }
        }
    }
}
