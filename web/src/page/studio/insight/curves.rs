//! Figures over time.

use dioxus::prelude::*;
use weir_protocol::{InsightPoint, Step};

use super::{figures::share, period::step_ms};
use crate::{
    texts::insight as texts,
    ui::{LineChart, Series, Unit},
};

/// Of a stream or of a broadcast. `to` is the end, itself not in it.
#[component]
pub fn Curves(from: i64, to: i64, step: Step, points: Vec<InsightPoint>) -> Element {
    let steps = steps(from, to, step, &points);
    let times: Vec<f64> = steps.iter().map(|(at, _)| *at as f64 / 1_000.0).collect();
    // Nothing happened in a step that the server leaves out: nobody watched, and nothing is known of how it went.
    let counted = |value: fn(&InsightPoint) -> f64| -> Vec<Option<f64>> {
        let values = steps.iter();
        values
            .map(|(_, point)| Some(point.map_or(0.0, value)))
            .collect()
    };
    let known = |value: fn(&InsightPoint) -> Option<f64>| -> Vec<Option<f64>> {
        steps
            .iter()
            .map(|(_, point)| point.and_then(value))
            .collect()
    };
    let viewers = vec![
        Series::new(texts::on_average(), counted(on_air)),
        Series::new(texts::at_most(), counted(|it| it.peak as f64)),
    ];
    let ways = vec![
        Series::new(
            texts::by_webrtc(),
            counted(|it| on_air(it) * part(it.webrtc, it)),
        ),
        Series::new(texts::by_hls(), counted(|it| on_air(it) * part(it.hls, it))),
    ];
    let delay = vec![Series::new(
        texts::delay_median(),
        known(|it| it.delay_ms.map(|it| it as f64)),
    )];
    let trouble = vec![
        Series::new(
            texts::stalled(),
            known(|it| share(it.stall_ms, it.watch_ms)),
        ),
        Series::new(texts::loss(), known(|it| it.loss)),
    ];
    let chat = vec![
        Series::new(texts::messages(), counted(|it| it.messages as f64)),
        Series::new(texts::reactions(), counted(|it| it.reactions as f64)),
    ];
    rsx! {
        section { class: "panel",
            LineChart { label: texts::viewers(), unit: Unit::Count, times: times.clone(), series: viewers }
        }
        div { class: "insight-pair",
            section { class: "panel", LineChart { label: texts::viewers_by_way(), unit: Unit::Count, times: times.clone(), series: ways } }
            section { class: "panel", LineChart { label: texts::chat(), unit: Unit::Count, times: times.clone(), series: chat } }
            section { class: "panel", LineChart { label: texts::delay(), unit: Unit::Milliseconds, joined: true, times: times.clone(), series: delay } }
            section { class: "panel", LineChart { label: texts::trouble(), unit: Unit::Share, joined: true, times, series: trouble } }
        }
    }
}

/// Viewers on average while it was live, which may be a small part of the step.
fn on_air(point: &InsightPoint) -> f64 {
    share(point.watch_ms, point.live_ms).unwrap_or_default()
}

/// The share of a transport's viewers in all of a step's.
fn part(of: f64, point: &InsightPoint) -> f64 {
    if point.viewers > 0.0 {
        of / point.viewers
    } else {
        0.0
    }
}

/// Every step with its start and, where something happened, its figures.
fn steps(
    from: i64,
    to: i64,
    step: Step,
    points: &[InsightPoint],
) -> Vec<(i64, Option<&InsightPoint>)> {
    let length = step_ms(step);
    let first = from - from.rem_euclid(length);
    let mut points = points.iter().peekable();
    let count = (to - first + length - 1) / length;
    (0..count.max(0))
        .map(|n| {
            let at = first + n * length;
            while points.next_if(|point| point.at < at).is_some() {}
            (at, points.next_if(|point| point.at == at))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: i64) -> InsightPoint {
        InsightPoint {
            at,
            viewers: 1.0,
            webrtc: 1.0,
            hls: 0.0,
            peak: 1,
            live_ms: 60_000,
            watch_ms: 60_000,
            joins: 1,
            failed_joins: 0,
            stalls: 0,
            stall_ms: 0,
            delay_ms: None,
            loss: None,
            messages: 0,
            reactions: 0,
        }
    }

    #[test]
    fn steps_that_were_left_out_are_there_again() {
        let points = [point(60_000), point(240_000)];
        let all = steps(60_500, 241_000, Step::Minute, &points);
        let found: Vec<(i64, bool)> = all.iter().map(|(at, it)| (*at, it.is_some())).collect();
        assert_eq!(
            found,
            [
                (60_000, true),
                (120_000, false),
                (180_000, false),
                (240_000, true)
            ]
        );
        assert!(steps(0, 0, Step::Day, &[]).is_empty());
    }
}
