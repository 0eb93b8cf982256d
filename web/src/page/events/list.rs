//! `/events`: what is coming, and what was.

use dioxus::prelude::*;
use weir_protocol::{EventSummary, Page};

use super::{EventQuery, calendar::OwnCalendar, questions};
use crate::{
    api::ApiError,
    app::{Embedded, Route},
    event::{Branded, Cover, State, when},
    texts::event as said,
    ui::{Empty, More, Paged, Tab, Tabs, use_paged, use_title},
};

/// Entries of a page.
const LIMIT: u32 = 24;

/// `/events`.
#[component]
pub fn Events() -> Element {
    use_title(said::events());
    let chosen = use_signal(|| "upcoming");
    let tabs = vec![
        Tab::new("upcoming", said::upcoming()),
        Tab::new("past", said::past()),
    ];
    rsx! {
        div { class: "page",
            h1 { class: "heading", "{said::events()}" }
            Tabs { label: said::events(), tabs, chosen,
                if chosen() == "past" {
                    List { past: true }
                } else {
                    List { past: false }
                }
            }
            OwnCalendar {}
        }
    }
}

#[component]
fn List(past: bool) -> Element {
    let list: Paged<EventSummary> = use_paged(move |cursor| async move {
        let asked: Result<Page<EventSummary>, ApiError> =
            questions::list(past, LIMIT, cursor).await;
        asked
    });
    let items = list.items.read();
    rsx! {
        if list.is_empty() {
            if past {
                Empty { title: said::none_past() }
            } else {
                Empty { title: said::none_coming(), text: said::none_coming_text() }
            }
        }
        EventCards { events: items.clone() }
        More { list }
    }
}

/// Events as tiles, each in its colours.
#[component]
pub fn EventCards(events: Vec<EventSummary>, #[props(default = 2)] level: u8) -> Element {
    let none = events.is_empty();
    rsx! {
        ul { class: "cards event-cards", role: "list", hidden: none,
            for event in events {
                li { key: "{event.slug}",
                    Branded { branding: event.branding.clone(), class: "event-tile",
                        Link { class: "event-card", to: Route::EventPage { event: Embedded(event.slug.clone()), query: EventQuery::default() },
                            Cover { title: event.title.clone(), branding: event.branding.clone(), class: "event-card-cover", logo: true }
                            span { class: "event-card-text",
                                if level == 2 { h2 { class: "event-card-title", "{event.title}" } } else { h3 { class: "event-card-title", "{event.title}" } }
                                span { class: "soft", "{when::span(event.starts_at, event.ends_at, None)}" }
                                State { state: event.state, starts_at: event.starts_at, ends_at: event.ends_at }
                            }
                        }
                    }
                }
            }
        }
    }
}
