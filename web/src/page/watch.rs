//! One stream.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen_futures::JsFuture;
use weir_protocol::StreamSummary;

use super::findings::Findings;
use crate::{
    app::{Handle, Route},
    dom, icon,
    player::Player,
    words,
};

/// How long "Copied" stays. Milliseconds.
const COPIED_MS: u32 = 2_000;

/// The watch page, `/@slug`.
#[component]
pub fn Watch(handle: Handle) -> Element {
    let stream = use_signal(|| None::<StreamSummary>);
    let slug = handle.0.clone();
    let fallback = slug.to_string();
    use_effect(move || {
        let stream = stream.read();
        let title = stream
            .as_ref()
            .map_or(fallback.as_str(), |stream| stream.title.as_str());
        let mark = if stream.as_ref().is_some_and(|stream| stream.live) {
            "● "
        } else {
            ""
        };
        dom::document().set_title(&format!("{mark}{title} · Weir"));
    });
    rsx! {
        // Another stream is another player, not the same one with another name.
        article { class: "watch", key: "{slug}",
            Player { slug: slug.clone(), stream }
            About { handle: handle.clone(), stream }
            Findings { slug: slug.clone() }
        }
    }
}

#[component]
fn About(handle: Handle, stream: Signal<Option<StreamSummary>>) -> Element {
    let stream = stream.read();
    let title = stream
        .as_ref()
        .map_or_else(|| handle.to_string(), |stream| stream.title.clone());
    let live = stream.as_ref().is_some_and(|stream| stream.live);
    let reconnecting = stream
        .as_ref()
        .is_some_and(|stream| stream.reconnecting_until.is_some());
    let viewers = stream.as_ref().map_or(0, |stream| stream.viewers.total());
    let ago = stream.as_ref().and_then(|stream| stream.started_at);
    let ago = ago.map(|start| words::since(start, dom::wall_ms() as i64));
    let way = stream
        .as_ref()
        .and_then(|stream| stream.protocol)
        .map(words::protocol);
    rsx! {
        section { class: "about",
            div { class: "about-text",
                h1 { class: "title", "{title}" }
                p { class: "facts",
                    if live {
                        if reconnecting {
                            span { class: "badge badge-waits", "Reconnecting" }
                        } else {
                            span { class: "badge badge-live", "Live" }
                        }
                        span { class: "fact", icon::Eye {} "{words::viewers(viewers)}" }
                        if let Some(ago) = ago { span { class: "fact", "{ago}" } }
                        if let Some(way) = way { span { class: "fact", "by {way}" } }
                    } else if stream.is_some() {
                        span { class: "badge", "Offline" }
                    }
                    if stream.is_some() {
                        span { class: "handle", "{handle}" }
                    }
                }
            }
            CopyAddress {}
        }
        nav { class: "after",
            Link { class: "quiet-link", to: Route::Home {}, icon::Back {} "All streams" }
        }
    }
}

#[component]
fn CopyAddress() -> Element {
    let mut copied = use_signal(|| false);
    // Only secure pages have a clipboard.
    let Some(clipboard) = dom::property(&dom::window().navigator(), "clipboard") else {
        return rsx! {};
    };
    let copy = move |_| {
        let location = dom::window().location();
        let address = format!(
            "{}{}",
            location.origin().unwrap_or_default(),
            location.pathname().unwrap_or_default()
        );
        if let Some(written) = dom::call_with(&clipboard, "writeText", &address.into()) {
            spawn(async move {
                if JsFuture::from(js_sys::Promise::resolve(&written))
                    .await
                    .is_ok()
                {
                    copied.set(true);
                    TimeoutFuture::new(COPIED_MS).await;
                    copied.set(false);
                }
            });
        }
    };
    rsx! {
        button { class: "action action-soft", r#type: "button", onclick: copy,
            icon::Link {}
            span { "aria-live": "polite", if copied() { "Copied" } else { "Copy link" } }
        }
    }
}
