//! A session is made or changed.

use dioxus::prelude::*;
use weir_protocol::{
    CreateEventSession, EditEventSession, EventSession, EventSlug, StreamSlug, StreamSummary,
};

use super::{
    event::Kept,
    questions,
    speakers::{SpeakerFields, lines, written},
};
use crate::{
    api::ApiError,
    event::when,
    page::studio::suggested_slug,
    texts::{frame, organiser as said},
    ui::{Choice, Dialog, Failure, Submit, TextArea, TextField, use_toasts},
};

const HOUR_MS: i64 = 3_600_000;

/// `before`: the session that is changed.
#[component]
pub fn SessionForm(
    kept: Kept,
    before: Option<EventSession>,
    on_change: EventHandler<()>,
    on_close: EventHandler<()>,
) -> Element {
    let event = &kept.page.event.summary;
    let zone = event.time_zone.clone();
    let local = |ms: i64| when::local(ms as f64, &zone);
    let (first, last) = suggested(&kept);
    let was = before.as_ref();
    let title = use_signal(|| was.map(|it| it.title.clone()).unwrap_or_default());
    let description = use_signal(|| was.map(|it| it.description.clone()).unwrap_or_default());
    let stage = use_signal(|| was.map(|it| it.stage.clone()).unwrap_or_default());
    let starts = use_signal(|| local(was.map_or(first, |it| it.starts_at)));
    let ends = use_signal(|| local(was.map_or(last, |it| it.ends_at)));
    let stream = use_signal(|| {
        let shown = was.and_then(|it| it.stream.as_ref());
        shown.map(|it| it.slug.to_string()).unwrap_or_default()
    });
    let speakers = use_signal(|| lines(was.map_or(&[], |it| it.speakers.as_slice())));
    let mut wanting = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let times = {
        let zone = zone.clone();
        move || {
            let (from, to) = (
                when::at(&starts.read(), &zone)?,
                when::at(&ends.read(), &zone)?,
            );
            (to > from).then_some((from, to))
        }
    };
    let times_for_sending = times.clone();
    let (slug, was) = (event.slug.clone(), before.clone());
    let taken: Vec<EventSlug> = kept
        .page
        .sessions
        .iter()
        .map(|it| it.slug.clone())
        .collect();
    let send = move |event: FormEvent| {
        event.prevent_default();
        let (slug, was, taken) = (slug.clone(), was.clone(), taken.clone());
        let times = times_for_sending();
        async move {
            wanting.set(true);
            let name = title.read().trim().to_owned();
            let Some((starts_at, ends_at)) = times else {
                return;
            };
            if name.is_empty() || busy() {
                return;
            }
            busy.set(true);
            let shown = stream.read().parse::<StreamSlug>().ok();
            let speakers = written(&speakers.read());
            let outcome = match was {
                None => {
                    let new = CreateEventSession {
                        slug: free_slug(&name, &taken),
                        title: name,
                        description: description.cloned(),
                        starts_at,
                        ends_at,
                        stage: stage.cloned(),
                        position: 0,
                        speakers,
                        stream: shown,
                    };
                    questions::create_session(&slug, &new).await
                }
                Some(was) => {
                    let before = was.stream.as_ref().map(|it| it.slug.clone());
                    let edit = EditEventSession {
                        title: Some(name),
                        description: Some(description.cloned()),
                        starts_at: Some(starts_at),
                        ends_at: Some(ends_at),
                        stage: Some(stage.cloned()),
                        position: None,
                        speakers: Some(speakers),
                        // Only a change: another organiser's stream is not this one's to bind.
                        stream: Some(shown.clone()).filter(|_| shown != before),
                    };
                    questions::edit_session(&slug, &was, &edit).await
                }
            };
            busy.set(false);
            match outcome {
                Ok(_) => {
                    toasts.say(frame::saved());
                    on_close.call(());
                    on_change.call(());
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    };
    let missing = |bad: bool| {
        if wanting() && bad {
            frame::required()
        } else {
            ""
        }
    };
    let end_error = if times().is_none() {
        said::bad_session_end()
    } else {
        ""
    };
    let heading = if before.is_none() {
        said::new_session()
    } else {
        said::edit_session()
    };
    rsx! {
        Dialog { title: heading, on_close, wide: true,
            form { class: "form studio-wide", novalidate: true, onsubmit: send,
                TextField { label: said::title(), value: title, required: true, maxlength: 200, error: missing(title.read().trim().is_empty()), autofocus: true }
                div { class: "fields-two",
                    TextField { label: said::starts(), value: starts, required: true, kind: "datetime-local", hint: said::in_zone(&zone) }
                    TextField { label: said::ends(), value: ends, required: true, kind: "datetime-local", error: end_error }
                }
                div { class: "fields-two",
                    StreamField { stream }
                    TextField { label: said::stage(), value: stage, optional: true, maxlength: 100, hint: said::stage_hint() }
                }
                TextArea { label: said::description(), value: description, optional: true, rows: 3, maxlength: 10_000 }
                SpeakerFields { lines: speakers }
                if let Some(error) = error() { Failure { error } }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: frame::save(), busy: busy() }
                }
            }
        }
    }
}

/// The stream that shows it: one of the user's own, or the one that is bound already.
#[component]
fn StreamField(stream: Signal<String>) -> Element {
    let mut own = use_signal(Vec::<StreamSummary>::new);
    use_future(move || async move {
        // Without them a session keeps the stream that it has.
        if let Ok(all) = questions::streams().await {
            own.set(all);
        }
    });
    let bound = use_hook(|| stream.peek().clone());
    let mut options = vec![(String::new(), said::stream_later().to_owned())];
    let named = own().into_iter().map(|it| {
        let name = format!("{} (@{})", it.title, it.slug);
        (it.slug.to_string(), name)
    });
    options.extend(named);
    if !bound.is_empty() && !options.iter().any(|(key, _)| *key == bound) {
        options.push((bound.clone(), format!("@{bound}")));
    }
    rsx! {
        Choice { label: said::stream(), value: stream, options, hint: said::stream_hint() }
    }
}

/// Behind the last session, within the event.
fn suggested(kept: &Kept) -> (i64, i64) {
    let event = &kept.page.event.summary;
    let last = kept.page.sessions.iter().map(|it| it.ends_at).max();
    let start = last
        .filter(|it| *it < event.ends_at)
        .unwrap_or(event.starts_at);
    (start, (start + HOUR_MS).min(event.ends_at))
}

/// A name in addresses that no other session of the event has.
fn free_slug(title: &str, taken: &[EventSlug]) -> EventSlug {
    let stem = Some(suggested_slug(title)).filter(|it| !it.is_empty());
    let stem = stem.unwrap_or_else(|| "session".to_owned());
    let mut names = std::iter::once(stem.clone()).chain((2..).map(|n| format!("{stem}-{n}")));
    names
        .find_map(|name| {
            let slug: EventSlug = name.parse().ok()?;
            (!taken.contains(&slug)).then_some(slug)
        })
        .expect("one of endless names is free")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sessions_share_a_name() {
        let taken = ["opening".parse().unwrap(), "opening-2".parse().unwrap()];
        assert_eq!(free_slug("Opening", &taken).as_str(), "opening-3");
        assert_eq!(free_slug("Closing", &taken).as_str(), "closing");
        assert_eq!(free_slug("…", &taken).as_str(), "session");
    }
}
