//! Curves and bars: drawn by uPlot where it loads, and always as a table too. Their look stands in
//! `assets/style/chart.css`.

mod board;
mod format;
mod legend;
mod numbers;
mod observe;
mod options;
mod palette;
mod table;
mod uplot;

pub use format::Unit;

use std::{cell::RefCell, rc::Rc};

use dioxus::{
    core::{Runtime, current_scope_id},
    prelude::*,
    web::WebEventExt as _,
};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use self::{board::Board, legend::Legend, table::Table};
use crate::texts::chart as texts;

/// One curve, or one bar in each group.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// For people.
    pub name: String,
    /// One for each time or name; none where nothing is known.
    pub values: Vec<Option<f64>>,
}

impl Series {
    /// A series.
    pub fn new(name: impl Into<String>, values: Vec<Option<f64>>) -> Self {
        Self {
            name: name.into(),
            values,
        }
    }
}

/// What the values stand over.
#[derive(Debug, Clone, PartialEq)]
enum Along {
    /// Seconds since the Unix epoch, in order.
    Times(Vec<f64>),
    Names(Vec<String>),
}

/// Everything that is drawn.
#[derive(Debug, Clone, PartialEq)]
struct Drawing {
    along: Along,
    series: Vec<Series>,
    unit: Unit,
    /// Curves go on over places where nothing is known.
    joined: bool,
    /// The last value is of this moment.
    live: bool,
}

/// Values over time, as curves of one unit.
#[component]
pub fn LineChart(
    /// What the chart shows, in a few words.
    label: String,
    /// Seconds since the Unix epoch, in order.
    times: Vec<f64>,
    series: Vec<Series>,
    unit: Unit,
    /// Curves go on over times at which nothing is known, where series are known at different times.
    #[props(default)]
    joined: bool,
    /// The last values are of this moment: they stand in the legend.
    #[props(default)]
    live: bool,
) -> Element {
    let along = Along::Times(times);
    rsx! { Chart { label, drawing: Drawing { along, series, unit, joined, live } } }
}

/// Values of things that have names, as groups of bars.
#[component]
pub fn BarChart(
    /// What the chart shows, in a few words.
    label: String,
    names: Vec<String>,
    series: Vec<Series>,
    unit: Unit,
) -> Element {
    let along = Along::Names(names);
    rsx! { Chart { label, drawing: Drawing { along, series, unit, joined: false, live: false } } }
}

#[component]
fn Chart(label: String, drawing: Drawing) -> Element {
    let board = use_hook(|| Rc::new(RefCell::new(None::<Board>)));
    // What there is to draw when the library has come.
    let newest = use_hook(|| Rc::new(RefCell::new(drawing.clone())));
    let mut failed = use_signal(|| false);
    let at = use_signal(|| None::<usize>);
    {
        let (board, newest) = (board.clone(), newest.clone());
        use_effect(use_reactive!(|drawing| {
            newest.replace(drawing.clone());
            if let Some(board) = board.borrow_mut().as_mut() {
                board.update(drawing);
            }
        }));
    }
    {
        let board = board.clone();
        use_drop(move || drop(board.take()));
    }
    let mounted = move |event: MountedEvent| {
        let element = event.try_as_web_event();
        let Some(element) = element.and_then(|it| it.dyn_into::<HtmlElement>().ok()) else {
            return;
        };
        let (runtime, scope) = (Runtime::current(), current_scope_id());
        let hear = move |to: Option<usize>| {
            runtime.in_scope(scope, || {
                let mut at = at;
                if *at.peek() != to {
                    at.set(to);
                }
            });
        };
        let (board, newest) = (board.clone(), newest.clone());
        spawn(async move {
            match uplot::class().await {
                Ok(class) => {
                    let drawing = newest.borrow().clone();
                    board.replace(Some(Board::new(class, element, drawing, Rc::new(hear))));
                }
                Err(_) => failed.set(true),
            }
        });
    };
    let essence = numbers::essence(&label, &drawing);
    let empty = numbers::is_empty(&drawing);
    rsx! {
        figure { class: "chart", "data-chart": if failed() { "failed" } else { "drawn" },
            Legend { label: label.clone(), drawing: drawing.clone(), at }
            if !failed() {
                div { class: "chart-frame",
                    div { class: "chart-plot", role: "img", "aria-label": "{essence}", onmounted: mounted }
                    if empty { p { class: "chart-empty", "{texts::nothing()}" } }
                }
            }
            if !empty { Table { label, drawing, open: failed() } }
        }
    }
}
