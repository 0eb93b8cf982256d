//! From when to when figures are shown, and how finely.

use dioxus::prelude::*;
use weir_protocol::Step;

use crate::{texts::insight as texts, ui::use_id};

const DAY_MS: i64 = 86_400_000;

/// Up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Period {
    Day,
    Week,
    #[default]
    Month,
    Quarter,
    Year,
}

impl Period {
    /// All, the shortest first.
    pub const ALL: [Self; 5] = [
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
    ];

    /// For programs.
    pub fn key(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// For people.
    pub fn name(self) -> String {
        match self {
            Self::Day => texts::last_day().to_owned(),
            other => texts::last_days(other.days() as u64),
        }
    }

    fn days(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 28,
            Self::Quarter => 90,
            Self::Year => 365,
        }
    }

    /// As finely as it is still seen.
    fn step(self) -> Step {
        match self {
            Self::Day => Step::Minute,
            Self::Week => Step::Hour,
            Self::Month | Self::Quarter | Self::Year => Step::Day,
        }
    }

    /// A question's parameters, without steps.
    pub fn range(self, to_ms: i64) -> String {
        format!("from={}&to={to_ms}", to_ms - self.days() * DAY_MS)
    }

    /// A question's parameters, in steps.
    pub fn series(self, to_ms: i64) -> String {
        format!("{}&step={}", self.range(to_ms), word(self.step()))
    }
}

/// As the API has it.
fn word(step: Step) -> &'static str {
    match step {
        Step::Minute => "minute",
        Step::Hour => "hour",
        Step::Day => "day",
    }
}

/// How long a step is. Milliseconds.
pub fn step_ms(step: Step) -> i64 {
    match step {
        Step::Minute => 60_000,
        Step::Hour => 3_600_000,
        Step::Day => DAY_MS,
    }
}

/// Chooses one. What is chosen shows at once.
#[component]
pub fn PeriodChoice(period: Signal<Period>) -> Element {
    let id = use_id("period");
    rsx! {
        fieldset { class: "segments",
            legend { class: "unseen", "{texts::period()}" }
            for one in Period::ALL {
                label { key: "{one.key()}", class: "segment",
                    input { class: "unseen", r#type: "radio", name: "{id}", value: "{one.key()}", checked: period() == one, onchange: move |_| period.set(one) }
                    span { "{one.name()}" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_period_asks_for_more_than_the_server_gives() {
        // At most a week by minutes, a year by hours, ten years by days.
        for period in Period::ALL {
            let longest = match period.step() {
                Step::Minute => 7,
                Step::Hour => 366,
                Step::Day => 3_660,
            };
            assert!(period.days() <= longest, "{period:?}");
        }
    }

    #[test]
    fn parameters_are_whole() {
        assert_eq!(
            Period::Week.series(604_800_005),
            "from=5&to=604800005&step=hour"
        );
    }
}
