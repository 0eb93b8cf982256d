//! Recordings and clips of a stream, for its page and for the pages of each of them.

use dioxus::prelude::*;
use weir_protocol::{Clip, Recording, RecordingState, StreamSlug};

use super::{pictures, questions};
use crate::{
    app::Route,
    icon,
    page::browse::{CardArt, CardTitle},
    texts::vod,
    ui::{self, More, Paged, use_paged},
};

/// Recordings that can be watched, the newest first; nothing where there are none. `without`: the one whose page it is.
#[component]
pub fn PastBroadcasts(slug: StreamSlug, #[props(default)] without: String) -> Element {
    let list = use_paged(move |cursor| {
        let slug = slug.clone();
        async move { questions::recordings(&slug, cursor).await }
    });
    let shown: Vec<Recording> = list
        .items
        .read()
        .iter()
        .filter(|it| it.state == RecordingState::Ready && it.id != without)
        .cloned()
        .collect();
    rsx! {
        Past { heading: vod::recordings(), list, shown: shown.len(),
            for recording in shown {
                li { key: "{recording.id}", RecordingCard { recording } }
            }
        }
    }
}

/// Cards of the past, with more of them on demand.
#[component]
fn Past<T: 'static>(heading: String, list: Paged<T>, shown: usize, children: Element) -> Element {
    // Most streams have none: no place is kept for what will not come.
    if shown == 0 && !list.has_more() {
        return rsx! {};
    }
    rsx! {
        section { class: "past",
            h2 { class: "heading heading-small", "{heading}" }
            ul { class: "cards cards-small", role: "list", {children} }
            More { list }
        }
    }
}

#[component]
fn RecordingCard(recording: Recording) -> Element {
    let address = recording.thumbnails.clone();
    // From its middle: many begin with a still picture.
    let picture = use_resource(use_reactive!(|address| async move {
        let address = address?;
        let text = questions::text(&address).await.ok()?;
        let all = pictures::read(&address, &text);
        all.get(all.len() / 2).map(|it| it.address.clone())
    }));
    let picture = picture.read().clone().flatten();
    rsx! {
        Link { class: "card", to: Route::RecordingPage { id: recording.id.clone() },
            CardArt { name: recording.slug.to_string(), picture }
            div { class: "card-tags card-tags-low",
                span { class: "badge badge-glass", icon::Play {} "{ui::duration(recording.duration_ms)}" }
            }
            div { class: "card-text card-words",
                CardTitle { level: 3, title: recording.title.clone() }
                p { class: "card-meta", span { "{ui::moment(recording.started_at)}" } }
            }
        }
    }
}

/// Clips, the newest first; nothing where there are none. `without`: the one whose page it is.
#[component]
pub fn StreamClips(slug: StreamSlug, #[props(default)] without: String) -> Element {
    let list = use_paged(move |cursor| {
        let slug = slug.clone();
        async move { questions::clips(&slug, cursor).await }
    });
    let shown: Vec<Clip> = list
        .items
        .read()
        .iter()
        .filter(|it| it.id != without)
        .cloned()
        .collect();
    rsx! {
        Past { heading: vod::clips(), list, shown: shown.len(),
            for clip in shown {
                li { key: "{clip.id}", ClipCard { clip } }
            }
        }
    }
}

#[component]
fn ClipCard(clip: Clip) -> Element {
    rsx! {
        Link { class: "card", to: Route::ClipPage { id: clip.id.clone() },
            CardArt { name: clip.id.clone() }
            div { class: "card-tags card-tags-low",
                span { class: "badge badge-glass", icon::Play {} "{ui::duration(clip.duration_ms)}" }
            }
            div { class: "card-text card-words",
                CardTitle { level: 3, title: clip.title.clone() }
                p { class: "card-meta",
                    span { "{ui::ago(clip.created_at)}" }
                    if let Some(name) = &clip.creator { span { "{vod::cut_by(name)}" } }
                }
            }
        }
    }
}
