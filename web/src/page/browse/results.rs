//! What a question for streams finds: live ones as tiles, the others as lines.

use dioxus::prelude::*;
use weir_protocol::StreamSummary;

use super::{StreamCards, StreamRows, questions, search_query::SearchQuery};
use crate::{
    texts::{frame, home},
    ui::{More, Paged, use_paged},
};

/// What is said around the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Plain,
    /// How many there are.
    Counted,
}

/// The streams, page by page. Another query needs another key. `above` says what else fits them; `nothing` stands where
/// there are none.
#[component]
pub fn Results(
    query: SearchQuery,
    shown: Shown,
    nothing: Element,
    #[props(default)] above: Option<Callback<Vec<StreamSummary>, Element>>,
) -> Element {
    let parameters = query.parameters(questions::encoded);
    let list = use_paged(move |cursor| {
        let parameters = parameters.clone();
        async move { questions::search(&parameters, cursor).await }
    });
    let items = list.items.read();
    let (live, offline): (Vec<_>, Vec<_>) = items.iter().cloned().partition(|it| it.live);
    let both = !live.is_empty() && !offline.is_empty();
    rsx! {
        if shown == Shown::Counted {
            // Always there, so that it is read out when another search has found something.
            p { class: "soft found", role: "status", if list.is_loaded() { "{count(list)}" } }
        }
        if list.is_loaded() {
            if let Some(above) = above { {above.call(items.to_vec())} }
        }
        if list.is_empty() { {nothing} }
        if !live.is_empty() {
            if both { h2 { class: "heading heading-small", "{frame::live()}" } }
            StreamCards { streams: live, level: if both { 3 } else { 2 } }
        }
        if !offline.is_empty() {
            if both { h2 { class: "heading heading-small", "{home::offline_streams()}" } }
            StreamRows { streams: offline }
        }
        More { list }
    }
}

fn count(list: Paged<StreamSummary>) -> String {
    let count = list.items.read().len();
    if list.has_more() {
        home::search_found_at_least(count)
    } else {
        home::search_found(count as u64, count)
    }
}
