//! The broadcast that is on the air: its picture, its figures, and what is wrong with it.

mod curves;

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{
    Caption, LayerViewers, StreamSlug, StreamSummary, StreamViewers, room::RoomName,
};

use self::curves::Curves;
use super::{end::EndBroadcast, questions, raid::Raid};
use crate::{
    dom,
    page::watch::Findings,
    player::Player,
    room::RoomPanel,
    texts::studio as said,
    ui::{Empty, duration},
    words,
};

/// How often the figures are asked for. Milliseconds.
const REFRESH_MS: u32 = 3_000;

/// While it is live; how that begins otherwise.
#[component]
pub fn Live(slug: StreamSlug, state: Signal<Option<StreamSummary>>) -> Element {
    let live = state.read().as_ref().is_some_and(|it| it.live);
    if !live {
        return rsx! { Empty { title: said::not_live(), text: said::not_live_text() } };
    }
    rsx! { OnAir { slug, state } }
}

#[component]
fn OnAir(slug: StreamSlug, state: Signal<Option<StreamSummary>>) -> Element {
    // The player has its own state: it goes on from what it knows.
    let of_player = use_signal(|| None::<StreamSummary>);
    let report = use_viewers(&slug);
    let moderates = use_signal(|| false);
    let captions = use_signal(Caption::default);
    rsx! {
        div { class: "stack",
            div { class: "studio-columns",
                div { class: "stack studio-preview",
                    Player { slug: slug.clone(), stream: of_player, captions }
                    Findings { slug: slug.clone() }
                    Figures { state }
                }
                div { class: "studio-room",
                    RoomPanel { name: RoomName::Stream(slug.clone()), moderates, captions }
                }
            }
            Curves { slug: slug.clone(), state, report }
            Health { slug, report }
        }
    }
}

/// Who watches over WebRTC, as of a moment ago.
fn use_viewers(slug: &StreamSlug) -> Signal<Option<StreamViewers>> {
    let mut report = use_signal(|| None::<StreamViewers>);
    let slug = slug.clone();
    use_future(move || {
        let slug = slug.clone();
        async move {
            loop {
                // Without an answer the last one stands.
                if let Ok(new) = questions::viewers(&slug).await {
                    report.set(Some(new));
                }
                TimeoutFuture::new(REFRESH_MS).await;
            }
        }
    });
    report
}

#[component]
fn Figures(state: Signal<Option<StreamSummary>>) -> Element {
    let mut now = use_signal(dom::wall_ms);
    use_future(move || async move {
        loop {
            TimeoutFuture::new(1_000).await;
            now.set(dom::wall_ms());
        }
    });
    let stream = state.read();
    let Some(stream) = stream.as_ref() else {
        return rsx! {};
    };
    let up = stream
        .started_at
        .map(|start| duration(now() as i64 - start));
    rsx! {
        section { class: "panel", "aria-labelledby": "figures-title",
            h2 { id: "figures-title", class: "panel-title", "{said::figures()}" }
            dl { class: "studio-figures",
                Figure { name: said::uptime(), value: up.unwrap_or_default() }
                Figure { name: said::watching(), value: stream.viewers.total().to_string() }
                Figure { name: said::by_webrtc(), value: stream.viewers.webrtc.to_string() }
                Figure { name: said::by_hls(), value: stream.viewers.hls.to_string() }
                if let Some(way) = stream.protocol { Figure { name: said::arrives_by(), value: words::protocol(way) } }
            }
        }
    }
}

#[component]
fn Figure(name: String, value: String) -> Element {
    rsx! { div { dt { "{name}" } dd { "{value}" } } }
}

/// What arrives and what is sent on, by quality.
#[component]
fn Health(slug: StreamSlug, report: Signal<Option<StreamViewers>>) -> Element {
    let report = report.read();
    let Some(report) = report.as_ref() else {
        return rsx! {};
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "health-title",
            h2 { id: "health-title", class: "panel-title", "{said::qualities()}" }
            if report.layers.is_empty() {
                p { class: "soft", "{said::no_picture()}" }
            } else {
                div { class: "table-wrap",
                    table { class: "table",
                        thead { tr {
                            th { scope: "col", "{said::quality()}" }
                            th { scope: "col", "{said::bitrate()}" }
                            th { scope: "col", "{said::watching()}" }
                        } }
                        tbody {
                            for layer in report.layers.iter() {
                                tr { key: "{layer.layer.encoding_id}",
                                    th { scope: "row", "{size(layer)}" }
                                    td { if layer.layer.active { "{megabits(layer.layer.bitrate)}" } else { "{said::on_demand()}" } }
                                    td { "{layer.viewers}" }
                                }
                            }
                        }
                    }
                }
            }
            div { class: "actions",
                Raid { slug: slug.clone() }
                EndBroadcast { slug }
            }
        }
    }
}

fn size(layer: &LayerViewers) -> String {
    match (layer.layer.width, layer.layer.height) {
        (Some(width), Some(height)) => format!("{width} × {height}"),
        _ => layer.layer.encoding_id.clone(),
    }
}

/// `2.5 Mbit/s`.
pub fn megabits(bits: u64) -> String {
    said::megabits(format!("{:.1}", bits as f64 / 1_000_000.0))
}
