//! A streamer's streams.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{StreamSummary, Visibility};

use super::{fields::visibility, new_stream::NewStream, questions};
use crate::{
    app::{Embedded, Route},
    icon,
    session::{Who, use_session},
    texts::{frame, insight as texts, studio as said},
    ui::{Empty, More, NeedsLogin, Skeleton, use_paged, use_title},
};

/// How often the cards are brought up to date, where one page shows them all. Milliseconds.
const REFRESH_MS: u32 = 8_000;

/// `/studio`.
#[component]
pub fn Studio() -> Element {
    use_title(frame::studio());
    match use_session().who() {
        Who::Asking => rsx! { section { class: "page", Skeleton {} } },
        Who::Nobody => rsx! { NeedsLogin {} },
        Who::User(me) => rsx! { Streams { may_stream: me.role != "attendee" } },
    }
}

#[component]
fn Streams(may_stream: bool) -> Element {
    let list = use_paged(questions::my_streams);
    let mut making = use_signal(|| false);
    use_future(move || async move {
        loop {
            TimeoutFuture::new(REFRESH_MS).await;
            // Whoever has asked for more pages keeps them.
            if list.is_whole() {
                list.again();
            }
        }
    });
    rsx! {
        section { class: "page stack",
            header { class: "studio-head",
                h1 { "{said::your_streams()}" }
                div { class: "actions",
                    Link { class: "action action-soft", to: Route::Organiser {}, "{said::your_events()}" }
                    if may_stream && list.is_loaded() && !list.is_empty() {
                        Link { class: "action action-soft", to: Route::StudioInsight {}, "{texts::insight()}" }
                        button { class: "action", r#type: "button", onclick: move |_| making.set(true), "{said::new_stream()}" }
                    }
                }
            }
            if !may_stream {
                Empty { title: said::no_creator(), text: said::no_creator_text() }
            } else if list.is_empty() {
                Empty { title: said::no_streams(), text: said::no_streams_text(),
                    button { class: "action", r#type: "button", onclick: move |_| making.set(true), "{said::new_stream()}" }
                }
            }
            ul { class: "studio-cards", role: "list",
                for stream in list.items.read().iter() {
                    li { key: "{stream.slug}", Card { stream: stream.clone() } }
                }
            }
            More { list }
        }
        if making() {
            NewStream { on_close: move |()| making.set(false) }
        }
    }
}

#[component]
fn Card(stream: StreamSummary) -> Element {
    let to = Route::StudioStream {
        stream: Embedded(stream.slug.clone()),
    };
    let count = stream.viewers.total();
    rsx! {
        Link { class: "studio-card", to,
            span { class: "studio-card-picture", "aria-hidden": "true",
                match &stream.thumbnail_url {
                    Some(picture) => rsx! { img { src: "{picture}", alt: "", loading: "lazy" } },
                    None => rsx! { icon::Broadcast {} },
                }
            }
            span { class: "studio-card-text",
                span { class: "studio-card-title", "{stream.title}" }
                span { class: "soft", "@{stream.slug}" }
                span { class: "studio-facts",
                    State { stream: stream.clone() }
                    if stream.visibility != Visibility::Public { span { class: "badge", "{visibility(stream.visibility)}" } }
                    if stream.live { span { class: "soft", "{frame::viewers(u64::from(count), count)}" } }
                }
            }
        }
    }
}

/// Whether it is on the air.
#[component]
pub fn State(stream: StreamSummary) -> Element {
    rsx! {
        if stream.reconnecting_until.is_some() {
            span { class: "badge badge-waits", "{said::reconnecting()}" }
        } else if stream.live {
            span { class: "badge badge-live", "{frame::live()}" }
        } else {
            span { class: "badge", "{frame::offline()}" }
        }
    }
}
