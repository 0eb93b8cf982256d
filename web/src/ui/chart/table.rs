//! A chart's numbers as a table, for whoever reads rather than looks.

use dioxus::prelude::*;

use super::{Along, Drawing, numbers};
use crate::texts::chart as texts;

/// Rows of it at most: more are read better from a file.
const ROWS: usize = 400;

#[component]
pub fn Table(label: String, drawing: Drawing, open: bool) -> Element {
    // Its rows are made when somebody wants them.
    let mut wanted = use_signal(|| open);
    let timed = matches!(drawing.along, Along::Times(_));
    let places = numbers::places(&drawing);
    // The newest first.
    let rows: Vec<usize> = if timed {
        (0..places).rev().take(ROWS).collect()
    } else {
        (0..places).take(ROWS).collect()
    };
    let left_out = places - rows.len();
    rsx! {
        details { class: "disclosure disclosure-small", open, ontoggle: move |_| wanted.set(true),
            summary { "{texts::show_table()}" }
            if wanted() {
                div { class: "table-wrap chart-table", role: "group", "aria-label": "{label}", tabindex: "0",
                    table { class: "table",
                        caption { class: "unseen", "{label}" }
                        thead { tr {
                            th { scope: "col", if timed { "{texts::time()}" } else { "{texts::name()}" } }
                            for (n, series) in drawing.series.iter().enumerate() { th { key: "{n}", scope: "col", "{series.name}" } }
                        } }
                        tbody {
                            for at in rows {
                                tr { key: "{at}",
                                    th { scope: "row", "{numbers::place(&drawing, at)}" }
                                    for (n, series) in drawing.series.iter().enumerate() {
                                        td { key: "{n}", {series.values.get(at).copied().flatten().map_or_else(|| "–".to_owned(), |value| drawing.unit.say(value))} }
                                    }
                                }
                            }
                        }
                    }
                }
                if left_out > 0 { p { class: "soft", "{texts::left_out(left_out as u64)}" } }
            }
        }
    }
}
