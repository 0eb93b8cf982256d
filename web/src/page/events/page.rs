//! `/events/:event`: what it is, when, who speaks, and how to take part.

use dioxus::prelude::*;
use weir_protocol::{EventPage as Everything, EventSession, EventState};

use super::{
    EventQuery,
    live::{LiveEvent, use_live_event},
    place::Place,
    questions, ticket,
};
use crate::{
    app::{Embedded, Route},
    event::{Agenda, Branded, Face},
    icon,
    texts::event as said,
    ui::{Empty, Failure, Skeleton, use_title},
};

/// The page of an event.
#[component]
pub fn EventPage(event: Embedded, query: EventQuery) -> Element {
    rsx! {
        // Another event is another page.
        for slug in [event.0] {
            Known { key: "{slug}", event: Embedded(slug.clone()), query: query.clone() }
        }
    }
}

#[component]
fn Known(event: Embedded, query: EventQuery) -> Element {
    let slug = event.0.clone();
    let navigator = use_navigator();
    // From the letter into the browser, before the first question.
    use_hook(|| {
        if let Some(secret) = query.ticket() {
            ticket::keep(&slug, &secret);
        }
    });
    let (to, at) = (event.clone(), query.clone());
    use_effect(move || {
        if at.ticket().is_some() {
            navigator.replace(Route::EventPage {
                event: to.clone(),
                query: at.without_ticket(),
            });
        }
    });
    let live = use_live_event(&slug, query.invitation());
    let page = live.page.read();
    match &*page {
        None => rsx! { section { class: "page", Skeleton { lines: 6 } } },
        Some(Err(error)) if error.is_not_found() => rsx! { NoEvent {} },
        Some(Err(error)) => rsx! {
            section { class: "page", Failure { error: error.clone(), on_retry: move |()| live.again() } }
        },
        Some(Ok(page)) => rsx! {
            Shown { page: page.clone(), live, invitation: query.invitation() }
        },
    }
}

#[component]
fn NoEvent() -> Element {
    use_title(said::no_event());
    rsx! {
        section { class: "page stack",
            h1 { class: "heading", "{said::no_event()}" }
            Empty { title: said::no_event_title(), text: said::no_event_text(),
                Link { class: "action", to: Route::Events {}, "{said::all_events()}" }
            }
        }
    }
}

#[component]
fn Shown(page: Everything, live: LiveEvent, invitation: Option<String>) -> Element {
    let summary = &page.event.summary;
    use_title(summary.title.clone());
    let slug = summary.slug.clone();
    let calendar = questions::calendar(&slug, None, invitation.as_deref());
    let open = summary.state == EventState::Published;
    let (of, by) = (slug.clone(), invitation.clone());
    let beside = use_callback(move |session: EventSession| {
        let calendar = questions::calendar(&of, Some(&session.slug), by.as_deref());
        rsx! {
            div { class: "agenda-acts",
                if open && session.stream.is_some() {
                    Join { event: Embedded(of.clone()), session: session.clone() }
                }
                a { class: "action action-soft action-small agenda-calendar", href: "{calendar}", download: true,
                    "aria-label": said::calendar_of(&session.title), "{said::calendar()}"
                }
            }
        }
    });
    rsx! {
        Branded { branding: summary.branding.clone(), class: "event-page",
            article { class: "page event",
                Face { event: page.event.clone(),
                    div { class: "actions event-acts",
                        a { class: "action action-soft", href: "{calendar}", download: true, "{said::calendar()}" }
                        if page.may_edit {
                            Link { class: "action action-soft", to: Route::OrganisedEvent { event: Embedded(slug) }, "{said::organise()}" }
                        }
                    }
                }
                if summary.state == EventState::Cancelled {
                    p { class: "event-notice", role: "status", "{said::is_cancelled()}" }
                }
                div { class: "event-columns",
                    Place { page: page.clone(), live, invitation }
                    div { class: "event-body",
                        if !page.event.description.is_empty() {
                            section {
                                h2 { class: "unseen", "{said::about()}" }
                                p { class: "event-words", "{page.event.description}" }
                            }
                        }
                        if page.sessions.is_empty() {
                            p { class: "soft", "{said::no_sessions()}" }
                        }
                        Agenda { sessions: page.sessions.clone(), beside }
                        nav { Link { class: "quiet-link", to: Route::Events {}, icon::Back {} "{said::all_events()}" } }
                    }
                }
            }
        }
    }
}

/// To a session: louder while it is live.
#[component]
fn Join(event: Embedded, session: EventSession) -> Element {
    let is_live = session.stream.as_ref().is_some_and(|it| it.live);
    let (class, text) = if is_live {
        ("action action-small", said::join())
    } else {
        ("action action-soft action-small", said::open_session())
    };
    rsx! {
        Link { class, to: Route::EventSessionPage { event, session: Embedded(session.slug.clone()) },
            "aria-label": "{text}: {session.title}",
            if is_live { icon::Play {} }
            "{text}"
        }
    }
}
