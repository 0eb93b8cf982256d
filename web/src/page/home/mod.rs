//! The first page: what is live now, what else there is, and how to start.

mod more;
mod shell;
mod start;

use dioxus::prelude::*;
use weir_protocol::StreamSummary;

use more::More;
use start::HowToStart;

use super::browse::{GhostCards, SearchQuery, StreamCards, Streams, use_streams};
use crate::{app::Route, texts::home, ui::use_title};

/// Live streams on this page; the search has all of them.
const LIVE: usize = 24;

/// `/`.
#[component]
pub fn Home() -> Element {
    use_title("");
    let streams = use_streams();
    let streams = streams.read();
    rsx! {
        div { class: "page",
            match &*streams {
                Streams::Loading => rsx! {
                    h1 { class: "heading", "{home::live_now()}" }
                    GhostCards {}
                },
                Streams::Unreachable => rsx! {
                    section { class: "notice", role: "alert",
                        h1 { "{home::no_answer_title()}" }
                        p { "{home::no_answer_text()}" }
                    }
                },
                Streams::Outdated => rsx! {
                    section { class: "notice", role: "alert",
                        h1 { "{home::outdated_title()}" }
                        p { "{home::outdated_text()}" }
                    }
                },
                Streams::Known(listing) if listing.is_empty() => rsx! {
                    section { class: "notice",
                        h1 { "{home::still_title()}" }
                        p { "{home::still_text()}" }
                    }
                    HowToStart {}
                },
                Streams::Known(listing) => {
                    let live: Vec<_> = listing.live().cloned().collect();
                    rsx! {
                        Live { streams: live.clone() }
                        More { live, offline: listing.offline().cloned().collect::<Vec<_>>() }
                    }
                }
            }
        }
    }
}

#[component]
fn Live(streams: Vec<StreamSummary>) -> Element {
    let more = streams.len() > LIVE;
    let shown: Vec<_> = streams.iter().take(LIVE).cloned().collect();
    rsx! {
        h1 { class: "heading", "{home::live_now()}" }
        if shown.is_empty() {
            p { class: "calm", "{home::nobody_live()}" }
            HowToStart {}
        } else {
            StreamCards { streams: shown }
        }
        if more {
            Link { class: "action action-soft more", to: Route::Search { query: SearchQuery { live: true, ..SearchQuery::default() } },
                "{home::all_live()}"
            }
        }
    }
}
