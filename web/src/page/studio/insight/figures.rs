//! What it came to, as numbers.

use dioxus::prelude::*;
use weir_protocol::InsightTotals;

use crate::{texts::insight as texts, ui::Unit};

#[component]
pub fn Figures(totals: InsightTotals) -> Element {
    let count = |value: u64| Unit::Count.say(value as f64);
    let length = |value: u64| Unit::Length.say(value as f64);
    let absent = || "–".to_owned();
    let delay = totals.delay_ms;
    let delay = delay.map_or_else(absent, |it| Unit::Milliseconds.say(it as f64));
    let stalled = share(totals.stall_ms, totals.watch_ms);
    let stalled = stalled.map_or_else(absent, |it| Unit::Share.say(it));
    let (webrtc, hls) = (
        share(totals.webrtc_ms, totals.watch_ms),
        share(totals.hls_ms, totals.watch_ms),
    );
    let ways = webrtc.zip(hls).map(|(webrtc, hls)| {
        let (hls, webrtc) = (Unit::Share.say(hls), Unit::Share.say(webrtc));
        texts::ways(hls, webrtc)
    });
    let average = Unit::Count.say(totals.average_viewers);
    rsx! {
        section { class: "panel", "aria-label": texts::figures(),
            dl { class: "insight-figures",
                Figure { name: texts::unique(), value: count(totals.unique_viewers), note: texts::joins(totals.joins, count(totals.joins)) }
                Figure { name: texts::peak(), value: count(totals.peak_viewers), note: texts::average(average) }
                Figure { name: texts::watch_time(), value: length(totals.watch_ms), note: ways.unwrap_or_default() }
                Figure { name: texts::on_air(), value: length(totals.live_ms) }
                Figure { name: texts::messages(), value: count(totals.messages), note: texts::chatters(totals.chatters, count(totals.chatters)) }
                Figure { name: texts::reactions(), value: count(totals.reactions) }
                Figure { name: texts::delay(), value: delay, note: texts::delay_note() }
                Figure { name: texts::stalled(), value: stalled, note: texts::stalls(totals.stalls, count(totals.stalls)) }
            }
        }
    }
}

#[component]
fn Figure(name: String, value: String, #[props(default)] note: String) -> Element {
    rsx! {
        div { class: "insight-figure",
            dt { "{name}" }
            dd { class: "insight-value", "{value}" }
            if !note.is_empty() { dd { class: "insight-note", "{note}" } }
        }
    }
}

/// None of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
