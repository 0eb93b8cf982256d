//! What the publisher wants to be read, over the picture's foot.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::Caption;

use super::{
    ui::Ui,
    words::{Phase, Transport},
};

/// A caption that nothing takes the place of goes by itself, as decoders of television do (CTA-608). Milliseconds.
const STALE_MS: u32 = 16_000;

/// What is to be read, as late as the picture that it belongs to.
pub fn use_captions(ui: Signal<Ui>, newest: Option<Signal<Caption>>) -> Signal<Caption> {
    let mut shown = use_signal(Caption::default);
    let mut count = use_signal(|| 0_u64);
    // The newest that was shown: another transport's delay may bring an earlier one later.
    let mut last = use_signal(|| 0_u64);
    use_effect(move || {
        let Some(newest) = newest else { return };
        let caption = newest();
        let late = ui.peek().delay_ms.unwrap_or_default();
        let this = *count.peek() + 1;
        count.set(this);
        spawn(async move {
            TimeoutFuture::new(late).await;
            if *last.peek() > this {
                return;
            }
            last.set(this);
            shown.set(caption);
            TimeoutFuture::new(STALE_MS).await;
            if *count.peek() == this {
                shown.set(Caption::default());
            }
        });
    });
    shown
}

/// The lines, where what is live is shown.
#[component]
pub fn Captions(ui: ReadSignal<Ui>, caption: ReadSignal<Caption>) -> Element {
    let now = ui.read();
    let live = now.phase == Phase::Playing && now.transport != Some(Transport::Dvr) && !now.paused;
    let caption = caption.read();
    if !live || caption.lines.is_empty() {
        return rsx! {};
    }
    rsx! {
        div { class: "captions",
            for (number , line) in caption.lines.iter().enumerate() {
                span { key: "{number}", class: "captions-line", "{line}" }
            }
        }
    }
}
