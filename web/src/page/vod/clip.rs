//! A clip.

use dioxus::prelude::*;
use weir_protocol::Clip;

use super::{
    StreamClips, questions,
    video::{Source, Speed, Video},
};
use crate::{
    app::{Handle, Route},
    icon,
    texts::vod,
    ui::{self, Failure, use_title},
};

/// `/clip/:id`.
#[component]
pub fn ClipPage(id: String) -> Element {
    rsx! {
        // Another clip is another player.
        for id in [id] {
            Page { key: "{id}", id }
        }
    }
}

#[component]
fn Page(id: String) -> Element {
    let mut found = use_resource(move || {
        let id = id.clone();
        async move { questions::clip(&id).await }
    });
    match &*found.read() {
        None => rsx! {
            article { class: "watch", "aria-busy": "true", div { class: "vod-player vod-waits" } }
        },
        Some(Err(error)) if error.is_not_found() || error.is_forbidden() => rsx! {
            section { class: "page notice",
                h1 { "{vod::missing_clip()}" }
                p { "{vod::missing_text()}" }
            }
        },
        Some(Err(error)) => rsx! {
            div { class: "page",
                h1 { class: "heading", "{vod::clip()}" }
                Failure { error: error.clone(), on_retry: move |()| found.restart() }
            }
        },
        Some(Ok(clip)) => rsx! { Found { clip: clip.clone() } },
    }
}

#[component]
fn Found(clip: Clip) -> Element {
    use_title(clip.title.clone());
    let video = use_signal(|| None);
    rsx! {
        article { class: "watch vod",
            Video { source: Source::File(clip.url.clone()), title: clip.title.clone(), poster: None, video }
            div { class: "about",
                div { class: "about-text",
                    h1 { class: "title", "{clip.title}" }
                    p { class: "facts",
                        span { class: "badge", "{vod::clip()}" }
                        time { class: "fact", "{ui::moment(clip.created_at)}" }
                        span { class: "fact", span { class: "unseen", "{vod::length()} " } "{ui::duration(clip.duration_ms)}" }
                        if let Some(name) = &clip.creator { span { class: "fact", "{vod::cut_by(name)}" } }
                        Link { class: "handle link", to: Route::Watch { handle: Handle(clip.slug.clone()) }, "@{clip.slug}" }
                    }
                }
                div { class: "actions",
                    Speed { video }
                    a { class: "action action-soft", href: "{clip.url}", download: "", "{vod::download()}" }
                    if let Some(recording) = &clip.recording {
                        Link { class: "action action-soft", to: Route::RecordingPage { id: recording.clone() }, "{vod::whole_recording()}" }
                    }
                }
            }
            StreamClips { slug: clip.slug.clone(), without: clip.id.clone() }
            nav { class: "after",
                Link { class: "quiet-link", to: Route::Watch { handle: Handle(clip.slug.clone()) }, icon::Back {} "{vod::of_stream(Handle(clip.slug.clone()))}" }
            }
        }
    }
}
