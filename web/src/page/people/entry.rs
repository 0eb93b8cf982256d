//! What stands around the forms by which one comes in, and how one goes on from there.

use dioxus::prelude::*;

use crate::{app::Route, dom, session::use_session, texts::people, ui::use_title};

/// A narrow page with a heading.
#[component]
pub fn Entry(title: String, children: Element) -> Element {
    use_title(title.clone());
    rsx! {
        section { class: "page entry",
            div { class: "panel entry-panel",
                h1 { class: "entry-title", "{title}" }
                {children}
            }
        }
    }
}

/// For whoever comes to log in and is logged in.
#[component]
pub fn AlreadyIn(next: String) -> Element {
    let name = use_session().user().map(|me| me.name).unwrap_or_default();
    rsx! {
        p { "{people::already_in(&name)}" }
        button { class: "action", r#type: "button", onclick: move |_| go_on(&next), "{people::go_on()}" }
    }
}

/// To this path of ours, in place of the page that asked to log in.
pub fn go_on(path: &str) {
    match path.parse::<Route>() {
        // What stands in a query or behind a hash is read when the client starts.
        Ok(route) if !path.contains(['?', '#']) => {
            navigator().replace(route);
        }
        _ => {
            let _ = dom::window().location().replace(path);
        }
    }
}
