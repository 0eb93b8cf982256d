//! An address that leads nowhere.

use dioxus::prelude::*;

use crate::{app::Route, texts::frame, ui::use_title};

/// Says so, and leads home.
#[component]
pub fn NoSuchPage(rest: Vec<String>) -> Element {
    use_title(frame::no_page());
    let path = format!("/{}", rest.join("/"));
    rsx! {
        section { class: "page notice",
            h1 { "{frame::no_page_title()}" }
            p { "{frame::no_page_text(&path)}" }
            Link { class: "action", to: Route::Home {}, "{frame::see_live()}" }
        }
    }
}
