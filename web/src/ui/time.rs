//! Moments and lengths of time as people say them, in their language and time zone.

use js_sys::{Array, Date, Intl, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::{
    dom,
    texts::{self, frame},
};

/// A day with its time: `21 Nov 2026, 18:30`.
pub fn moment(ms: i64) -> String {
    format(ms, &[("dateStyle", "medium"), ("timeStyle", "short")])
}

/// A day: `Saturday 21 November`.
pub fn day(ms: i64) -> String {
    format(
        ms,
        &[("weekday", "long"), ("day", "numeric"), ("month", "long")],
    )
}

/// A time of day: `18:30`.
pub fn clock(ms: i64) -> String {
    format(ms, &[("timeStyle", "short")])
}

/// How long ago, or in how long: `5 minutes ago`, `in 2 days`.
pub fn ago(ms: i64) -> String {
    let seconds = (ms as f64 - dom::wall_ms()) / 1_000.0;
    let (number, unit) = match coarse(seconds) {
        Some(found) => found,
        None => return frame::just_now().to_owned(),
    };
    let options = Object::new();
    let _ = Reflect::set(&options, &"numeric".into(), &"auto".into());
    let _ = Reflect::set(&options, &"style".into(), &"short".into());
    let said = Intl::RelativeTimeFormat::new(&locales(), &options).format(number, unit);
    String::from(said)
}

/// The largest unit of which there is at least one; `None` for less than a minute.
fn coarse(seconds: f64) -> Option<(f64, &'static str)> {
    let units = [
        (31_557_600.0, "year"),
        (2_629_800.0, "month"),
        (86_400.0, "day"),
        (3_600.0, "hour"),
        (60.0, "minute"),
    ];
    let (length, unit) = units
        .into_iter()
        .find(|(length, _)| seconds.abs() >= *length)?;
    Some(((seconds / length).trunc(), unit))
}

/// A length as players show it: `3:07`, `1:02:09`.
pub fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

fn locales() -> Array {
    Array::of1(&texts::language().tag().into())
}

fn format(ms: i64, options: &[(&str, &str)]) -> String {
    let chosen = Object::new();
    for (name, value) in options {
        let _ = Reflect::set(&chosen, &(*name).into(), &(*value).into());
    }
    let date = Date::new(&JsValue::from_f64(ms as f64));
    let format = Intl::DateTimeFormat::new(&locales(), &chosen).format();
    format
        .call1(&JsValue::UNDEFINED, date.unchecked_ref())
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(duration(0), "0:00");
        assert_eq!(duration(187_900), "3:07");
        assert_eq!(duration(3_729_000), "1:02:09");
        assert_eq!(duration(-5), "0:00");
    }

    #[test]
    fn the_largest_unit_is_said() {
        assert_eq!(coarse(-59.0), None);
        assert_eq!(coarse(-61.0), Some((-1.0, "minute")));
        assert_eq!(coarse(7_300.0), Some((2.0, "hour")));
        assert_eq!(coarse(-90_000.0), Some((-1.0, "day")));
    }
}
