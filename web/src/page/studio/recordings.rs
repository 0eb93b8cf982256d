//! Whether broadcasts are recorded, and what has been.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{
    EditRecording, Page, Recording, RecordingState, RecordingStatus, SetRecording, StreamSlug,
    StreamSummary,
};

use super::{
    questions::{of, paged},
    remove::Remove,
};
use crate::{
    api::{self, ApiError},
    app::Route,
    texts::{frame, studio as said},
    ui::{
        Choice, Empty, Failure, More, Paged, Skeleton, Switch, duration, moment, use_paged,
        use_toasts,
    },
};

/// How often the list is brought up to date: what is being made is ready in a moment. Milliseconds.
const REFRESH_MS: u32 = 5_000;

/// The setting, and the list.
#[component]
pub fn Recordings(slug: StreamSlug, state: Signal<Option<StreamSummary>>) -> Element {
    let address = of(&slug, "/recordings");
    let list = use_paged(move |cursor| {
        let address = paged(&address, cursor);
        async move { api::get(&address).json::<Page<Recording>>().await }
    });
    use_future(move || async move {
        loop {
            TimeoutFuture::new(REFRESH_MS).await;
            if list.is_whole() {
                list.again();
            }
        }
    });
    let live = state.read().as_ref().is_some_and(|it| it.live);
    rsx! {
        div { class: "stack",
            // A broadcast that begins or ends has another state.
            for live in [live] {
                Setting { key: "{live}", slug: slug.clone(), live, list }
            }
            if list.is_empty() {
                Empty { title: said::no_recordings(), text: said::no_recordings_text() }
            }
            ul { class: "studio-rows", role: "list",
                for recording in list.items.read().iter() {
                    li { key: "{recording.id}", class: "panel", Row { recording: recording.clone(), list } }
                }
            }
            More { list }
        }
    }
}

#[component]
fn Setting(slug: StreamSlug, live: bool, list: Paged<Recording>) -> Element {
    let mut status = use_signal(|| None::<RecordingStatus>);
    let mut error = use_signal(|| None::<ApiError>);
    let mut wish = use_signal(String::new);
    let mut saving = use_signal(|| false);
    let toasts = use_toasts();
    let address = of(&slug, "/recording");
    let for_reading = address.clone();
    let mut read = use_future(move || {
        let address = for_reading.clone();
        async move {
            match api::get(&address).json::<RecordingStatus>().await {
                Ok(found) => {
                    // A choice that is being kept is newer than this.
                    if !*saving.peek() {
                        wish.set(word(found.record).to_owned());
                    }
                    error.set(None);
                    status.set(Some(found));
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    });
    let for_saving = address.clone();
    let save = use_callback(move |()| {
        // One at a time, until what is kept is what was chosen last.
        if saving.replace(true) {
            return;
        }
        let address = for_saving.clone();
        spawn(async move {
            loop {
                let wanted = wish.cloned();
                let record = match wanted.as_str() {
                    "on" => Some(true),
                    "off" => Some(false),
                    _ => None,
                };
                let ask = api::put(&address).body(&SetRecording { record });
                match ask.json::<RecordingStatus>().await {
                    Ok(new) => {
                        status.set(Some(new));
                        if *wish.peek() == wanted {
                            toasts.say(frame::saved());
                            break;
                        }
                    }
                    Err(error) => {
                        toasts.fail(error.text());
                        // What holds is shown.
                        let kept = status.peek().as_ref().map(|it| word(it.record));
                        wish.set(kept.unwrap_or_default().to_owned());
                        break;
                    }
                }
            }
            saving.set(false);
        });
    });
    // A choice is made at once, without a button.
    use_effect(move || {
        let wanted = wish.cloned();
        let kept = status.peek().as_ref().map(|it| word(it.record));
        if kept.is_some_and(|kept| kept != wanted) {
            save.call(());
        }
    });
    let turn = use_callback(move |begin: bool| {
        let address = address.clone();
        spawn(async move {
            let outcome = if begin {
                api::post(&address).done().await
            } else {
                api::delete(&address).done().await
            };
            let done = if begin {
                said::recording_begun()
            } else {
                said::recording_ended()
            };
            toasts.outcome(&outcome, done);
            read.restart();
            list.again();
        });
    });
    if let Some(error) = error() {
        return rsx! { Failure { error, on_retry: move |()| read.restart() } };
    }
    let Some(now) = status() else {
        return rsx! { Skeleton { lines: 2 } };
    };
    let default = if now.default {
        said::record_default_on()
    } else {
        said::record_default_off()
    };
    let options = vec![
        ("default".to_owned(), default.to_owned()),
        ("on".to_owned(), said::record_on().to_owned()),
        ("off".to_owned(), said::record_off().to_owned()),
    ];
    rsx! {
        section { class: "panel", "aria-labelledby": "record-title",
            h2 { id: "record-title", class: "panel-title", "{said::record_title()}" }
            Choice { label: said::record(), value: wish, options, hint: said::record_hint() }
            if let Some(why) = &now.stopped { p { class: "field-error", role: "alert", "{said::record_stopped(why)}" } }
            if live {
                div { class: "actions",
                    if now.recording.is_some() {
                        button { class: "action action-soft", r#type: "button", onclick: move |_| turn.call(false), "{said::record_end_now()}" }
                    } else {
                        button { class: "action action-soft", r#type: "button", onclick: move |_| turn.call(true), "{said::record_now()}" }
                    }
                }
            }
        }
    }
}

fn word(record: Option<bool>) -> &'static str {
    match record {
        Some(true) => "on",
        Some(false) => "off",
        None => "default",
    }
}

#[component]
fn Row(recording: Recording, list: Paged<Recording>) -> Element {
    let toasts = use_toasts();
    let address = format!("/api/v1/recordings/{}", recording.id);
    let for_protecting = address.clone();
    let protect = move |protected: bool| {
        let address = for_protecting.clone();
        async move {
            let edit = EditRecording {
                protected: Some(protected),
                ..EditRecording::default()
            };
            let outcome = api::patch(&address).body(&edit).done().await;
            toasts.outcome(&outcome, frame::saved());
            list.again();
        }
    };
    let ready = recording.state == RecordingState::Ready;
    rsx! {
        div { class: "studio-row",
            div {
                h3 {
                    if ready {
                        Link { class: "link", to: Route::RecordingPage { id: recording.id.clone() }, "{recording.title}" }
                    } else {
                        "{recording.title}"
                    }
                }
                p { class: "studio-facts soft",
                    span { class: "badge", "{state(recording.state)}" }
                    span { "{moment(recording.started_at)}" }
                    if ready { span { "{duration(recording.duration_ms)}" } span { "{megabytes(recording.bytes)}" } }
                }
                if let Some(why) = &recording.error { p { class: "field-error", "{why}" } }
            }
            div { class: "actions",
                for (n, file) in recording.downloads.iter().enumerate() {
                    a { key: "{n}", class: "action action-soft", href: "{file}", download: true,
                        "aria-label": "{said::download()}: {recording.title}", "{said::download()}" }
                }
                if ready || recording.state == RecordingState::Failed {
                    Remove { name: recording.title.clone(), title: said::delete_recording(), text: said::delete_recording_text(&recording.title), address, list }
                }
            }
        }
        if ready {
            Switch { label: said::protect(), on: recording.protected, on_change: protect, hint: said::protect_hint() }
        }
    }
}

fn state(state: RecordingState) -> &'static str {
    match state {
        RecordingState::Recording => said::state_recording(),
        RecordingState::Processing => said::state_processing(),
        RecordingState::Ready => said::state_ready(),
        RecordingState::Failed => said::state_failed(),
        RecordingState::Deleted => said::state_deleted(),
    }
}

fn megabytes(bytes: i64) -> String {
    said::megabytes(format!("{:.1}", bytes as f64 / 1_048_576.0))
}
