//! How well each viewer of a broadcast was served.

use std::collections::BTreeMap;

use dioxus::prelude::*;
use weir_protocol::{StreamSlug, ViewerSessionReport};

use super::{super::questions::of, questions};
use crate::{
    texts::insight as texts,
    ui::{BarChart, Empty, More, Series, Unit, clock, use_paged},
};

#[component]
pub fn Sessions(slug: StreamSlug, id: String) -> Element {
    let (for_list, of_broadcast) = (slug.clone(), id.clone());
    let list = use_paged(move |cursor| {
        let (slug, id) = (for_list.clone(), of_broadcast.clone());
        async move { questions::sessions(&slug, &id, cursor).await }
    });
    let table = of(&slug, &format!("/sessions.csv?broadcast={id}"));
    let sessions = list.items.read();
    let (names, lengths) = layers(&sessions);
    let series = vec![Series::new(texts::watched(), lengths)];
    rsx! {
        if !names.is_empty() {
            section { class: "panel",
                BarChart { label: texts::layers(), unit: Unit::Length, names, series }
            }
        }
        section { class: "panel", "aria-labelledby": "sessions-title",
            header { class: "studio-head",
                h2 { id: "sessions-title", class: "panel-title", "{texts::sessions()}" }
                if !sessions.is_empty() {
                    a { class: "action action-soft action-small", href: "{table}", download: true, "aria-label": "{texts::as_csv()}: {texts::sessions()}", "{texts::as_csv()}" }
                }
            }
            if list.is_empty() {
                Empty { title: texts::no_sessions(), text: texts::no_sessions_text() }
            } else if list.is_loaded() {
                div { class: "table-wrap", role: "group", "aria-labelledby": "sessions-title", tabindex: "0",
                    table { class: "table",
                        thead { tr {
                            th { scope: "col", "{texts::who()}" }
                            th { scope: "col", "{texts::came()}" }
                            th { scope: "col", "{texts::way()}" }
                            th { scope: "col", class: "number", "{texts::watched()}" }
                            th { scope: "col", class: "number", "{texts::join_time()}" }
                            th { scope: "col", class: "number", "{texts::delay()}" }
                            th { scope: "col", class: "number", "{texts::stalled()}" }
                            th { scope: "col", class: "number", "{texts::loss()}" }
                            th { scope: "col", "{texts::layer()}" }
                        } }
                        tbody {
                            for one in sessions.iter() { Row { key: "{one.id}", one: one.clone() } }
                        }
                    }
                }
            }
            More { list }
        }
    }
}

#[component]
fn Row(one: ViewerSessionReport) -> Element {
    let milliseconds = |value: Option<u64>| {
        let said = value.map(|it| Unit::Milliseconds.say(it as f64));
        said.unwrap_or_else(|| "–".to_owned())
    };
    let loss = one.loss.map(|it| Unit::Share.say(it));
    let layer = one.layers.first().map(|it| layer_name(&it.layer));
    let who = one.user.as_ref().map(|it| format!("@{it}"));
    rsx! {
        tr {
            th { scope: "row",
                span { class: "insight-began",
                    {who.unwrap_or_else(|| texts::guest().to_owned())}
                    if one.ended_at.is_none() { span { class: "badge", "{texts::here_now()}" } }
                }
                span { class: "soft insight-agent", "{one.agent}" }
            }
            td { "{clock(one.started_at)}" }
            td { if one.protocol == "hls" { "{texts::by_hls()}" } else { "{texts::by_webrtc()}" } }
            td { class: "number", "{Unit::Length.say(one.watch_ms as f64)}" }
            td { class: "number", "{milliseconds(one.join_ms)}" }
            td { class: "number", "{milliseconds(one.delay_ms)}" }
            td { class: "number", if one.stalls == 0 { "–" } else { "{one.stalls} × ({milliseconds(Some(one.stall_ms))})" } }
            td { class: "number", {loss.unwrap_or_else(|| "–".to_owned())} }
            td { {layer.unwrap_or_else(|| "–".to_owned())} }
        }
    }
}

/// For how long all of them got each layer, the longest first.
fn layers(sessions: &[ViewerSessionReport]) -> (Vec<String>, Vec<Option<f64>>) {
    let mut lengths = BTreeMap::<String, u64>::new();
    for layer in sessions.iter().flat_map(|it| &it.layers) {
        *lengths.entry(layer_name(&layer.layer)).or_default() += layer.ms;
    }
    let mut lengths: Vec<(String, u64)> = lengths.into_iter().collect();
    lengths.sort_by_key(|(_, ms)| std::cmp::Reverse(*ms));
    lengths
        .into_iter()
        .map(|(name, ms)| (name, Some(ms as f64)))
        .unzip()
}

fn layer_name(layer: &str) -> String {
    match layer {
        "none" => texts::no_picture().to_owned(),
        layer => layer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use weir_protocol::LayerTime;

    use super::*;

    #[test]
    fn layers_of_all_viewers_are_added() {
        let session = |layers: &[(&str, u64)]| ViewerSessionReport {
            id: "1".to_owned(),
            broadcast_id: None,
            user: None,
            protocol: "webrtc".to_owned(),
            agent: "Firefox".to_owned(),
            started_at: 0,
            ended_at: None,
            watch_ms: 0,
            layers: layers
                .iter()
                .map(|(layer, ms)| LayerTime {
                    layer: (*layer).to_owned(),
                    ms: *ms,
                })
                .collect(),
            stalls: 0,
            stall_ms: 0,
            delay_ms: None,
            loss: None,
            join_ms: None,
        };
        let all = [
            session(&[("720p", 5), ("360p", 4)]),
            session(&[("360p", 3)]),
        ];
        let (names, lengths) = layers(&all);
        assert_eq!(names, ["360p", "720p"]);
        assert_eq!(lengths, [Some(7.0), Some(5.0)]);
    }
}
