//! The sessions of an event, by day.

use dioxus::prelude::*;
use weir_protocol::{EventSession, EventSessionSpeaker};

use super::when;
use crate::{
    app::Route,
    texts::{event as said, frame},
    ui::Avatar,
};

/// In order of time. `beside` makes what stands at the end of a session's row.
#[component]
pub fn Agenda(
    sessions: Vec<EventSession>,
    /// Of the headings of days; those of sessions are one below.
    #[props(default = 2)]
    level: u8,
    beside: Callback<EventSession, Element>,
) -> Element {
    let days = by_day(sessions, |ms| when::day(ms, None));
    rsx! {
        for (day, sessions) in days {
            section { key: "{day}", class: "agenda-day",
                if level == 2 { h2 { class: "agenda-date", "{day}" } } else { h4 { class: "agenda-date", "{day}" } }
                ol { class: "agenda", role: "list",
                    for session in sessions {
                        li { key: "{session.slug}", class: "agenda-row",
                            p { class: "agenda-time",
                                span { class: "agenda-start", "{when::clock(session.starts_at, None)}" }
                                span { class: "soft", "{when::clock(session.ends_at, None)}" }
                            }
                            div { class: "agenda-what",
                                if level == 2 { h3 { class: "agenda-title", "{session.title}" } } else { h5 { class: "agenda-title", "{session.title}" } }
                                Facts { session: session.clone() }
                                if !session.description.is_empty() { p { class: "event-words", "{session.description}" } }
                                Speakers { speakers: session.speakers.clone() }
                            }
                            {beside.call(session)}
                        }
                    }
                }
            }
        }
    }
}

#[component]
fn Facts(session: EventSession) -> Element {
    let live = session.stream.as_ref().filter(|it| it.live);
    if session.stage.is_empty() && live.is_none() {
        return rsx! {};
    }
    rsx! {
        p { class: "event-facts",
            if let Some(stream) = live {
                span { class: "badge badge-live", "{frame::live()}" }
                span { class: "soft", {frame::viewers(u64::from(stream.viewers), stream.viewers)} }
            }
            if !session.stage.is_empty() { span { class: "soft", "{session.stage}" } }
        }
    }
}

/// Who speaks, with what is said of them.
#[component]
pub fn Speakers(speakers: Vec<EventSessionSpeaker>) -> Element {
    if speakers.is_empty() {
        return rsx! {};
    }
    rsx! {
        ul { class: "speakers", role: "list", "aria-label": said::speakers(),
            for (n, speaker) in speakers.into_iter().enumerate() {
                li { key: "{n}", class: "speaker",
                    Avatar { name: speaker.name.clone() }
                    div {
                        match &speaker.user {
                            Some(user) => rsx! { Link { class: "speaker-name speaker-link", to: Route::User { name: user.clone() }, "{speaker.name}" } },
                            None => rsx! { span { class: "speaker-name", "{speaker.name}" } },
                        }
                        if !speaker.bio.is_empty() { p { class: "soft speaker-bio", "{speaker.bio}" } }
                    }
                }
            }
        }
    }
}

/// Each day with what begins on it, the earliest first.
fn by_day(
    mut sessions: Vec<EventSession>,
    day_of: impl Fn(i64) -> String,
) -> Vec<(String, Vec<EventSession>)> {
    sessions.sort_by_key(|it| (it.starts_at, it.position));
    let mut days: Vec<(String, Vec<EventSession>)> = Vec::new();
    for session in sessions {
        let day = day_of(session.starts_at);
        match days.last_mut() {
            Some((last, sessions)) if *last == day => sessions.push(session),
            _ => days.push((day, vec![session])),
        }
    }
    days
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sessions_stand_under_their_day_in_order_of_time() {
        let session = |slug: &str, starts_at| EventSession {
            slug: slug.parse().unwrap(),
            title: slug.to_owned(),
            description: String::new(),
            starts_at,
            ends_at: starts_at + 1,
            stage: String::new(),
            position: 0,
            speakers: Vec::new(),
            stream: None,
            room: String::new(),
            version: 1,
        };
        let all = vec![session("c", 210), session("b", 150), session("a", 110)];
        let days = by_day(all, |ms| (ms / 100).to_string());
        let shape: Vec<Vec<String>> = days
            .iter()
            .map(|(_, of)| of.iter().map(|it| it.title.clone()).collect())
            .collect();
        assert_eq!(shape, [vec!["a", "b"], vec!["c"]]);
    }
}
