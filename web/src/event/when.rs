//! Moments of events, in the time zone that they are planned in or in that of whoever reads.

use js_sys::{Array, Date, Intl, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::{dom, texts};

const MINUTE_MS: f64 = 60_000.0;

/// The IANA name of the browser's own time zone.
pub fn own_zone() -> String {
    let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    let zone = dom::property(&options, "timeZone").and_then(|it| it.as_string());
    zone.unwrap_or_else(|| "UTC".to_owned())
}

/// All zones that the browser knows, with the one that is `chosen`.
pub fn zones(chosen: &str) -> Vec<String> {
    let intl = dom::property(&js_sys::global(), "Intl");
    let known = intl.and_then(|it| dom::call_with(&it, "supportedValuesOf", &"timeZone".into()));
    let known = known.and_then(|it| it.dyn_into::<Array>().ok());
    let mut all: Vec<String> = known
        .map(|all| all.iter().filter_map(|it| it.as_string()).collect())
        .unwrap_or_default();
    for extra in ["UTC", chosen] {
        if !all.iter().any(|it| it == extra) {
            all.insert(0, extra.to_owned());
        }
    }
    all
}

/// Whether clocks show something else there than here, at this moment.
pub fn differs(ms: i64, zone: &str) -> bool {
    local(ms as f64, zone) != local(ms as f64, &own_zone())
}

/// A time of day: `18:30`. Without a zone, that of here.
pub fn clock(ms: i64, zone: Option<&str>) -> String {
    format(ms, zone, &[("timeStyle", "short")])
}

/// A day with its year: `Saturday, 21 November 2026`.
pub fn day(ms: i64, zone: Option<&str>) -> String {
    format(ms, zone, &[("dateStyle", "full")])
}

/// A day in short, with its time: `21 Nov 2026, 18:30`.
pub fn moment(ms: i64, zone: Option<&str>) -> String {
    format(ms, zone, &[("dateStyle", "medium"), ("timeStyle", "short")])
}

/// From when to when, with each day once: `21 Nov 2026, 18:30 – 20:00`.
pub fn span(from: i64, to: i64, zone: Option<&str>) -> String {
    let end = if day(from, zone) == day(to, zone) {
        clock(to, zone)
    } else {
        moment(to, zone)
    };
    format!("{} – {end}", moment(from, zone))
}

fn format(ms: i64, zone: Option<&str>, options: &[(&str, &str)]) -> String {
    let chosen = Object::new();
    let zone = zone.map(|zone| ("timeZone", zone));
    for (name, value) in options.iter().copied().chain(zone) {
        let _ = Reflect::set(&chosen, &name.into(), &value.into());
    }
    // Throws for a zone that this browser does not know.
    let said = formatted(ms as f64, texts::language().tag(), &chosen);
    said.unwrap_or_else(|| crate::ui::moment(ms))
}

fn formatted(ms: f64, language: &str, options: &Object) -> Option<String> {
    let date = Date::new(&JsValue::from_f64(ms));
    let method: js_sys::Function = dom::property(&date, "toLocaleString")?.dyn_into().ok()?;
    let text = method.call2(&date, &language.into(), options).ok()?;
    text.as_string()
}

/// A moment as `datetime-local` has it, by the clocks of a zone.
pub fn local(ms: f64, zone: &str) -> String {
    let options = Object::new();
    for (name, value) in [
        ("timeZone", zone),
        ("hourCycle", "h23"),
        ("year", "numeric"),
        ("month", "2-digit"),
        ("day", "2-digit"),
        ("hour", "2-digit"),
        ("minute", "2-digit"),
    ] {
        let _ = Reflect::set(&options, &name.into(), &value.into());
    }
    // Swedish writes dates as ISO 8601 does.
    let text = formatted(ms, "sv-SE", &options).unwrap_or_default();
    text.replace(' ', "T")
}

/// The moment that such a text means by the clocks of a zone.
pub fn at(text: &str, zone: &str) -> Option<i64> {
    let parse = |text: &str| Some(Date::parse(&format!("{text}Z"))).filter(|ms| ms.is_finite());
    let wanted = parse(text)?;
    moment_of(wanted, |ms| parse(&local(ms, zone)))
}

/// The moment at which clocks show `wanted`, by asking what they show at moments nearby.
fn moment_of(wanted: f64, shown: impl Fn(f64) -> Option<f64>) -> Option<i64> {
    let first = wanted - (shown(wanted)? - wanted);
    // Once more: the clocks may have been set in between.
    let second = wanted - (shown(first)? - first);
    let found = if shown(second)? == wanted {
        second
    } else {
        first
    };
    Some(((found / MINUTE_MS).round() * MINUTE_MS) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: f64 = 60.0 * MINUTE_MS;

    #[test]
    fn a_clock_that_is_set_forward_is_followed() {
        // Two hours ahead, three from the moment 100 h on.
        let shown = |ms: f64| {
            Some(
                ms + if ms < 100.0 * HOUR {
                    2.0 * HOUR
                } else {
                    3.0 * HOUR
                },
            )
        };
        for moment in [50.0, 99.0, 100.0, 101.0, 300.0] {
            let clock = shown(moment * HOUR).unwrap_or_default();
            assert_eq!(
                moment_of(clock, shown),
                Some((moment * HOUR) as i64),
                "{moment}"
            );
        }
    }
}
