//! `/events/:event/:session`: a session's stream, its room, and what comes next.

use dioxus::prelude::*;
use weir_protocol::{Caption, EventPage, EventSession, StreamSummary, room::RoomName};

use super::{
    EventQuery,
    attend::use_attendance,
    live::{LiveEvent, use_live_event},
    speak::SpeakHere,
};
use crate::{
    app::{Embedded, Route},
    event::{Branded, Speakers, when},
    icon,
    player::Player,
    room::RoomPanel,
    texts::event as said,
    ui::{Empty, Failure, Skeleton, use_title},
};

/// The page of a session.
#[component]
pub fn EventSessionPage(event: Embedded, session: Embedded) -> Element {
    rsx! {
        // Another session is another page.
        for key in [format!("{event}/{session}")] {
            Known { key: "{key}", event: event.clone(), session: session.clone() }
        }
    }
}

#[component]
fn Known(event: Embedded, session: Embedded) -> Element {
    let live = use_live_event(&event.0, None);
    let mut page = use_signal(|| None::<EventPage>);
    use_effect(move || {
        if let Some(Ok(new)) = &*live.page.read() {
            page.set(Some(new.clone()));
        }
    });
    use_attendance(page, &event.0, &session.0);
    let state = live.page.read();
    let found = match &*state {
        None => return rsx! { section { class: "page", Skeleton { lines: 6 } } },
        Some(Err(error)) if !error.is_not_found() => {
            return rsx! {
                section { class: "page", Failure { error: error.clone(), on_retry: move |()| live.again() } }
            };
        }
        Some(Err(_)) => None,
        Some(Ok(page)) => {
            let mut sessions = page.sessions.iter();
            let found = sessions.find(|it| it.slug == session.0);
            found.map(|it| (page.clone(), it.clone()))
        }
    };
    match found {
        Some((page, session)) => rsx! { Shown { page, session, live } },
        None => rsx! { NoSession { event } },
    }
}

#[component]
fn NoSession(event: Embedded) -> Element {
    use_title(said::no_session());
    rsx! {
        section { class: "page stack",
            h1 { class: "heading", "{said::no_session()}" }
            Empty { title: said::no_session_title(), text: said::no_event_text(),
                Link { class: "action", to: Route::EventPage { event, query: EventQuery::default() }, "{said::to_event()}" }
            }
        }
    }
}

#[component]
fn Shown(page: EventPage, session: EventSession, live: LiveEvent) -> Element {
    use_title(session.title.clone());
    let stream = use_signal(|| None::<StreamSummary>);
    let wide = use_signal(|| false);
    let moderates = use_signal(|| false);
    let captions = use_signal(Caption::default);
    let summary = &page.event.summary;
    let event = Embedded(summary.slug.clone());
    let room = session.room.parse::<RoomName>().ok();
    let next = following(&page.sessions, &session);
    rsx! {
        Branded { branding: summary.branding.clone(), class: "event-page",
            article { class: if wide() { "watch watch-wide" } else { "watch" },
                div { class: "watch-picture",
                    match &session.stream {
                        Some(shown) => rsx! {
                            for slug in [shown.slug.clone()] { Player { key: "{slug}", slug, stream, wide, captions } }
                        },
                        None => rsx! { p { class: "event-no-stream", "{said::no_stream()}" } },
                    }
                }
                div { class: "watch-head",
                    nav { Link { class: "quiet-link", to: Route::EventPage { event: event.clone(), query: EventQuery::default() }, icon::Back {} "{summary.title}" } }
                    header {
                        h1 { class: "event-title", "{session.title}" }
                        p { class: "event-facts soft",
                            span { "{when::span(session.starts_at, session.ends_at, None)}" }
                            if !session.stage.is_empty() { span { "{session.stage}" } }
                        }
                    }
                }
                div { class: "watch-room",
                    if let Some(name) = room { RoomPanel { name, moderates, captions } }
                }
                div { class: "watch-about stack",
                    if !session.description.is_empty() { p { class: "event-words", "{session.description}" } }
                    Speakers { speakers: session.speakers.clone() }
                    SpeakHere { event: summary.slug.clone(), session: session.clone(), live }
                    if let Some(next) = next {
                        section { class: "panel", "aria-labelledby": "next-title",
                            h2 { id: "next-title", class: "panel-title", "{said::next()}" }
                            Link { class: "link", to: Route::EventSessionPage { event, session: Embedded(next.slug.clone()) },
                                "{when::clock(next.starts_at, None)} · {next.title}"
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What begins next after a session.
fn following(sessions: &[EventSession], now: &EventSession) -> Option<EventSession> {
    let later = sessions
        .iter()
        .filter(|it| it.slug != now.slug && it.starts_at >= now.ends_at);
    later.min_by_key(|it| (it.starts_at, it.position)).cloned()
}
