//! A user's streams, live ones first.

use dioxus::prelude::*;
use weir_protocol::{Page, StreamSummary};

use super::cursor::page_of;
use crate::{
    api,
    app::{Handle, Route},
    texts::{frame, people},
    ui::{More, use_paged},
};

/// `live` are those that are on the air, which come with the profile.
#[component]
pub fn Streams(name: String, live: Vec<StreamSummary>) -> Element {
    let address = format!(
        "/api/v1/streams?owner={}",
        js_sys::encode_uri_component(&name)
    );
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move { api::get(&address).json::<Page<StreamSummary>>().await }
    });
    if list.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "panel",
            h2 { class: "panel-title", "{people::streams()}" }
            ul { class: "lines", role: "list",
                for stream in list.items.cloned() {
                    li { key: "{stream.slug}", class: "line-item",
                        div { class: "line-text",
                            Link { class: "line-title told-link", to: Route::Watch { handle: Handle(stream.slug.clone()) }, "{stream.title}" }
                            p { class: "handle", "@{stream.slug}" }
                        }
                        if live.iter().any(|it| it.slug == stream.slug) || stream.live {
                            span { class: "badge badge-live", "{frame::live()}" }
                        }
                    }
                }
            }
            More { list }
        }
    }
}
