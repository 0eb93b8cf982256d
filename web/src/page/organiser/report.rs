//! Who came, how long they stayed, and which sessions drew them.

use dioxus::prelude::*;
use weir_protocol::{AttendanceReport, EventSlug, SessionReport};

use super::{
    key_figures::Figures,
    questions,
    report_tables::{ByAttendee, BySession},
};
use crate::{
    api::ApiError,
    texts::organiser as said,
    ui::{BarChart, Failure, Series, Skeleton, Unit},
};

/// Figures, tables, files.
#[component]
pub fn Report(slug: EventSlug) -> Element {
    let mut report = use_signal(|| None::<Result<AttendanceReport, ApiError>>);
    let asked = slug.clone();
    let mut ask = use_future(move || {
        let slug = asked.clone();
        async move { report.set(Some(questions::report(&slug).await)) }
    });
    let files = [
        (said::file_sessions(), "/report.csv"),
        (said::file_attendance(), "/attendance.csv"),
        (said::file_registrations(), "/registrations.csv"),
    ];
    rsx! {
        div { class: "stack",
            header { class: "studio-head",
                p { class: "soft studio-measure", "{said::report_intro()}" }
                div { class: "actions",
                    for (name, path) in files {
                        a { key: "{path}", class: "action action-soft", href: questions::of(&slug, path), download: true, "{name}" }
                    }
                }
            }
            match report() {
                None => rsx! { Skeleton { lines: 5 } },
                Some(Err(error)) => rsx! { Failure { error, on_retry: move |()| ask.restart() } },
                Some(Ok(found)) => rsx! {
                    Figures { totals: found.totals }
                    if found.sessions.iter().any(|it| it.attendees > 0) { Charts { sessions: found.sessions.clone() } }
                    BySession { sessions: found.sessions }
                },
            }
            ByAttendee { slug }
        }
    }
}

/// How the sessions compare.
#[component]
fn Charts(sessions: Vec<SessionReport>) -> Element {
    let names: Vec<String> = sessions.iter().map(|it| it.title.clone()).collect();
    let series = |name: &str, of: fn(&SessionReport) -> f64| {
        Series::new(name, sessions.iter().map(|it| Some(of(it))).collect())
    };
    let people = vec![
        series(said::attendees(), |it| f64::from(it.attendees)),
        series(said::peak(), |it| f64::from(it.peak)),
    ];
    let time = vec![series(said::time_watched(), |it| it.watch_ms as f64)];
    rsx! {
        div { class: "studio-columns charts",
            div { class: "panel", BarChart { label: said::chart_attendees(), names: names.clone(), series: people, unit: Unit::Count } }
            div { class: "panel", BarChart { label: said::chart_time(), names, series: time, unit: Unit::Length } }
        }
    }
}
