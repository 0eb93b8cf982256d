//! All planned streams, by day.

use dioxus::prelude::*;
use js_sys::Date;
use weir_protocol::PlannedStream;

use super::{Plans, questions};
use crate::{
    dom,
    texts::home,
    ui::{self, Empty, More, use_paged, use_title},
};

/// Entries of a page.
const LIMIT: u32 = 50;

/// `/schedule`.
#[component]
pub fn Schedule() -> Element {
    use_title(home::schedule());
    let list = use_paged(|cursor| questions::planned(LIMIT, cursor));
    let items = list.items.read();
    rsx! {
        div { class: "page",
            div { class: "heading-row",
                h1 { class: "heading", "{home::schedule()}" }
                a { class: "action action-soft", href: "/api/v1/schedule.ics", "{home::schedule_subscribe()}" }
            }
            if list.is_empty() {
                Empty { title: home::schedule_empty(), text: home::schedule_empty_text() }
            }
            for (day, plans) in by_day(&items, local_day) {
                section { key: "{day}",
                    h2 { class: "heading heading-small", "{title(&plans)}" }
                    Plans { plans, with_day: false }
                }
            }
            More { list }
        }
    }
}

/// Days in their order, each with what begins on it.
fn by_day(plans: &[PlannedStream], day_of: impl Fn(i64) -> i64) -> Vec<(i64, Vec<PlannedStream>)> {
    let mut days: Vec<(i64, Vec<PlannedStream>)> = Vec::new();
    for plan in plans {
        let day = day_of(plan.starts_at);
        match days.last_mut() {
            Some((last, plans)) if *last == day => plans.push(plan.clone()),
            _ => days.push((day, vec![plan.clone()])),
        }
    }
    days
}

/// Which day it is here, as a number without gaps.
fn local_day(ms: i64) -> i64 {
    let date = Date::new(&(ms as f64).into());
    let offset_ms = date.get_timezone_offset() * 60_000.0;
    ((ms as f64 - offset_ms) / 86_400_000.0).floor() as i64
}

fn title(plans: &[PlannedStream]) -> String {
    let Some(first) = plans.first() else {
        return String::new();
    };
    let day = ui::day(first.starts_at);
    match local_day(first.starts_at) - local_day(dom::wall_ms() as i64) {
        0 => format!("{}, {day}", home::today()),
        1 => format!("{}, {day}", home::tomorrow()),
        _ => day,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn plans_stand_under_their_day() {
        let plan = |id: &str, starts_at| PlannedStream {
            id: id.to_owned(),
            slug: "a".parse().unwrap(),
            title: id.to_owned(),
            description: String::new(),
            starts_at,
            ends_at: starts_at + 1,
        };
        let plans = [plan("1", 10), plan("2", 90), plan("3", 100), plan("4", 350)];
        let days = by_day(&plans, |ms| ms / 100);
        let shape: Vec<(i64, usize)> = days.iter().map(|(day, of)| (*day, of.len())).collect();
        assert_eq!(shape, [(0, 2), (1, 1), (3, 1)]);
        assert!(by_day(&[], |ms| ms).is_empty());
    }
}
