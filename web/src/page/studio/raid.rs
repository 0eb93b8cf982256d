//! Sending the viewers on to another stream, as one does at the end.

use dioxus::prelude::*;
use weir_protocol::{Page, RaidNotice, StartRaid, StreamSlug, StreamSummary, Visibility};

use super::questions::of;
use crate::{
    api,
    page::{
        later::{parameter, use_later},
        people::cursor::page_of,
    },
    texts::{frame, studio as said},
    ui::{Dialog, Empty, More, TextField, use_paged, use_toasts},
};

/// The button, and the choice of where they go.
#[component]
pub fn Raid(slug: StreamSlug) -> Element {
    let mut choosing = use_signal(|| false);
    rsx! {
        button { class: "action action-soft", r#type: "button", onclick: move |_| choosing.set(true), "{said::raid()}" }
        if choosing() {
            Dialog { title: said::raid_title(), on_close: move |()| choosing.set(false),
                Choose { slug, on_close: move |()| choosing.set(false) }
            }
        }
    }
}

#[component]
fn Choose(slug: StreamSlug, on_close: EventHandler<()>) -> Element {
    let typed = use_signal(String::new);
    let search = use_later(typed);
    let address = format!(
        "/api/v1/streams?live=true&limit=24{}",
        parameter("q", &search.read())
    );
    rsx! {
        p { class: "soft", "{said::raid_text()}" }
        TextField { label: said::raid_find(), value: typed, kind: "search", maxlength: 254, autofocus: true }
        // Another search is another list.
        for address in [address] {
            Targets { key: "{address}", slug: slug.clone(), address: address.clone(), on_close }
        }
        div { class: "actions",
            button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
        }
    }
}

/// Streams that are live now and that all viewers may see.
#[component]
fn Targets(slug: StreamSlug, address: String, on_close: EventHandler<()>) -> Element {
    let toasts = use_toasts();
    let mut busy = use_signal(|| false);
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move { api::get(&address).json::<Page<StreamSummary>>().await }
    });
    let raid = of(&slug, "/raid");
    let send = use_callback(move |target: StreamSlug| {
        if busy.replace(true) {
            return;
        }
        let ask = api::post(&raid).body(&StartRaid { target });
        spawn(async move {
            match ask.json::<RaidNotice>().await {
                Ok(notice) => {
                    toasts.say(said::raid_done(notice.title));
                    on_close.call(());
                }
                Err(refused) => toasts.fail(refused.text()),
            }
            busy.set(false);
        });
    });
    let fits = |it: &StreamSummary| it.slug != slug && it.visibility == Visibility::Public;
    let targets: Vec<_> = list.items.cloned().into_iter().filter(fits).collect();
    if list.is_loaded() && targets.is_empty() && !list.has_more() {
        return rsx! { Empty { title: said::raid_none(), text: said::raid_none_text() } };
    }
    rsx! {
        ul { class: "lines", role: "list",
            for target in targets {
                li { key: "{target.slug}", class: "line-item",
                    div { class: "line-text",
                        p { class: "line-title", "{target.title}" }
                        p { class: "soft", "@{target.slug} · {said::raid_viewers(target.viewers.total().into())}" }
                    }
                    button { class: "action", r#type: "button", "aria-label": "{said::raid_send()}: {target.title}", "aria-busy": "{busy}",
                        onclick: move |_| send.call(target.slug.clone()), "{said::raid_send()}" }
                }
            }
        }
        More { list }
    }
}
