//! Attendance by session and by person.

use dioxus::prelude::*;
use weir_protocol::{AttendeeReport, EventSlug, SessionReport};

use super::{key_figures::watched, questions};
use crate::{
    event::{when, words},
    texts::organiser as said,
    ui::{Empty, More, Paged, use_paged},
};

/// What stands where nothing is known.
const NOTHING: &str = "–";

/// One row for each session.
#[component]
pub fn BySession(sessions: Vec<SessionReport>) -> Element {
    rsx! {
        div { class: "panel",
            h2 { id: "by-session", class: "panel-title", "{said::by_session()}" }
            if sessions.is_empty() {
                p { class: "soft", "{said::no_sessions()}" }
            } else {
                div { class: "table-wrap", tabindex: "0", role: "region", "aria-labelledby": "by-session",
                    table { class: "table table-lines",
                        thead { tr {
                            th { scope: "col", "{said::session()}" }
                            th { scope: "col", "{said::starts()}" }
                            th { scope: "col", class: "number", "{said::attendees()}" }
                            th { scope: "col", class: "number", "{said::peak()}" }
                            th { scope: "col", class: "number", "{said::time_watched()}" }
                            th { scope: "col", class: "number", "{said::time_each()}" }
                        } }
                        tbody {
                            for row in sessions {
                                tr { key: "{row.slug}",
                                    th { scope: "row", "{row.title}" }
                                    td { "{when::moment(row.starts_at, None)}" }
                                    td { class: "number", "{row.attendees}" }
                                    td { class: "number", "{row.peak}" }
                                    td { class: "number", "{watched(row.watch_ms)}" }
                                    td { class: "number", {each(&row).map_or_else(|| NOTHING.to_owned(), watched)} }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How long one stayed, in milliseconds; none where nobody came.
fn each(row: &SessionReport) -> Option<i64> {
    (row.attendees > 0).then(|| row.watch_ms / i64::from(row.attendees))
}

/// One row for each person, registered or not.
#[component]
pub fn ByAttendee(slug: EventSlug) -> Element {
    let list: Paged<AttendeeReport> = use_paged(move |cursor| {
        let slug = slug.clone();
        async move { questions::attendance(&slug, cursor).await }
    });
    let or_nothing =
        |at: Option<i64>| at.map_or_else(|| NOTHING.to_owned(), |at| when::moment(at, None));
    rsx! {
        div { class: "panel",
            h2 { id: "by-attendee", class: "panel-title", "{said::by_attendee()}" }
            if list.is_empty() {
                Empty { title: said::nobody_yet(), text: said::nobody_yet_text() }
            }
            if !list.items.read().is_empty() {
                div { class: "table-wrap", tabindex: "0", role: "region", "aria-labelledby": "by-attendee",
                    table { class: "table table-lines",
                        thead { tr {
                            th { scope: "col", "{said::name()}" }
                            th { scope: "col", "{said::state()}" }
                            th { scope: "col", "{said::figure_checked_in()}" }
                            th { scope: "col", "{said::first_seen()}" }
                            th { scope: "col", "{said::last_seen()}" }
                            th { scope: "col", class: "number", "{said::sessions()}" }
                            th { scope: "col", class: "number", "{said::time_watched()}" }
                        } }
                        tbody {
                            for (n, row) in list.items.read().iter().enumerate() {
                                tr { key: "{n}",
                                    th { scope: "row",
                                        "{row.name}"
                                        if let Some(user) = &row.user { span { class: "soft attendee-user", "@{user}" } }
                                    }
                                    td { {row.status.map_or(said::unregistered(), words::status)} }
                                    td { {or_nothing(row.checked_in_at)} }
                                    td { {or_nothing(row.first_seen_at)} }
                                    td { {or_nothing(row.last_seen_at)} }
                                    td { class: "number", "{row.sessions}" }
                                    td { class: "number", "{watched(row.watch_ms)}" }
                                }
                            }
                        }
                    }
                }
            }
            More { list }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn time_is_shared_among_those_who_came() {
        let mut row = SessionReport {
            slug: "a".parse().unwrap(),
            title: String::new(),
            starts_at: 0,
            ends_at: 1,
            attendees: 4,
            watch_ms: 1_000,
            peak: 2,
        };
        assert_eq!(each(&row), Some(250));
        row.attendees = 0;
        assert_eq!(each(&row), None);
    }
}
