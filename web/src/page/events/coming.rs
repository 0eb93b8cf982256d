//! The next events, for the home page.

use dioxus::prelude::*;
use weir_protocol::EventSummary;

use super::{list::EventCards, questions};
use crate::{app::Route, texts::event as said};

/// Events there.
const SHOWN: u32 = 3;

/// What is shown; nothing where the server does not say.
pub async fn coming() -> Vec<EventSummary> {
    let asked = questions::list(false, SHOWN, None).await;
    asked.map(|page| page.items).unwrap_or_default()
}

/// Nothing where nothing is coming.
#[component]
pub fn ComingEvents(events: Vec<EventSummary>) -> Element {
    if events.is_empty() {
        return rsx! {};
    }
    rsx! {
        section {
            div { class: "heading-row",
                h2 { class: "heading heading-small", "{said::events()}" }
                Link { class: "quiet-link", to: Route::Events {}, "{said::all_events()}" }
            }
            EventCards { events, level: 3 }
        }
    }
}
