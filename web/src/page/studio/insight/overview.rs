//! All streams of a streamer over some time.

use dioxus::prelude::*;
use weir_protocol::{CreatorInsight, StreamTotals};

use super::{
    figures::Figures,
    period::{Period, PeriodChoice},
    questions,
    score::Score,
};
use crate::{
    api::ApiError,
    app::{Embedded, Route},
    dom, icon,
    session::{Who, use_session},
    texts::{insight as texts, studio as said},
    ui::{BarChart, Empty, Failure, NeedsLogin, Series, Skeleton, Unit, use_title},
};

/// Bars at most: more are told apart better in the table.
const BARS: usize = 8;

/// `/studio/insight`.
#[component]
pub fn StudioInsight() -> Element {
    use_title(texts::insight());
    match use_session().who() {
        Who::Asking => rsx! { section { class: "page", Skeleton {} } },
        Who::Nobody => rsx! { NeedsLogin {} },
        Who::User(_) => rsx! { Overview {} },
    }
}

#[component]
fn Overview() -> Element {
    let period = use_signal(Period::default);
    let mut found = use_signal(|| None::<Result<CreatorInsight, ApiError>>);
    let mut ask = use_resource(move || {
        let period = period();
        async move {
            found.set(Some(
                questions::creator(period, dom::wall_ms() as i64).await,
            ));
        }
    });
    let range = period().range(dom::wall_ms() as i64);
    rsx! {
        section { class: "page stack",
            nav { Link { class: "quiet-link", to: Route::Studio {}, icon::Back {} "{said::your_streams()}" } }
            h1 { "{texts::insight()}" }
            header { class: "studio-head",
                PeriodChoice { period }
                a { class: "action action-soft", href: "/api/v1/me/insight.csv?{range}", download: true, "{texts::as_csv()}" }
            }
            match found() {
                None => rsx! { Skeleton { lines: 6 } },
                Some(Err(error)) => rsx! { Failure { error, on_retry: move |()| ask.restart() } },
                Some(Ok(of)) if of.streams.is_empty() => rsx! {
                    Empty { title: texts::nothing_yet(), text: texts::nothing_yet_text() }
                },
                Some(Ok(of)) => rsx! {
                    div { class: "insight-top",
                        Figures { totals: of.totals.clone() }
                        Score { totals: of.totals }
                    }
                    Bars { streams: of.streams.clone() }
                    Streams { streams: of.streams }
                },
            }
        }
    }
}

/// The time watched of each stream, the most first.
#[component]
fn Bars(mut streams: Vec<StreamTotals>) -> Element {
    streams.sort_by_key(|it| std::cmp::Reverse(it.totals.watch_ms));
    streams.truncate(BARS);
    let names: Vec<String> = streams.iter().map(|it| it.title.clone()).collect();
    let column = |value: fn(&StreamTotals) -> u64| -> Vec<Option<f64>> {
        streams.iter().map(|it| Some(value(it) as f64)).collect()
    };
    let series = vec![
        Series::new(texts::by_webrtc(), column(|it| it.totals.webrtc_ms)),
        Series::new(texts::by_hls(), column(|it| it.totals.hls_ms)),
    ];
    rsx! {
        section { class: "panel", BarChart { label: texts::watch_time(), unit: Unit::Length, names, series } }
    }
}

#[component]
fn Streams(streams: Vec<StreamTotals>) -> Element {
    let count = |value: u64| Unit::Count.say(value as f64);
    let length = |value: u64| Unit::Length.say(value as f64);
    rsx! {
        section { class: "panel", "aria-labelledby": "streams-title",
            h2 { id: "streams-title", class: "panel-title", "{said::your_streams()}" }
            div { class: "table-wrap",
                table { class: "table",
                    thead { tr {
                        th { scope: "col", "{texts::stream()}" }
                        th { scope: "col", class: "number", "{texts::on_air()}" }
                        th { scope: "col", class: "number", "{texts::unique()}" }
                        th { scope: "col", class: "number", "{texts::peak()}" }
                        th { scope: "col", class: "number", "{texts::watch_time()}" }
                        th { scope: "col", class: "number", "{texts::messages()}" }
                        th { scope: "col", class: "number", "{texts::engagement()}" }
                    } }
                    tbody {
                        for one in streams.iter() {
                            tr { key: "{one.slug}",
                                th { scope: "row", class: "insight-stream",
                                    Link { class: "link", to: Route::StudioStream { stream: Embedded(one.slug.clone()) }, "{one.title}" }
                                }
                                td { class: "number", "{length(one.totals.live_ms)}" }
                                td { class: "number", "{count(one.totals.unique_viewers)}" }
                                td { class: "number", "{count(one.totals.peak_viewers)}" }
                                td { class: "number", "{length(one.totals.watch_ms)}" }
                                td { class: "number", "{count(one.totals.messages)}" }
                                td { class: "number", {one.totals.engagement.map_or_else(|| "–".to_owned(), |it| Unit::Count.say(it))} }
                            }
                        }
                    }
                }
            }
        }
    }
}
