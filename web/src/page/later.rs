//! What is typed, once the typing pauses: a list is not asked for at every letter.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;

/// How long a pause is. Milliseconds.
const PAUSE_MS: u32 = 250;

/// The text as it was when nobody had typed for a moment, without blanks around it.
pub fn use_later(typed: Signal<String>) -> Signal<String> {
    let mut settled = use_signal(|| typed.peek().trim().to_owned());
    use_effect(move || {
        let now = typed.cloned();
        spawn(async move {
            TimeoutFuture::new(PAUSE_MS).await;
            let same = *typed.peek() == now;
            if same && *settled.peek() != now.trim() {
                settled.set(now.trim().to_owned());
            }
        });
    });
    settled
}

/// A part of an address's query: `&q=…`; nothing for an empty value.
pub fn parameter(name: &str, value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    format!("&{name}={}", js_sys::encode_uri_component(value))
}
