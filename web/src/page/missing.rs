//! An address that leads nowhere.

use dioxus::prelude::*;

use crate::{app::Route, dom};

/// Says so, and leads home.
#[component]
pub fn NoSuchPage(rest: Vec<String>) -> Element {
    use_effect(|| dom::document().set_title("Not found · Weir"));
    rsx! {
        section { class: "page notice",
            h1 { "Nothing flows here" }
            p { "There is no page at " code { "/{rest.join(\"/\")}" } "." }
            Link { class: "action", to: Route::Home {}, "See what is live" }
        }
    }
}
