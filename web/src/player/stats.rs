//! How it plays, for who asks why it is bad.

use dioxus::prelude::*;

use super::{
    carrier::Carrier,
    health::{Verdict, verdict},
    notice::detour,
    quality::Quality,
    ui::Ui,
    words::{Policy, Transport},
};
use crate::{
    icon,
    texts::{frame, player as texts},
};

/// A panel over the picture: in words what is wrong, and the numbers behind it.
#[component]
pub fn Stats(
    ui: Signal<Ui>,
    policy: Policy,
    on_close: EventHandler<()>,
    on_help: EventHandler<()>,
) -> Element {
    let now = ui.read();
    let pictures = now.quality != Quality::AudioOnly && now.size.is_some();
    let verdict = verdict(now.phase, now.transport, now.health.as_ref(), pictures);
    let unknown = || texts::stats_unknown().to_owned();
    let ms = |ms: Option<f64>| ms.map_or_else(unknown, |ms| texts::stats_ms(format!("{ms:.0}")));
    let share = |share: f64| texts::stats_percent(format!("{:.1}", share * 100.0));
    let health = now.health;
    let rows = [
        (
            texts::stats_way(),
            match now.transport {
                Some(Transport::WebRtc) => match now.carrier {
                    Some(Carrier::Udp) => "WebRTC, UDP".to_owned(),
                    Some(Carrier::Tcp) => "WebRTC, TCP".to_owned(),
                    Some(Carrier::Relay) => "WebRTC, TURN".to_owned(),
                    None => "WebRTC".to_owned(),
                },
                Some(Transport::Hls) => "HLS".to_owned(),
                Some(Transport::Dvr) => texts::behind().to_owned(),
                None => unknown(),
            },
        ),
        (
            texts::stats_size(),
            now.size.map_or_else(unknown, |(width, height)| {
                texts::stats_size_value(height, width)
            }),
        ),
        (
            texts::stats_rate(),
            health.map_or_else(unknown, |it| format!("{:.0}", it.frames)),
        ),
        (
            texts::stats_bits(),
            health.map_or_else(unknown, |it| {
                texts::stats_bits_value(format!("{:.2}", it.bits / 1e6))
            }),
        ),
        (
            texts::stats_loss(),
            health.map_or_else(unknown, |it| share(it.loss)),
        ),
        (
            texts::stats_dropped(),
            health.map_or_else(unknown, |it| share(it.dropped)),
        ),
        (texts::stats_trip(), ms(health.and_then(|it| it.trip_ms))),
        (
            texts::stats_buffer(),
            ms(health.and_then(|it| it.buffer_ms)),
        ),
        (texts::stats_delay(), ms(now.delay_ms.map(f64::from))),
    ];
    rsx! {
        section { class: "stats", "aria-label": texts::stats(),
            header { class: "stats-head",
                h2 { class: "stats-title", "{texts::stats()}" }
                button { class: "control", r#type: "button", "aria-label": frame::close(), onclick: move |_| on_close.call(()), icon::Cross {} }
            }
            p { class: "stats-verdict", "{words(verdict)}" }
            // Over HLS the verdict says it.
            if let Some(detour) = detour(&now, policy).filter(|_| verdict != Verdict::Hls) {
                p { "{detour}" }
            }
            dl { class: "stats-list",
                for (name, value) in rows {
                    div { key: "{name}", class: "stats-row", dt { "{name}" } dd { "{value}" } }
                }
            }
            button { class: "stats-help", r#type: "button", onclick: move |_| on_help.call(()), "{texts::keys_button()}" }
        }
    }
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => texts::verdict_good(),
        Verdict::Waiting => texts::verdict_waiting(),
        Verdict::Loss => texts::verdict_loss(),
        Verdict::Trip => texts::verdict_trip(),
        Verdict::Device => texts::verdict_device(),
        Verdict::Rate => texts::verdict_rate(),
        Verdict::Hls => texts::verdict_hls(),
        Verdict::Dvr => texts::verdict_dvr(),
    }
}
