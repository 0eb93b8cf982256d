//! Streams as tiles with their picture.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::StreamSummary;

use super::numbers;
use crate::{
    app::{Handle, Route},
    dom, icon,
    texts::{frame, home},
    ui::{Avatar, tone},
};

/// A picture of a live stream is drawn anew as often. Milliseconds.
const PICTURE_MS: u32 = 5_000;

/// Tiles in a grid. `level`: of their headings, one below the section's.
#[component]
pub fn StreamCards(streams: Vec<StreamSummary>, #[props(default = 2)] level: u8) -> Element {
    // One clock for all: their pictures and lengths change together.
    let mut period = use_signal(current_period);
    use_future(move || async move {
        loop {
            TimeoutFuture::new(PICTURE_MS).await;
            period.set(current_period());
        }
    });
    rsx! {
        ul { class: "cards", role: "list",
            for stream in streams {
                li { key: "{stream.slug}", StreamCard { stream, level, period: period() } }
            }
        }
    }
}

/// Which of the periods of pictures it is.
fn current_period() -> u64 {
    (dom::wall_ms() / f64::from(PICTURE_MS)) as u64
}

#[component]
fn StreamCard(stream: StreamSummary, level: u8, period: u64) -> Element {
    let since = stream
        .started_at
        .filter(|_| stream.live)
        .map(|start| numbers::since(start, dom::wall_ms() as i64));
    let who = stream.owner.as_ref().map_or_else(
        || format!("@{}", stream.slug),
        |it| it.display_name.clone().unwrap_or_else(|| it.name.clone()),
    );
    let face = stream
        .owner
        .as_ref()
        .map_or_else(|| stream.slug.to_string(), |it| it.name.clone());
    // The address of live pictures stays, so that the period makes it a new one.
    let picture = stream
        .thumbnail_url
        .as_ref()
        .map(|address| match &stream.thumbnail {
            Some(_) => address.clone(),
            None => format!("{address}?at={period}"),
        });
    rsx! {
        Link { class: "card", to: Route::Watch { handle: Handle(stream.slug.clone()) },
            CardArt { name: stream.slug.to_string(), picture }
            div { class: "card-tags",
                if stream.live {
                    span { class: "badge badge-live", "{frame::live()}" }
                } else {
                    span { class: "badge badge-glass", "{frame::offline()}" }
                }
                if stream.mature { span { class: "badge badge-glass", "{home::mature()}" } }
                if stream.live {
                    span { class: "badge badge-glass card-viewers", icon::Eye {} "{numbers::viewers(stream.viewers.total())}" }
                }
            }
            div { class: "card-text",
                Avatar { name: face }
                div { class: "card-words",
                    CardTitle { level, title: stream.title.clone() }
                    p { class: "card-meta",
                        span { class: "handle", "{who}" }
                        if let Some(category) = &stream.category { span { "{category.name}" } }
                        if let Some(since) = since { span { "{since}" } }
                    }
                }
            }
        }
    }
}

/// The picture; until it is there, and where there is none, moving water in the colour of the name.
#[component]
pub fn CardArt(name: String, picture: Option<String>) -> Element {
    let mut drawn = use_signal(|| false);
    rsx! {
        div { class: "card-art tone-{tone(&name)}", "aria-hidden": "true",
            svg { class: "ripples", view_box: "0 0 320 180", "preserveAspectRatio": "none",
                path { d: "M0 74c40 0 40 16 80 16s40-16 80-16 40 16 80 16 40-16 80-16v106H0Z" }
                path { d: "M0 104c40 0 40 14 80 14s40-14 80-14 40 14 80 14 40-14 80-14v76H0Z" }
                path { d: "M0 134c40 0 40 12 80 12s40-12 80-12 40 12 80 12 40-12 80-12v46H0Z" }
            }
            if let Some(picture) = picture {
                img { class: "card-picture", src: "{picture}", alt: "", decoding: "async",
                    onload: move |_| drawn.set(true), onerror: move |_| drawn.set(false),
                    hidden: !drawn() }
            }
        }
    }
}

/// One line: tiles keep their size whatever stands in them.
#[component]
pub fn CardTitle(title: String, level: u8) -> Element {
    if level > 2 {
        rsx! { h3 { class: "card-title", title: "{title}", "{title}" } }
    } else {
        rsx! { h2 { class: "card-title", title: "{title}", "{title}" } }
    }
}

/// The place that tiles will take, so that nothing jumps.
#[component]
pub fn GhostCards(#[props(default = 3)] count: u32) -> Element {
    rsx! {
        div { class: "cards", role: "status", "aria-label": frame::loading(), "aria-busy": "true",
            for n in 0..count {
                div { key: "{n}", class: "card ghost", div { class: "card-art" } div { class: "card-text" } }
            }
        }
    }
}
