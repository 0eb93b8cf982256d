//! The top of an event's page: cover, logo, title, when.

use dioxus::prelude::*;
use weir_protocol::{EventDetails, EventState};

use super::{branded::picture, cover::Cover, when, words};
use crate::texts::event as said;

/// Whether it is now, is over, or does not take place; nothing for what is still to come.
#[component]
pub fn State(state: EventState, starts_at: i64, ends_at: i64) -> Element {
    let now = crate::dom::wall_ms() as i64;
    match state {
        EventState::Published if (starts_at..ends_at).contains(&now) => rsx! {
            span { class: "badge badge-live", "{said::now()}" }
        },
        EventState::Published if now >= ends_at => {
            rsx! { span { class: "badge", "{words::state(EventState::Ended)}" } }
        }
        EventState::Published => rsx! {},
        EventState::Draft => {
            rsx! { span { class: "badge badge-waits", "{words::state(state)}" } }
        }
        EventState::Cancelled | EventState::Ended => {
            rsx! { span { class: "badge", "{words::state(state)}" } }
        }
    }
}

/// `children` stand beside the title: what one can do.
#[component]
pub fn Face(
    event: EventDetails,
    /// Of its heading: a preview is no page of its own.
    #[props(default = 1)]
    level: u8,
    children: Element,
) -> Element {
    let it = &event.summary;
    let zone = it.time_zone.as_str();
    let elsewhere = when::differs(it.starts_at, zone);
    rsx! {
        header { class: "event-face",
            Cover { title: it.title.clone(), branding: it.branding.clone(), class: "event-cover" }
            div { class: "event-head",
                if let Some(logo) = &it.branding.logo { img { class: "event-logo", src: picture(logo), alt: "" } }
                div { class: "event-names",
                    if level == 1 { h1 { class: "event-title", "{it.title}" } } else { h3 { class: "event-title", "{it.title}" } }
                    p { class: "event-when",
                        State { state: it.state, starts_at: it.starts_at, ends_at: it.ends_at }
                        span { "{when::span(it.starts_at, it.ends_at, None)}" }
                    }
                    if elsewhere {
                        p { class: "soft", {said::there(place(zone), when::span(it.starts_at, it.ends_at, Some(zone)))} }
                    }
                    if let Some(owner) = &event.owner { p { class: "soft", {said::by(owner)} } }
                }
                {children}
            }
        }
    }
}

/// `Europe/Berlin` is Berlin to people.
fn place(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_said_by_their_place() {
        assert_eq!(place("America/Argentina/Buenos_Aires"), "Buenos Aires");
        assert_eq!(place("UTC"), "UTC");
    }
}
