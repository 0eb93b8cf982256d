//! Numbers and times as charts say them, in the reader's language.

use std::{cell::RefCell, collections::HashMap};

use js_sys::{Array, Date, Function, Intl, Object};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::{dom, texts};

const MINUTE_S: f64 = 60.0;
const DAY_S: f64 = 86_400.0;

/// What values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Of things: `1,204`. An average of them may have a tenth.
    Count,
    /// Milliseconds that one compares: `320 ms`, `1.2 sec`.
    Milliseconds,
    /// A length of time in milliseconds: `3.2 hr`, `12 min`.
    Length,
    /// A share of 1: `2.5%`.
    Share,
}

impl Unit {
    /// A value for people.
    pub fn say(self, value: f64) -> String {
        let (value, kind) = match self {
            Self::Count => (value, "count"),
            Self::Share => (value, "share"),
            Self::Milliseconds if value.abs() < 1_000.0 => (value.round(), "millisecond"),
            Self::Milliseconds => (value / 1_000.0, "second"),
            Self::Length if value.abs() < MINUTE_S * 1_000.0 => {
                ((value / 1_000.0).round(), "second")
            }
            Self::Length if value.abs() < 3_600_000.0 => ((value / 60_000.0).round(), "minute"),
            Self::Length => (value / 3_600_000.0, "hour"),
        };
        formatted(kind, &value.into(), || number_format(kind))
    }

    /// What the marks of an axis may be apart: what is round in this unit, and nothing that would be said alike.
    pub fn steps(self) -> Vec<f64> {
        const SECOND: f64 = 1_000.0;
        const HOUR: f64 = 3_600.0 * SECOND;
        let round = |from: i32| {
            let decades = (from..9).map(|power| 10_f64.powi(power));
            decades.flat_map(|one| [one, 2.0 * one, 5.0 * one])
        };
        match self {
            Self::Count | Self::Milliseconds => round(0).collect(),
            // Percents with one place.
            Self::Share => round(-3).collect(),
            Self::Length => {
                let short = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0];
                let seconds = short.map(|it| it * SECOND);
                let minutes = short.map(|it| it * MINUTE_S * SECOND);
                let hours = round(0).map(|it| it * HOUR);
                seconds.into_iter().chain(minutes).chain(hours).collect()
            }
        }
    }
}

/// How finely times are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    Second,
    Minute,
    /// A day with its time.
    Moment,
    Day,
    Month,
}

/// As finely as these times differ, and as coarsely as they reach.
pub fn precision(times: &[f64]) -> Precision {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Precision::Minute;
    };
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let step = steps.fold(f64::INFINITY, f64::min);
    let span = last - first;
    if step < MINUTE_S {
        Precision::Second
    } else if step >= DAY_S && step.is_finite() {
        Precision::Day
    } else if span < DAY_S && same_day(*first, *last) {
        Precision::Minute
    } else {
        Precision::Moment
    }
}

fn same_day(one: f64, other: f64) -> bool {
    let day = |seconds: f64| {
        let date = Date::new(&JsValue::from_f64(seconds * 1_000.0));
        (date.get_month(), date.get_date())
    };
    day(one) == day(other)
}

/// A time for people, from seconds since the Unix epoch.
pub fn time(seconds: f64, precision: Precision) -> String {
    let kind = match precision {
        Precision::Second => "time-second",
        Precision::Minute => "time-minute",
        Precision::Moment => "time-moment",
        Precision::Day => "time-day",
        Precision::Month => "time-month",
    };
    let date = Date::new(&JsValue::from_f64(seconds * 1_000.0));
    formatted(kind, &date, || date_format(precision))
}

/// A time below the axis whose marks stand `step` seconds apart: the day where a new one begins.
pub fn mark(seconds: f64, step: f64) -> String {
    let date = Date::new(&JsValue::from_f64(seconds * 1_000.0));
    let midnight = date.get_hours() == 0 && date.get_minutes() == 0 && date.get_seconds() == 0;
    let precision = if step >= 28.0 * DAY_S {
        Precision::Month
    } else if step >= DAY_S || midnight {
        Precision::Day
    } else if step >= MINUTE_S {
        Precision::Minute
    } else {
        Precision::Second
    };
    time(seconds, precision)
}

/// Makes each format once: a table has thousands of cells.
fn formatted(kind: &'static str, value: &JsValue, make: impl FnOnce() -> Function) -> String {
    thread_local! {
        static KNOWN: RefCell<HashMap<(&'static str, &'static str), Function>> = RefCell::default();
    }
    let format = KNOWN.with_borrow_mut(|known| {
        let key = (texts::language().tag(), kind);
        known.entry(key).or_insert_with(make).clone()
    });
    let said = format.call1(&JsValue::UNDEFINED, value).ok();
    said.and_then(|text| text.as_string()).unwrap_or_default()
}

fn number_format(kind: &'static str) -> Function {
    let options = Object::new();
    let set = |name: &str, value: JsValue| dom::set_property(&options, name, &value);
    set("maximumFractionDigits", 1.into());
    match kind {
        "count" => {}
        "share" => set("style", "percent".into()),
        unit => {
            set("style", "unit".into());
            set("unit", unit.into());
            set("unitDisplay", "short".into());
        }
    }
    Intl::NumberFormat::new(&locales(), &options)
        .format()
        .unchecked_into()
}

fn date_format(precision: Precision) -> Function {
    let options = Object::new();
    let wanted: &[(&str, &str)] = match precision {
        Precision::Second => &[("timeStyle", "medium")],
        Precision::Minute => &[("timeStyle", "short")],
        Precision::Moment => &[
            ("day", "numeric"),
            ("month", "short"),
            ("hour", "numeric"),
            ("minute", "2-digit"),
        ],
        Precision::Day => &[("day", "numeric"), ("month", "short")],
        Precision::Month => &[("month", "short"), ("year", "numeric")],
    };
    for (name, value) in wanted {
        dom::set_property(&options, name, &(*value).into());
    }
    Intl::DateTimeFormat::new(&locales(), &options)
        .format()
        .unchecked_into()
}

fn locales() -> Array {
    Array::of1(&texts::language().tag().into())
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn marks_are_ever_further_apart() {
        for unit in [Unit::Count, Unit::Milliseconds, Unit::Length, Unit::Share] {
            let steps = unit.steps();
            assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{unit:?}");
        }
    }
}
