//! Streams as lines of a list, for those that show no picture now.

use dioxus::prelude::*;
use weir_protocol::StreamSummary;

use super::numbers;
use crate::{
    app::{Handle, Route},
    texts::frame,
};

/// Title and address of each.
#[component]
pub fn StreamRows(streams: Vec<StreamSummary>) -> Element {
    rsx! {
        ul { class: "rows", role: "list",
            for stream in streams {
                li { key: "{stream.slug}",
                    Link { class: "row", to: Route::Watch { handle: Handle(stream.slug.clone()) },
                        span { class: if stream.live { "dot dot-live" } else { "dot" }, "aria-hidden": "true" }
                        span { class: "row-title", "{stream.title}" }
                        if stream.live {
                            span { class: "badge badge-live", "{frame::live()}" }
                            span { class: "soft", "{numbers::viewers(stream.viewers.total())}" }
                        }
                        if let Some(category) = &stream.category { span { class: "badge", "{category.name}" } }
                        span { class: "handle", "@{stream.slug}" }
                    }
                }
            }
        }
    }
}
