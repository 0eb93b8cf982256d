//! All streams: what is on the air in front, then the rest.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{Page, StreamSummary};

use super::{
    stream_acts::{Act, Acts},
    stream_row::StreamRow,
};
use crate::{
    api,
    page::{
        later::{parameter, use_later},
        people::cursor::page_of,
    },
    texts::admin,
    ui::{Empty, More, TextField, use_paged},
};

const ADDRESS: &str = "/api/v1/admin/streams";

/// How often what is on the air is asked for. Milliseconds.
const REFRESH_MS: u32 = 5_000;

/// The part.
#[component]
pub fn Streams() -> Element {
    // Counts what was changed here: both lists show it at once.
    let mut changes = use_signal(|| 0_u32);
    let asked = use_signal(|| None::<(Act, StreamSummary)>);
    let typed = use_signal(String::new);
    let search = use_later(typed);
    let address = format!("{ADDRESS}?limit=50{}", parameter("q", &search.read()));
    rsx! {
        OnAir { changes, asked }
        section { class: "stack", "aria-labelledby": "all-title",
            div { class: "panel admin-filters", role: "search",
                h2 { id: "all-title", class: "panel-title admin-filters-title", "{admin::all_streams()}" }
                TextField { label: admin::find_stream(), value: typed, kind: "search", maxlength: 200 }
            }
            for address in [address] { List { key: "{address}", address: address.clone(), changes, asked } }
        }
        Acts { asked, on_done: move |()| *changes.write() += 1 }
    }
}

#[component]
fn OnAir(changes: Signal<u32>, asked: Signal<Option<(Act, StreamSummary)>>) -> Element {
    let list = use_paged(|cursor| async move {
        let mut page = api::get(&page_of(&format!("{ADDRESS}?live=true&limit=100"), cursor))
            .json::<Page<StreamSummary>>()
            .await?;
        page.items
            .sort_by_key(|stream| std::cmp::Reverse(stream.viewers.total()));
        Ok(page)
    });
    use_future(move || async move {
        loop {
            TimeoutFuture::new(REFRESH_MS).await;
            if list.is_whole() {
                list.again();
            }
        }
    });
    use_effect(move || {
        if changes() > 0 {
            list.again();
        }
    });
    rsx! {
        section { class: "panel", "aria-labelledby": "live-title",
            h2 { id: "live-title", class: "panel-title", "{admin::on_air_now()}" }
            if list.is_empty() { p { class: "soft", "{admin::nothing_on_air()}" } }
            ul { class: "lines", role: "list",
                for stream in list.items.cloned() {
                    li { key: "{stream.slug}", class: "line-item", StreamRow { stream, asked } }
                }
            }
            More { list }
        }
    }
}

#[component]
fn List(
    address: String,
    changes: Signal<u32>,
    asked: Signal<Option<(Act, StreamSummary)>>,
) -> Element {
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move { api::get(&address).json::<Page<StreamSummary>>().await }
    });
    use_effect(move || {
        if changes() > 0 {
            list.again();
        }
    });
    if list.is_empty() {
        return rsx! { Empty { title: admin::no_streams(), text: admin::no_streams_text() } };
    }
    rsx! {
        ul { class: "lines panel admin-lines", role: "list",
            for stream in list.items.cloned() {
                li { key: "{stream.slug}", class: "line-item", StreamRow { stream, asked } }
            }
        }
        More { list }
    }
}
