//! Viewers and delay of the broadcast that is on the air: by minutes since it began, and as it goes from when the page
//! was opened.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{InsightPoint, StreamSlug, StreamSummary, StreamViewers};

use super::super::insight::questions;
use crate::{
    dom,
    texts::insight as texts,
    ui::{LineChart, Series, Unit},
};

/// How often a sample is taken. Milliseconds.
const SAMPLE_MS: u32 = 3_000;
/// Samples that are kept; what is older is known by minutes.
const SAMPLES: usize = 400;
/// Samples between two questions for the minutes.
const MINUTES_EVERY: u32 = 7;
/// Where a minute's figure stands: in its middle. Seconds.
const HALF_MINUTE_S: f64 = 30.0;

/// What is known of a moment. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    at: f64,
    webrtc: f64,
    hls: f64,
    /// As the players said last.
    delay_ms: Option<f64>,
    round_trip_ms: Option<f64>,
}

#[component]
pub fn Curves(
    slug: StreamSlug,
    state: Signal<Option<StreamSummary>>,
    report: Signal<Option<StreamViewers>>,
) -> Element {
    let mut minutes = use_signal(Vec::<InsightPoint>::new);
    let mut samples = use_signal(Vec::<Sample>::new);
    use_future(move || {
        let slug = slug.clone();
        async move {
            for round in 0_u32.. {
                if round % MINUTES_EVERY == 0 {
                    let began = state.peek().as_ref().and_then(|it| it.started_at);
                    // Without an answer the last one stands.
                    if let Some(began) = began
                        && let Ok(new) = questions::since(&slug, began).await
                        && *minutes.peek() != new.points
                    {
                        minutes.set(new.points);
                    }
                }
                if let Some(sample) = sample(state.peek().as_ref(), report.peek().as_ref()) {
                    let mut all = samples.write();
                    all.push(sample);
                    let over = all.len().saturating_sub(SAMPLES);
                    all.drain(..over);
                }
                TimeoutFuture::new(SAMPLE_MS).await;
            }
        }
    });
    let moments = use_memo(move || moments(&minutes.read(), &samples.read()));
    let delays = use_memo(move || delays(&minutes.read(), &samples.read()));
    let (all, delays) = (moments(), delays());
    let column = |value: fn(&Sample) -> f64| all.iter().map(|it| Some(value(it))).collect();
    rsx! {
        div { class: "insight-pair",
            section { class: "panel",
                LineChart {
                    label: texts::viewers(), unit: Unit::Count, live: true,
                    times: all.iter().map(|it| it.at).collect::<Vec<f64>>(),
                    series: vec![
                        Series::new(texts::all_viewers(), column(|it| it.webrtc + it.hls)),
                        Series::new(texts::by_webrtc(), column(|it| it.webrtc)),
                        Series::new(texts::by_hls(), column(|it| it.hls)),
                    ],
                }
            }
            section { class: "panel",
                LineChart {
                    label: texts::delay(), unit: Unit::Milliseconds, joined: true, live: true, times: delays.0,
                    series: vec![
                        Series::new(texts::delay_median(), delays.1),
                        Series::new(texts::round_trip(), delays.2),
                    ],
                }
            }
        }
    }
}

fn sample(state: Option<&StreamSummary>, report: Option<&StreamViewers>) -> Option<Sample> {
    let state = state?;
    Some(Sample {
        at: (dom::wall_ms() / 1_000.0).round(),
        webrtc: f64::from(state.viewers.webrtc),
        hls: f64::from(state.viewers.hls),
        delay_ms: report.and_then(|report| {
            let known = report.viewers.iter().filter_map(|it| it.delay_ms);
            median(known.map(f64::from).collect())
        }),
        round_trip_ms: report
            .and_then(|report| median(report.viewers.iter().filter_map(|it| it.rtt_ms).collect())),
    })
}

/// The minutes up to the first sample, and the samples.
fn moments(minutes: &[InsightPoint], samples: &[Sample]) -> Vec<Sample> {
    let first = samples.first().map_or(f64::INFINITY, |it| it.at);
    let before = minutes.iter().map(|point| Sample {
        at: middle(point),
        webrtc: point.webrtc,
        hls: point.hls,
        delay_ms: None,
        round_trip_ms: None,
    });
    let mut all: Vec<Sample> = before.filter(|it| it.at < first).collect();
    all.extend_from_slice(samples);
    all
}

type Delays = (Vec<f64>, Vec<Option<f64>>, Vec<Option<f64>>);

/// The minutes' delays up to the first sample that has one, and the samples with theirs and the round trips.
fn delays(minutes: &[InsightPoint], samples: &[Sample]) -> Delays {
    let first = samples.iter().find(|it| it.delay_ms.is_some());
    let first = first.map_or(f64::INFINITY, |it| it.at);
    let said = minutes.iter().filter_map(|it| Some((it, it.delay_ms?)));
    let said = said.map(|(it, delay)| (middle(it), Some(delay as f64), None));
    let said = said.filter(|(at, ..)| *at < first);
    let measured = samples
        .iter()
        .map(|it| (it.at, it.delay_ms, it.round_trip_ms));
    let mut all: Vec<_> = said.chain(measured).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    all.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 = first.1.or(later.1);
            first.2 = first.2.or(later.2);
        }
        same
    });
    let mut columns = Delays::default();
    for (at, delay, round_trip) in all {
        columns.0.push(at);
        columns.1.push(delay);
        columns.2.push(round_trip);
    }
    columns
}

fn middle(point: &InsightPoint) -> f64 {
    point.at as f64 / 1_000.0 + HALF_MINUTE_S
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(at_s: i64, webrtc: f64, delay_ms: Option<u64>) -> InsightPoint {
        InsightPoint {
            at: at_s * 1_000,
            viewers: webrtc,
            webrtc,
            hls: 0.0,
            peak: 0,
            live_ms: 60_000,
            watch_ms: 0,
            joins: 0,
            failed_joins: 0,
            stalls: 0,
            stall_ms: 0,
            delay_ms,
            loss: None,
            messages: 0,
            reactions: 0,
        }
    }

    fn moment(at: f64, webrtc: f64, round_trip_ms: Option<f64>) -> Sample {
        Sample {
            at,
            webrtc,
            hls: 0.0,
            delay_ms: None,
            round_trip_ms,
        }
    }

    #[test]
    fn minutes_stand_before_the_first_sample_only() {
        let minutes = [
            minute(0, 1.0, None),
            minute(60, 2.0, None),
            minute(120, 9.0, None),
        ];
        let all = moments(&minutes, &[moment(100.0, 3.0, None)]);
        let found: Vec<(f64, f64)> = all.iter().map(|it| (it.at, it.webrtc)).collect();
        assert_eq!(found, [(30.0, 1.0), (90.0, 2.0), (100.0, 3.0)]);
        assert_eq!(moments(&minutes, &[]).len(), 3);
    }

    #[test]
    fn delays_of_one_time_stand_together() {
        let minutes = [minute(0, 1.0, Some(300)), minute(60, 1.0, None)];
        let samples = [moment(27.0, 1.0, Some(9.0)), moment(30.0, 1.0, Some(8.0))];
        let (times, delay, round_trip) = delays(&minutes, &samples);
        assert_eq!(times, [27.0, 30.0]);
        assert_eq!(delay, [None, Some(300.0)]);
        assert_eq!(round_trip, [Some(9.0), Some(8.0)]);
        // From when on the players' own are known, they are newer.
        let samples = samples.map(|it| Sample {
            delay_ms: Some(90.0),
            ..it
        });
        let (times, delay, _) = delays(&minutes, &samples);
        assert_eq!((times, delay), (vec![27.0, 30.0], vec![Some(90.0); 2]));
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![5.0, 1.0, 3.0]), Some(3.0));
    }
}
