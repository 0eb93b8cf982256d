//! One broadcast: how it went, minute by minute and viewer by viewer.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{BroadcastInsight, StreamSlug};

use super::{curves::Curves, figures::Figures, questions, score::Score, sessions::Sessions};
use crate::{
    api::ApiError,
    app::{Embedded, Route},
    dom, icon,
    session::{Who, use_session},
    texts::{frame, insight as texts},
    ui::{Empty, Failure, NeedsLogin, Skeleton, clock, moment, use_title},
    words,
};

/// How often the figures are asked for again while it is live, and until the last of it is summed up. Milliseconds.
const REFRESH_MS: u32 = 20_000;
/// After its end nothing is added. Milliseconds.
const SETTLED_MS: f64 = 180_000.0;

/// `/studio/:stream/broadcasts/:id`.
#[component]
pub fn StudioBroadcast(stream: Embedded, id: String) -> Element {
    use_title(texts::broadcast());
    let to = Route::StudioStream {
        stream: stream.clone(),
    };
    match use_session().who() {
        Who::Asking => rsx! { section { class: "page", Skeleton {} } },
        Who::Nobody => rsx! { NeedsLogin {} },
        Who::User(_) => rsx! {
            section { class: "page stack",
                nav { Link { class: "quiet-link", to, icon::Back {} "@{stream}" } }
                // Another broadcast is another page.
                for id in [id] {
                    Broadcast { key: "{id}", slug: stream.0.clone(), id: id.clone() }
                }
            }
        },
    }
}

#[component]
fn Broadcast(slug: StreamSlug, id: String) -> Element {
    let mut found = use_signal(|| None::<Result<BroadcastInsight, ApiError>>);
    let for_asking = id.clone();
    let mut ask = use_future(move || {
        let id = for_asking.clone();
        async move {
            loop {
                let answer = questions::broadcast(&id).await;
                let settled = answer.as_ref().is_ok_and(settled);
                if answer.is_ok() || !matches!(*found.peek(), Some(Ok(_))) {
                    found.set(Some(answer));
                }
                if settled {
                    return;
                }
                TimeoutFuture::new(REFRESH_MS).await;
            }
        }
    });
    match found() {
        None => rsx! { Skeleton { lines: 6 } },
        Some(Err(error)) if error.is_not_found() => rsx! {
            h1 { "{texts::broadcast()}" }
            Empty { title: texts::no_broadcast(), text: texts::no_broadcast_text() }
        },
        Some(Err(error)) => rsx! { Failure { error, on_retry: move |()| ask.restart() } },
        Some(Ok(of)) => rsx! {
            Found { of }
            Sessions { slug, id }
        },
    }
}

#[component]
fn Found(of: BroadcastInsight) -> Element {
    let broadcast = of.broadcast;
    let end = broadcast.ended_at.unwrap_or(dom::wall_ms() as i64);
    let title = texts::broadcast_of(moment(broadcast.started_at));
    rsx! {
        header { class: "studio-head",
            div { class: "studio-name",
                h1 { "{title}" }
                p { class: "studio-facts soft",
                    if let Some(ended) = broadcast.ended_at {
                        span { "{texts::until(clock(ended))}" }
                    } else {
                        span { class: "badge badge-live", "{frame::live()}" }
                    }
                    span { "{words::protocol(broadcast.protocol)}" }
                }
            }
            a { class: "action action-soft", href: "/api/v1/broadcasts/{broadcast.id}/insight.csv", download: true, "{texts::as_csv()}" }
        }
        div { class: "insight-top",
            Figures { totals: broadcast.totals.clone() }
            Score { totals: broadcast.totals }
        }
        Curves { from: broadcast.started_at, to: end, step: of.step, points: of.points }
    }
}

fn settled(of: &BroadcastInsight) -> bool {
    let ended = of.broadcast.ended_at;
    ended.is_some_and(|ended| dom::wall_ms() - ended as f64 > SETTLED_MS)
}
