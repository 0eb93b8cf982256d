//! What a chart is of, and each series with its value: below the pointer, or else of now.

use dioxus::prelude::*;

use super::{Along, Drawing, numbers, palette::SERIES};

#[component]
pub fn Legend(label: String, drawing: Drawing, at: Signal<Option<usize>>) -> Element {
    // What was pointed at may be gone.
    let at = at().filter(|at| *at < numbers::places(&drawing));
    let bars = matches!(drawing.along, Along::Names(_));
    let live = drawing.live;
    let place = at.map(|at| numbers::place(&drawing, at));
    let place = place.unwrap_or_default();
    rsx! {
        figcaption { class: "chart-head",
            span { class: "chart-title", "{label}" }
            span { class: "chart-place", "aria-hidden": "true", "{place}" }
        }
        ul { class: "chart-legend", role: "list",
            for (n, series) in drawing.series.iter().enumerate() {
                li { key: "{n}", class: "chart-key",
                    span { class: if bars { "chart-swatch chart-swatch-bar" } else { "chart-swatch" }, "data-series": "{n % SERIES}", "aria-hidden": "true" }
                    span { class: "chart-name", "{series.name}" }
                    span { class: "chart-value", "{value(&drawing, n, at, live)}" }
                }
            }
        }
    }
}

fn value(drawing: &Drawing, n: usize, at: Option<usize>, live: bool) -> String {
    let series = &drawing.series[n];
    let value = match at {
        Some(at) => series.values.get(at).copied().flatten(),
        // The last of what has been says nothing.
        None if !live => return String::new(),
        None => numbers::last(series).map(|(_, value)| value),
    };
    value.map_or_else(|| "–".to_owned(), |value| drawing.unit.say(value))
}
