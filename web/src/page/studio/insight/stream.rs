//! One stream over some time, and its broadcasts.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{StreamInsight, StreamSlug};

use super::{
    super::questions::of,
    broadcasts::Broadcasts,
    curves::Curves,
    figures::Figures,
    period::{Period, PeriodChoice},
    questions,
    score::Score,
};
use crate::{
    api::ApiError,
    dom,
    texts::insight as texts,
    ui::{Empty, Failure, Skeleton},
};

/// How often the figures are asked for again: the server has new ones three times a minute. Milliseconds.
const REFRESH_MS: u32 = 20_000;

#[component]
pub fn Insight(slug: StreamSlug) -> Element {
    let period = use_signal(Period::default);
    let mut found = use_signal(|| None::<Result<StreamInsight, ApiError>>);
    let for_asking = slug.clone();
    let mut ask = use_resource(move || {
        let (slug, period) = (for_asking.clone(), period());
        async move {
            loop {
                let answer = questions::stream(&slug, period, dom::wall_ms() as i64).await;
                // What is there stays when the server is away for a moment.
                if answer.is_ok() || !matches!(*found.peek(), Some(Ok(_))) {
                    found.set(Some(answer));
                }
                TimeoutFuture::new(REFRESH_MS).await;
            }
        }
    });
    let table = of(
        &slug,
        &format!("/insight.csv?{}", period().series(dom::wall_ms() as i64)),
    );
    rsx! {
        div { class: "stack",
            header { class: "studio-head",
                PeriodChoice { period }
                a { class: "action action-soft", href: "{table}", download: true, "{texts::as_csv()}" }
            }
            match found() {
                None => rsx! { Skeleton { lines: 6 } },
                Some(Err(error)) => rsx! { Failure { error, on_retry: move |()| ask.restart() } },
                Some(Ok(of)) if of.points.is_empty() => rsx! {
                    Empty { title: texts::nothing_yet(), text: texts::nothing_yet_text() }
                },
                Some(Ok(of)) => rsx! {
                    div { class: "insight-top",
                        Figures { totals: of.totals.clone() }
                        Score { totals: of.totals.clone() }
                    }
                    Curves { from: of.from, to: of.to, step: of.step, points: of.points }
                },
            }
            Broadcasts { slug }
        }
    }
}
