//! What is live now, what else there is, and how to start.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::StreamSummary;

use super::start::HowToStart;
use crate::{
    api::{self, ApiError},
    app::{Handle, Route},
    dom, icon, words,
};

/// How often the list is asked for. Milliseconds.
const REFRESH_MS: u32 = 4_000;
/// A picture of a live stream is drawn anew as often. Milliseconds.
const PICTURE_MS: f64 = 5_000.0;
/// Different faces of cards without a picture; the style sheet has as many `tone-…`.
const TONES: u32 = 6;

#[derive(Clone, PartialEq)]
enum Listing {
    Loading,
    Unreachable,
    /// The server speaks newer than this page.
    Outdated,
    Streams(Vec<StreamSummary>),
}

/// The first page.
#[component]
pub fn Home() -> Element {
    let mut listing = use_signal(|| Listing::Loading);
    use_effect(|| dom::document().set_title("Weir"));
    use_future(move || async move {
        loop {
            match api::streams().await {
                Ok(streams) => {
                    let streams = Listing::Streams(streams);
                    if *listing.peek() != streams {
                        listing.set(streams);
                    }
                }
                Err(ApiError::Unreadable) => listing.set(Listing::Outdated),
                // What was known stays on the page; the next round may succeed.
                Err(ApiError::Unreachable | ApiError::Status(_) | ApiError::NotFound) => {
                    if *listing.peek() == Listing::Loading {
                        listing.set(Listing::Unreachable);
                    }
                }
            }
            TimeoutFuture::new(REFRESH_MS).await;
        }
    });
    let listing = listing.read();
    rsx! {
        div { class: "page",
            match &*listing {
                Listing::Loading => rsx! { Waiting {} },
                Listing::Unreachable => rsx! {
                    section { class: "notice", role: "alert",
                        h1 { "The server does not answer" }
                        p { "Trying again every few seconds." }
                    }
                },
                Listing::Outdated => rsx! {
                    section { class: "notice", role: "alert",
                        h1 { "This page is older than the server" }
                        p { "Please reload it." }
                    }
                },
                Listing::Streams(streams) if streams.is_empty() => rsx! {
                    section { class: "notice",
                        h1 { "The water is still" }
                        p { "No stream has been made on this server yet." }
                    }
                    HowToStart {}
                },
                Listing::Streams(streams) => {
                    let live: Vec<_> = streams.iter().filter(|stream| stream.live).cloned().collect();
                    let offline: Vec<_> = streams.iter().filter(|stream| !stream.live).cloned().collect();
                    let nobody = live.is_empty();
                    rsx! {
                        Live { streams: live }
                        if !offline.is_empty() {
                            Offline { streams: offline }
                        }
                        if nobody {
                            HowToStart {}
                        }
                    }
                }
            }
        }
    }
}

/// The place that cards will take, so that nothing jumps.
#[component]
fn Waiting() -> Element {
    rsx! {
        h1 { class: "heading", "Live now" }
        div { class: "cards", "aria-busy": "true",
            for _ in 0..3 {
                div { class: "card ghost", div { class: "card-art" } div { class: "card-text" } }
            }
        }
    }
}

#[component]
fn Live(streams: Vec<StreamSummary>) -> Element {
    rsx! {
        h1 { class: "heading", "Live now" }
        if streams.is_empty() {
            p { class: "calm", "Nobody is live at the moment." }
        } else {
            ul { class: "cards", role: "list",
                for stream in streams {
                    li { key: "{stream.slug}", Card { stream } }
                }
            }
        }
    }
}

#[component]
fn Card(stream: StreamSummary) -> Element {
    let tone = tone(stream.slug.as_str());
    let ago = stream
        .started_at
        .map(|start| words::since(start, dom::wall_ms() as i64));
    let way = stream.protocol.map(words::protocol);
    let mut drawn = use_signal(|| false);
    let mut period = use_signal(current_period);
    use_future(move || async move {
        loop {
            TimeoutFuture::new(REFRESH_MS).await;
            period.set(current_period());
        }
    });
    // The address of live pictures stays, so that the period makes it a new one.
    let picture = stream
        .thumbnail_url
        .as_ref()
        .map(|address| match &stream.thumbnail {
            Some(_) => address.clone(),
            None => format!("{address}?at={}", period()),
        });
    rsx! {
        Link { class: "card", to: Route::Watch { handle: Handle(stream.slug.clone()) },
            div { class: "card-art tone-{tone}", "aria-hidden": "true",
                svg { class: "ripples", view_box: "0 0 320 180", "preserveAspectRatio": "none",
                    path { d: "M0 74c40 0 40 16 80 16s40-16 80-16 40 16 80 16 40-16 80-16v106H0Z" }
                    path { d: "M0 104c40 0 40 14 80 14s40-14 80-14 40 14 80 14 40-14 80-14v76H0Z" }
                    path { d: "M0 134c40 0 40 12 80 12s40-12 80-12 40 12 80 12 40-12 80-12v46H0Z" }
                }
                if let Some(picture) = picture {
                    // Until it is there, and where it does not come, the card keeps its face.
                    img { class: "card-picture", src: "{picture}", alt: "", decoding: "async",
                        onload: move |_| drawn.set(true), onerror: move |_| drawn.set(false),
                        hidden: !drawn() }
                }
            }
            div { class: "card-tags",
                span { class: "badge badge-live", "Live" }
                span { class: "badge badge-glass", icon::Eye {} "{words::viewers(stream.viewers.total())}" }
            }
            div { class: "card-text",
                h2 { class: "card-title", "{stream.title}" }
                p { class: "card-meta",
                    span { class: "handle", "@{stream.slug}" }
                    if let Some(ago) = ago { span { "{ago}" } }
                    if let Some(way) = way { span { "{way}" } }
                }
            }
        }
    }
}

#[component]
fn Offline(streams: Vec<StreamSummary>) -> Element {
    rsx! {
        h2 { class: "heading heading-small", "Offline" }
        ul { class: "rows", role: "list",
            for stream in streams {
                li { key: "{stream.slug}",
                    Link { class: "row", to: Route::Watch { handle: Handle(stream.slug.clone()) },
                        span { class: "dot", "aria-hidden": "true" }
                        span { class: "row-title", "{stream.title}" }
                        span { class: "handle", "@{stream.slug}" }
                    }
                }
            }
        }
    }
}

/// Which of the periods of pictures it is.
fn current_period() -> u64 {
    (dom::wall_ms() / PICTURE_MS) as u64
}

/// The same face for the same stream on every visit: FNV-1a over its slug.
fn tone(slug: &str) -> u32 {
    let hash = slug.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % TONES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_keeps_its_face() {
        assert_eq!(tone("demo"), tone("demo"));
        let faces: std::collections::HashSet<u32> =
            (0..40).map(|n| tone(&format!("show-{n}"))).collect();
        assert_eq!(faces.len(), TONES as usize, "all faces are in use");
    }
}
