//! `/studio/events/:event/day`: an event while it takes place, on the phone of whoever runs it.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{AttendanceReport, EventSession, EventSlug};

use super::{
    event::{Kept, Organised},
    key_figures::Figures,
    questions,
    registrations::Search,
    run::{Phase, Trouble, run, trouble},
};
use crate::{
    app::{Embedded, Handle, Route},
    dom,
    event::{State, when},
    icon,
    texts::{frame, organiser as said},
    ui::{Empty, duration, use_title},
};

/// How often the server is asked how things stand. Milliseconds.
const LOOK_MS: u32 = 5_000;

/// The page.
#[component]
pub fn RunOfShow(event: Embedded) -> Element {
    let show = use_callback(|(kept, again): (Kept, Callback<()>)| {
        rsx! { Day { kept, again } }
    });
    rsx! {
        for slug in [event.0] {
            Organised { key: "{slug}", slug: slug.clone(), show }
        }
    }
}

#[component]
fn Day(kept: Kept, again: Callback<()>) -> Element {
    let it = &kept.page.event.summary;
    use_title(format!("{} · {}", said::run_of_show(), it.title));
    let slug = it.slug.clone();
    let mut now = use_signal(|| dom::wall_ms() as i64);
    use_future(move || async move {
        loop {
            TimeoutFuture::new(1_000).await;
            now.set(dom::wall_ms() as i64);
        }
    });
    let mut report = use_signal(|| None::<AttendanceReport>);
    let asked = slug.clone();
    let look = use_callback(move |()| {
        let slug = asked.clone();
        spawn(async move {
            // What was known stays while the server does not answer.
            if let Ok(new) = questions::report(&slug).await {
                report.set(Some(new));
            }
        });
    });
    use_future(move || async move {
        loop {
            look.call(());
            TimeoutFuture::new(LOOK_MS).await;
            again.call(());
        }
    });
    let zone = it.time_zone.clone();
    let status = use_signal(|| "confirmed".to_owned());
    let sessions = run(kept.page.sessions.clone(), now());
    rsx! {
        section { class: "page stack day",
            nav { Link { class: "quiet-link", to: Route::OrganisedEvent { event: Embedded(slug.clone()) }, icon::Back {} "{it.title}" } }
            header { class: "studio-head",
                div { class: "studio-name",
                    h1 { "{said::run_of_show()}" }
                    p { class: "studio-facts",
                        State { state: it.state, starts_at: it.starts_at, ends_at: it.ends_at }
                        span { class: "soft", "{when::day(now(), Some(&zone))}" }
                    }
                }
                // The wall clock of the event: everybody who runs it goes by the same one.
                p { class: "day-clock", "{when::clock(now(), Some(&zone))}" }
            }
            if let Some(report) = report() { Figures { totals: report.totals } }
            div { class: "studio-columns",
                section { "aria-labelledby": "run-title", class: "stack day-run",
                    h2 { id: "run-title", class: "panel-title", "{said::sessions()}" }
                    if sessions.is_empty() { Empty { title: said::no_sessions(), text: said::no_sessions_text() } }
                    ol { class: "day-list", role: "list",
                        for (session, phase) in sessions {
                            li { key: "{session.slug}", Slot { event: slug.clone(), session, phase, zone: zone.clone() } }
                        }
                    }
                }
                section { class: "panel", "aria-labelledby": "door-title",
                    h2 { id: "door-title", class: "panel-title", "{said::check_in()}" }
                    Search { slug: slug.clone(), status, short: true, on_change: move |()| look.call(()) }
                }
            }
        }
    }
}

#[component]
fn Slot(event: EventSlug, session: EventSession, phase: Phase, zone: String) -> Element {
    let class = match phase {
        Phase::Over => "panel slot slot-over",
        Phase::Now { .. } => "panel slot slot-now",
        Phase::Next { .. } => "panel slot slot-next",
        Phase::Later => "panel slot",
    };
    let who: Vec<&str> = session.speakers.iter().map(|it| it.name.as_str()).collect();
    let zone = Some(zone.as_str());
    rsx! {
        div { class,
            div { class: "slot-head",
                p { class: "slot-time", "{when::clock(session.starts_at, zone)} – {when::clock(session.ends_at, zone)}" }
                Count { phase }
            }
            h3 { "{session.title}" }
            p { class: "studio-facts soft",
                if !session.stage.is_empty() { span { "{session.stage}" } }
                if !who.is_empty() { span { {who.join(", ")} } }
            }
            p { class: "studio-facts",
                match &session.stream {
                    Some(stream) if stream.live => rsx! {
                        span { class: "badge badge-live", "{frame::live()}" }
                        span { class: "soft", {frame::viewers(u64::from(stream.viewers), stream.viewers)} }
                        span { class: "soft", "@{stream.slug}" }
                    },
                    Some(stream) => rsx! {
                        span { class: "badge", "{frame::offline()}" }
                        span { class: "soft", "@{stream.slug}" }
                    },
                    None => rsx! {},
                }
            }
            if let Some(trouble) = trouble(&session, phase) {
                p { class: "slot-trouble",
                    match trouble {
                        Trouble::NoStream => said::trouble_no_stream(),
                        Trouble::NotLive => said::trouble_not_live(),
                        Trouble::SoonNotLive => said::trouble_soon(),
                    }
                }
            }
            if let Some(stream) = &session.stream {
                div { class: "actions",
                    Link { class: "action action-soft", to: Route::StudioStream { stream: Embedded(stream.slug.clone()) }, "aria-label": "{frame::studio()}: {session.title}", "{frame::studio()}" }
                    Link { class: "action action-soft", to: Route::EventSessionPage { event: Embedded(event), session: Embedded(session.slug.clone()) },
                        "aria-label": "{said::watch()}: {session.title}", "{said::watch()}" }
                    Link { class: "action action-soft", to: Route::Watch { handle: Handle(stream.slug.clone()) }, "aria-label": "{said::stream_page()}: {session.title}", "{said::stream_page()}" }
                }
            }
        }
    }
}

/// How long it still takes.
#[component]
fn Count(phase: Phase) -> Element {
    match phase {
        Phase::Over => rsx! { span { class: "soft", "{said::over()}" } },
        Phase::Now { left_ms } => rsx! {
            span { class: "slot-count", span { class: "badge slot-badge", "{said::now()}" } {said::left(duration(left_ms))} }
        },
        Phase::Next { in_ms } => rsx! {
            span { class: "slot-count", span { class: "badge", "{said::next()}" } {said::begins_in(duration(in_ms))} }
        },
        Phase::Later => rsx! {},
    }
}
