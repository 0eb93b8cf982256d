//! `/studio/events`: the events that a user organises.

use dioxus::prelude::*;
use weir_protocol::EventSummary;

use super::{new_event::NewEvent, questions};
use crate::{
    app::{Embedded, Route},
    event::{Branded, Cover, State, when, words},
    icon,
    session::{Who, use_session},
    texts::{event as names, frame, organiser as said},
    ui::{Empty, More, NeedsLogin, Skeleton, use_paged, use_title},
};

/// The list, and the way to a new one.
#[component]
pub fn Organiser() -> Element {
    use_title(said::your_events());
    match use_session().who() {
        Who::Asking => rsx! { section { class: "page", Skeleton {} } },
        Who::Nobody => rsx! { NeedsLogin {} },
        Who::User(me) => rsx! { Mine { may_make: me.role != "attendee" } },
    }
}

#[component]
fn Mine(may_make: bool) -> Element {
    let list = use_paged(questions::mine);
    let mut making = use_signal(|| false);
    rsx! {
        section { class: "page stack",
            nav { Link { class: "quiet-link", to: Route::Studio {}, icon::Back {} "{frame::studio()}" } }
            header { class: "studio-head",
                h1 { "{said::your_events()}" }
                if may_make && list.is_loaded() && !list.is_empty() {
                    button { class: "action", r#type: "button", onclick: move |_| making.set(true), "{said::new_event()}" }
                }
            }
            if list.is_empty() {
                if may_make {
                    Empty { title: said::no_events(), text: said::no_events_text(),
                        button { class: "action", r#type: "button", onclick: move |_| making.set(true), "{said::new_event()}" }
                    }
                } else {
                    Empty { title: said::no_organiser(), text: said::no_organiser_text() }
                }
            }
            ul { class: "studio-cards", role: "list", hidden: list.items.read().is_empty(),
                for event in list.items.read().iter() {
                    li { key: "{event.slug}", Card { event: event.clone() } }
                }
            }
            More { list }
        }
        if making() {
            NewEvent { on_close: move |()| making.set(false) }
        }
    }
}

#[component]
fn Card(event: EventSummary) -> Element {
    let to = Route::OrganisedEvent {
        event: Embedded(event.slug.clone()),
    };
    let zone = Some(event.time_zone.as_str());
    rsx! {
        Link { class: "studio-card", to,
            Branded { branding: event.branding.clone(),
                Cover { title: event.title.clone(), branding: event.branding.clone(), class: "event-card-cover", logo: true }
            }
            span { class: "studio-card-text",
                span { class: "studio-card-title", "{event.title}" }
                span { class: "soft", "{when::span(event.starts_at, event.ends_at, zone)}" }
                span { class: "studio-facts",
                    State { state: event.state, starts_at: event.starts_at, ends_at: event.ends_at }
                    if event.state == weir_protocol::EventState::Published { span { class: "badge", "{names::state_published()}" } }
                    if event.visibility != weir_protocol::EventVisibility::Public { span { class: "badge", "{words::visibility(event.visibility)}" } }
                }
            }
        }
    }
}
