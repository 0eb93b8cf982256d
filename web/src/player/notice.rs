//! A line over the picture that says for a moment why media comes another way than it should.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;

use super::{
    carrier::Carrier,
    ui::Ui,
    words::{Phase, Policy, Transport},
};
use crate::texts::player as texts;

/// How long it stays. The panel of numbers says it as long as it is so. Milliseconds.
const STAYS_MS: u32 = 8_000;

/// What is to be said of the way that media takes; nothing where it is the usual one, or the viewer's choice.
pub fn detour(ui: &Ui, policy: Policy) -> Option<&'static str> {
    match (ui.transport?, ui.carrier) {
        (Transport::WebRtc, Some(Carrier::Tcp)) => Some(texts::detour_tcp()),
        (Transport::WebRtc, Some(Carrier::Relay)) => Some(texts::detour_relay()),
        (Transport::Hls, _) if policy == Policy::Auto => Some(texts::detour_hls()),
        _ => None,
    }
}

/// The line.
#[component]
pub fn Notice(ui: Signal<Ui>, policy: Policy) -> Element {
    let told = use_memo(move || {
        let now = ui.read();
        detour(&now, policy).filter(|_| now.phase == Phase::Playing)
    });
    let mut shown = use_signal(|| None::<&'static str>);
    // What was said once is not said again after each pause.
    let mut known = use_signal(|| None::<&'static str>);
    use_effect(move || {
        let Some(text) = told() else { return };
        if *known.peek() == Some(text) {
            return;
        }
        known.set(Some(text));
        shown.set(Some(text));
        spawn(async move {
            TimeoutFuture::new(STAYS_MS).await;
            if *shown.peek() == Some(text) {
                shown.set(None);
            }
        });
    });
    rsx! {
        div { class: "detour", role: "status",
            if let Some(text) = shown() { p { "{text}" } }
        }
    }
}
