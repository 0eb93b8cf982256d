//! Coming streams.

use dioxus::prelude::*;
use weir_protocol::PlannedStream;

use crate::{
    app::{Handle, Route},
    texts::home,
    ui,
};

/// Planned streams, each with its day and time; without the day where that stands above them.
#[component]
pub fn Plans(plans: Vec<PlannedStream>, #[props(default = true)] with_day: bool) -> Element {
    rsx! {
        ul { class: "rows", role: "list",
            for plan in plans {
                li { key: "{plan.id}",
                    Link { class: "row plan", to: Route::Watch { handle: Handle(plan.slug.clone()) },
                        span { class: "plan-when",
                            if with_day { span { class: "plan-day", "{ui::day(plan.starts_at)}" } }
                            span { class: "plan-time", "{home::from_to(ui::clock(plan.starts_at), ui::clock(plan.ends_at))}" }
                        }
                        span { class: "plan-what",
                            span { class: "row-title", "{plan.title}" }
                            if !plan.description.is_empty() { span { class: "plan-more soft", "{plan.description}" } }
                        }
                        span { class: "soft plan-in", "{ui::ago(plan.starts_at)}" }
                        span { class: "handle", "@{plan.slug}" }
                    }
                }
            }
        }
    }
}
