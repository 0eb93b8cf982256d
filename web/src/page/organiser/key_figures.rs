//! An event in numbers.

use dioxus::prelude::*;
use weir_protocol::EventTotals;

use crate::texts::organiser as said;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// Registrations, attendance and time.
#[component]
pub fn Figures(totals: EventTotals) -> Element {
    let all = [
        (said::figure_registered(), totals.confirmed.to_string()),
        (said::figure_pending(), totals.pending.to_string()),
        (said::figure_waiting(), totals.waiting.to_string()),
        (said::figure_checked_in(), checked_in(&totals)),
        (said::figure_attended(), totals.attendees.to_string()),
        (said::figure_watched(), watched(totals.watch_ms)),
    ];
    rsx! {
        dl { class: "figures-row",
            for (name, value) in all {
                div { key: "{name}", class: "figure-tile", dt { "{name}" } dd { "{value}" } }
            }
        }
    }
}

fn checked_in(totals: &EventTotals) -> String {
    match totals.confirmed {
        0 => totals.checked_in.to_string(),
        all => {
            let part = u64::from(totals.checked_in) * 100 / u64::from(all);
            format!("{} ({part} %)", totals.checked_in)
        }
    }
}

/// Time in sessions: `12 min`, `3 h 05 min`.
pub fn watched(ms: i64) -> String {
    let (hours, minutes) = (ms / HOUR_MS, ms % HOUR_MS / MINUTE_MS);
    if hours > 0 {
        format!("{hours} h {minutes:02} min")
    } else {
        format!("{minutes} min")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_said_in_hours_and_minutes() {
        assert_eq!(watched(0), "0 min");
        assert_eq!(watched(59 * MINUTE_MS + 59_999), "59 min");
        assert_eq!(watched(3 * HOUR_MS + 5 * MINUTE_MS), "3 h 05 min");
    }

    #[test]
    fn who_is_checked_in_is_a_part_of_who_has_a_place() {
        let mut totals = EventTotals::default();
        assert_eq!(checked_in(&totals), "0");
        (totals.confirmed, totals.checked_in) = (4, 3);
        assert_eq!(checked_in(&totals), "3 (75 %)");
    }
}
