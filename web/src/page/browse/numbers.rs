//! Numbers and lengths of time, as short as cards need them.

use js_sys::Number;

use crate::texts::{self, frame, home};

/// `1 viewer`, `12 viewers`, `1.2k viewers`.
pub fn viewers(count: u32) -> String {
    frame::viewers(u64::from(count), short(count))
}

/// `999`, `1.2k`, `3.4M`.
pub fn short(count: u32) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => home::thousands(one_place(count / 100)),
        _ => home::millions(one_place(count / 100_000)),
    }
}

/// Tenths as the language writes them.
fn one_place(tenths: u32) -> String {
    let number = Number::from(f64::from(tenths) / 10.0);
    String::from(number.to_locale_string(texts::language().tag()))
}

/// For how long something goes on: `just now`, `5 min`, `2 h 10 min`, `3 days`.
pub fn since(started_ms: i64, now_ms: i64) -> String {
    let minutes = (now_ms - started_ms).max(0) / 60_000;
    match (minutes / 1_440, minutes / 60, minutes % 60) {
        (0, 0, 0) => frame::just_now().to_owned(),
        (0, 0, minutes) => home::since_minutes(minutes),
        (0, hours, 0) => home::since_hours(hours),
        (0, hours, minutes) => home::since_hours_minutes(hours, minutes),
        (days, ..) => home::since_days(days.unsigned_abs(), days),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_counts_are_exact() {
        assert_eq!(viewers(0), "0 viewers");
        assert_eq!(viewers(1), "1 viewer");
        assert_eq!(viewers(999), "999 viewers");
    }

    #[test]
    fn lengths() {
        let minute = 60_000;
        assert_eq!(since(1_000, 0), "just now", "clocks differ");
        assert_eq!(since(0, 59_999), "just now");
        assert_eq!(since(0, 5 * minute), "5 min");
        assert_eq!(since(0, 120 * minute), "2 h");
        assert_eq!(since(0, 130 * minute), "2 h 10 min");
        assert_eq!(since(0, 1_500 * minute), "1 day");
        assert_eq!(since(0, 3 * 1_440 * minute), "3 days");
    }
}
