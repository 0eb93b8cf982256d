//! `/studio/events/:event`: everything about one event, in tabs.

use dioxus::prelude::*;
use weir_protocol::{EventPage, EventSlug, EventState};

use super::{
    branding::BrandingTab, details::Details, life::Publish, people::People, questions,
    report::Report, sessions::Sessions,
};
use crate::{
    api::{Answer, ApiError},
    app::{Embedded, Route},
    event::{State, when, words},
    icon,
    page::EventQuery,
    session::{Who, use_session},
    texts::organiser as said,
    ui::{Empty, Failure, NeedsLogin, Skeleton, Tab, Tabs, use_title},
};

/// An event as it was read, with the tag that an edit of it needs.
#[derive(Clone, PartialEq)]
pub struct Kept {
    pub page: EventPage,
    pub tag: Option<String>,
}

impl From<Answer<EventPage>> for Kept {
    fn from(answer: Answer<EventPage>) -> Self {
        Self {
            page: answer.value,
            tag: answer.tag,
        }
    }
}

impl Kept {
    /// Its name in addresses.
    pub fn slug(&self) -> &EventSlug {
        &self.page.event.summary.slug
    }
}

/// The page.
#[component]
pub fn OrganisedEvent(event: Embedded) -> Element {
    let show = use_callback(|(kept, again): (Kept, Callback<()>)| {
        rsx! { Dashboard { kept, on_change: move |()| again.call(()) } }
    });
    rsx! {
        // Another event is another page.
        for slug in [event.0] {
            Organised { key: "{slug}", slug: slug.clone(), show }
        }
    }
}

/// Asks for an event, and shows it to whoever may change it. What is shown gets a way to ask anew.
#[component]
pub fn Organised(slug: EventSlug, show: Callback<(Kept, Callback<()>), Element>) -> Element {
    let who = use_session().who();
    let mut kept = use_signal(|| None::<Result<Kept, ApiError>>);
    let mut ask = use_future(move || {
        let slug = slug.clone();
        async move {
            let answer = questions::event(&slug).await.map(Kept::from);
            // What was known stays while the server does not answer.
            if answer.is_ok() || !matches!(*kept.peek(), Some(Ok(_))) {
                kept.set(Some(answer));
            }
        }
    });
    let again = use_callback(move |()| ask.restart());
    match (who, kept()) {
        (Who::Nobody, _) => rsx! { NeedsLogin {} },
        (Who::Asking, _) | (_, None) => rsx! { section { class: "page", Skeleton {} } },
        (_, Some(Err(error))) if error.is_not_found() => rsx! { NotYours {} },
        (_, Some(Err(error))) => rsx! {
            section { class: "page", Failure { error, on_retry: move |()| again.call(()) } }
        },
        (_, Some(Ok(found))) if !found.page.may_edit => rsx! { NotYours {} },
        (_, Some(Ok(found))) => show.call((found, again)),
    }
}

#[component]
fn NotYours() -> Element {
    rsx! {
        section { class: "page stack",
            h1 { "{said::your_events()}" }
            Empty { title: said::not_yours(), text: said::not_yours_text(),
                Link { class: "action", to: Route::Organiser {}, "{said::your_events()}" }
            }
        }
    }
}

#[component]
fn Dashboard(kept: Kept, on_change: EventHandler<()>) -> Element {
    let event = &kept.page.event;
    let it = &event.summary;
    let slug = it.slug.clone();
    use_title(it.title.clone());
    let chosen = use_signal(|| match it.state {
        EventState::Ended => "report",
        _ => "details",
    });
    let tabs = vec![
        Tab::new("details", said::details()),
        Tab::new("branding", said::branding()),
        Tab::new("sessions", said::sessions()),
        Tab::new("people", said::people()),
        Tab::new("report", said::report()),
    ];
    let zone = Some(it.time_zone.as_str());
    rsx! {
        section { class: "page stack",
            nav { Link { class: "quiet-link", to: Route::Organiser {}, icon::Back {} "{said::your_events()}" } }
            header { class: "studio-head",
                div { class: "studio-name",
                    h1 { "{it.title}" }
                    p { class: "studio-facts",
                        State { state: it.state, starts_at: it.starts_at, ends_at: it.ends_at }
                        if it.state == EventState::Published { span { class: "badge", "{words::state(it.state)}" } }
                        span { class: "soft", "{when::span(it.starts_at, it.ends_at, zone)}" }
                        span { class: "soft",
                            match event.attendee_limit {
                                Some(limit) => said::places(limit, event.places_taken),
                                None => said::registered(event.places_taken),
                            }
                        }
                    }
                }
                div { class: "actions",
                    Publish { slug: slug.clone(), state: it.state, on_change }
                    Link { class: "action action-soft", to: Route::RunOfShow { event: Embedded(slug.clone()) }, "{said::run_of_show()}" }
                    Link { class: "action action-soft", to: Route::EventPage { event: Embedded(slug.clone()), query: EventQuery::default() }, "{said::open_page()}" }
                }
            }
            Tabs { label: said::parts(), tabs, chosen,
                match chosen() {
                    "branding" => rsx! { BrandingTab { kept: kept.clone(), on_change } },
                    "sessions" => rsx! { Sessions { kept: kept.clone(), on_change } },
                    "people" => rsx! { People { kept: kept.clone(), on_change } },
                    "report" => rsx! { Report { slug: slug.clone() } },
                    _ => rsx! { Details { kept: kept.clone(), on_change } },
                }
            }
        }
    }
}
