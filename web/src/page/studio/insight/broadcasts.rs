//! A stream's broadcasts with what each came to.

use dioxus::prelude::*;
use weir_protocol::{BroadcastSummary, StreamSlug};

use super::{super::questions::of, questions};
use crate::{
    app::{Embedded, Route},
    texts::{frame, insight as texts},
    ui::{Empty, More, Unit, moment, use_paged},
};

#[component]
pub fn Broadcasts(slug: StreamSlug) -> Element {
    let for_list = slug.clone();
    let list = use_paged(move |cursor| {
        let slug = for_list.clone();
        async move { questions::broadcasts(&slug, cursor).await }
    });
    let table = of(&slug, "/broadcasts.csv?from=0");
    rsx! {
        section { class: "panel", "aria-labelledby": "broadcasts-title",
            header { class: "studio-head",
                h2 { id: "broadcasts-title", class: "panel-title", "{texts::broadcasts()}" }
                if !list.items.read().is_empty() {
                    a { class: "action action-soft action-small", href: "{table}", download: true, "aria-label": "{texts::as_csv()}: {texts::broadcasts()}", "{texts::as_csv()}" }
                }
            }
            if list.is_empty() {
                Empty { title: texts::no_broadcasts(), text: texts::no_broadcasts_text() }
            } else if list.is_loaded() {
                div { class: "table-wrap",
                    table { class: "table",
                        thead { tr {
                            th { scope: "col", "{texts::began()}" }
                            th { scope: "col", class: "number", "{texts::on_air()}" }
                            th { scope: "col", class: "number", "{texts::unique()}" }
                            th { scope: "col", class: "number", "{texts::peak()}" }
                            th { scope: "col", class: "number", "{texts::watch_time()}" }
                            th { scope: "col", class: "number", "{texts::messages()}" }
                            th { scope: "col", class: "number", "{texts::engagement()}" }
                        } }
                        tbody {
                            for one in list.items.read().iter() {
                                Row { key: "{one.id}", one: one.clone() }
                            }
                        }
                    }
                }
            }
            More { list }
        }
    }
}

#[component]
fn Row(one: BroadcastSummary) -> Element {
    let totals = &one.totals;
    let count = |value: u64| Unit::Count.say(value as f64);
    let length = |value: u64| Unit::Length.say(value as f64);
    let score = totals.engagement;
    let to = Route::StudioBroadcast {
        stream: Embedded(one.slug.clone()),
        id: one.id.clone(),
    };
    rsx! {
        tr {
            th { scope: "row",
                span { class: "insight-began",
                    Link { class: "link", to, "{moment(one.started_at)}" }
                    if one.ended_at.is_none() { span { class: "badge badge-live", "{frame::live()}" } }
                }
            }
            td { class: "number", "{length(totals.live_ms)}" }
            td { class: "number", "{count(totals.unique_viewers)}" }
            td { class: "number", "{count(totals.peak_viewers)}" }
            td { class: "number", "{length(totals.watch_ms)}" }
            td { class: "number", "{count(totals.messages)}" }
            td { class: "number", {score.map_or_else(|| "–".to_owned(), |it| Unit::Count.say(it))} }
        }
    }
}
