//! What one watches, and whose it is.

use dioxus::prelude::*;
use js_sys::JsString;
use weir_protocol::{StreamOwner, StreamSummary};

use super::{follow::Follow, share::Share};
use crate::{
    app::Handle,
    icon,
    texts::{self, frame, watch},
    ui::{self, Avatar},
};

/// Title, facts, owner, and what can be done with it.
#[component]
pub fn Head(handle: Handle, stream: Signal<Option<StreamSummary>>) -> Element {
    let known = stream.read();
    let Some(stream) = known.as_ref() else {
        return rsx! {
            section { class: "about",
                div { class: "about-text", h1 { class: "title", "{handle}" } p { class: "facts" } }
            }
        };
    };
    rsx! {
        section { class: "about",
            div { class: "about-text",
                h1 { class: "title", "{stream.title}" }
                Facts { handle: handle.clone(), stream: stream.clone() }
            }
            div { class: "actions",
                if let Some(owner) = &stream.owner {
                    Follow { key: "{owner.name}", name: owner.name.clone() }
                }
                Share { slug: handle.0.clone(), title: stream.title.clone() }
            }
        }
        if let Some(owner) = &stream.owner {
            Owner { owner: owner.clone() }
        }
    }
}

/// The description and what it is filed under, where there is any.
#[component]
pub fn More(stream: ReadSignal<Option<StreamSummary>>) -> Element {
    let known = stream.read();
    let Some(stream) = known.as_ref() else {
        return rsx! {};
    };
    let described = !stream.description.trim().is_empty();
    if !described && stream.category.is_none() && stream.tags.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "panel about-more", "aria-label": watch::about(),
            if stream.category.is_some() || !stream.tags.is_empty() {
                ul { class: "tags", role: "list",
                    if let Some(category) = &stream.category {
                        li { Link { class: "tag tag-category", to: "/category/{category.slug}", "{category.name}" } }
                    }
                    for tag in &stream.tags {
                        li { key: "{tag}", span { class: "tag", "#{tag}" } }
                    }
                }
            }
            if described { p { class: "description", "{stream.description}" } }
        }
    }
}

#[component]
fn Facts(handle: Handle, stream: StreamSummary) -> Element {
    let viewers = stream.viewers.total();
    rsx! {
        p { class: "facts",
            if stream.live {
                if stream.reconnecting_until.is_some() {
                    span { class: "badge badge-waits", "{watch::reconnecting()}" }
                } else {
                    span { class: "badge badge-live", "{frame::live()}" }
                }
                span { class: "fact", icon::Eye {} "{frame::viewers(viewers.into(), number(viewers))}" }
                if let Some(start) = stream.started_at {
                    span { class: "fact", title: "{ui::moment(start)}", "{watch::started(ui::ago(start))}" }
                }
                if let Some(way) = stream.protocol {
                    span { class: "fact", "{watch::by(way.as_str().to_uppercase())}" }
                }
            } else {
                span { class: "badge", "{frame::offline()}" }
            }
            if stream.mature { span { class: "badge", "{watch::mature()}" } }
            span { class: "handle", "{handle}" }
        }
    }
}

#[component]
fn Owner(owner: StreamOwner) -> Element {
    let shown = owner.display_name.clone().unwrap_or(owner.name.clone());
    rsx! {
        Link { class: "owner", to: "/u/{owner.name}",
            Avatar { name: owner.name.clone() }
            span { class: "owner-name", "{shown}" }
            if owner.display_name.is_some() { span { class: "handle", "@{owner.name}" } }
        }
    }
}

/// With the language's own signs: `12,399`.
fn number(number: u32) -> String {
    let language = texts::language().tag();
    let said: JsString = js_sys::Number::from(number).to_locale_string(language);
    String::from(said)
}
