//! A recording.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{Recording, RecordingState};

use super::{
    PastBroadcasts, pictures, questions,
    scenes::Scenes,
    video::{Source, Speed, Video},
};
use crate::{
    api::ApiError,
    app::{Handle, Route},
    icon,
    texts::vod,
    ui::{self, Failure, use_title},
};

/// Moments to jump to.
const SCENES: usize = 12;
/// How often one that is not ready is asked for. Milliseconds.
const REFRESH_MS: u32 = 5_000;

/// `/v/:id`.
#[component]
pub fn RecordingPage(id: String) -> Element {
    rsx! {
        // Another recording is another player.
        for id in [id] {
            Page { key: "{id}", id }
        }
    }
}

#[component]
fn Page(id: String) -> Element {
    let mut found = use_signal(|| None::<Result<Recording, ApiError>>);
    let for_loop = id.clone();
    let mut asking = use_future(move || {
        let id = for_loop.clone();
        async move {
            loop {
                let answer = questions::recording(&id).await;
                let waits = answer.as_ref().is_ok_and(|it| {
                    matches!(
                        it.state,
                        RecordingState::Recording | RecordingState::Processing
                    )
                });
                if found.peek().as_ref() != Some(&answer) {
                    found.set(Some(answer));
                }
                if !waits {
                    return;
                }
                TimeoutFuture::new(REFRESH_MS).await;
            }
        }
    });
    match &*found.read() {
        None => rsx! {
            article { class: "watch", "aria-busy": "true", div { class: "vod-player vod-waits" } }
        },
        Some(Err(error)) if error.is_not_found() || error.is_forbidden() => rsx! {
            section { class: "page notice",
                h1 { "{vod::missing_title()}" }
                p { "{vod::missing_text()}" }
            }
        },
        Some(Err(error)) => rsx! {
            div { class: "page",
                h1 { class: "heading", "{vod::recording()}" }
                Failure { error: error.clone(), on_retry: move |()| asking.restart() }
            }
        },
        Some(Ok(recording)) => rsx! { Found { recording: recording.clone() } },
    }
}

#[component]
fn Found(recording: Recording) -> Element {
    use_title(recording.title.clone());
    let video = use_signal(|| None);
    let address = recording.thumbnails.clone();
    let scenes = use_resource(use_reactive!(|address| async move {
        let Some(address) = address else {
            return Vec::new();
        };
        let text = questions::text(&address).await.unwrap_or_default();
        pictures::some(&pictures::read(&address, &text), SCENES)
    }));
    let scenes = scenes.read().clone().unwrap_or_default();
    let poster = scenes.first().map(|it| it.address.clone());
    rsx! {
        article { class: "watch vod",
            match &recording.hls {
                Some(playlist) => rsx! {
                    Video { source: Source::Hls(playlist.clone()), title: recording.title.clone(), poster, video }
                },
                None => rsx! { NotReady { recording: recording.clone() } },
            }
            div { class: "about",
                div { class: "about-text",
                    h1 { class: "title", "{recording.title}" }
                    p { class: "facts",
                        span { class: "badge", "{vod::recording()}" }
                        time { class: "fact", "{ui::moment(recording.started_at)}" }
                        if recording.duration_ms > 0 {
                            span { class: "fact", span { class: "unseen", "{vod::length()} " } "{ui::duration(recording.duration_ms)}" }
                        }
                        Link { class: "handle link", to: Route::Watch { handle: Handle(recording.slug.clone()) }, "@{recording.slug}" }
                    }
                }
                if recording.hls.is_some() {
                    div { class: "actions",
                        Speed { video }
                        Downloads { addresses: recording.downloads.clone(), bytes: recording.bytes }
                    }
                }
            }
            if scenes.len() > 1 {
                Scenes { scenes, video }
            }
            PastBroadcasts { slug: recording.slug.clone(), without: recording.id.clone() }
            nav { class: "after",
                Link { class: "quiet-link", to: Route::Watch { handle: Handle(recording.slug.clone()) }, icon::Back {} "{vod::of_stream(Handle(recording.slug.clone()))}" }
            }
        }
    }
}

#[component]
fn NotReady(recording: Recording) -> Element {
    let (title, text) = match recording.state {
        RecordingState::Recording => (vod::still_on_air(), vod::still_on_air_text().to_owned()),
        RecordingState::Processing | RecordingState::Ready => {
            (vod::processing(), vod::processing_text().to_owned())
        }
        RecordingState::Failed | RecordingState::Deleted => {
            (vod::failed(), recording.error.clone().unwrap_or_default())
        }
    };
    rsx! {
        div { class: "vod-player vod-waits", role: "status",
            p { class: "veil-title", "{title}" }
            p { "{text}" }
            if recording.state == RecordingState::Recording {
                Link { class: "action", to: Route::Watch { handle: Handle(recording.slug.clone()) }, "{vod::watch_live()}" }
            }
        }
    }
}

/// A file, or one for each part where the publisher changed the format in between.
#[component]
fn Downloads(addresses: Vec<String>, bytes: i64) -> Element {
    let is_one = addresses.len() == 1;
    // Above what is left of rounding it down to none.
    let size = (bytes / 1_000_000).max(1);
    rsx! {
        for (at, address) in addresses.iter().enumerate() {
            a { key: "{address}", class: "action action-soft", href: "{address}", download: "",
                if is_one {
                    "{vod::download()} "
                    span { class: "soft", "{vod::size_mb(size)}" }
                } else {
                    "{vod::download_part(at + 1)}"
                }
            }
        }
    }
}
