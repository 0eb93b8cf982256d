//! An address of another module, which the server answered with this one.

use dioxus::prelude::*;

use crate::{dom, texts::frame};

/// Loads the page once more: a browser that goes back may take an old page out of its cache. Where that was done
/// already it says so, since loading on would never end.
#[component]
pub fn Elsewhere(address: String) -> Element {
    let again = use_hook(|| {
        let again = !was_reloaded();
        if again {
            let _ = dom::window().location().reload();
        }
        again
    });
    use_effect(|| dom::document().set_title("Weir"));
    if again {
        return rsx! {
            p { class: "page calm", role: "status", "{frame::loading()}" }
        };
    }
    rsx! {
        section { class: "page notice", role: "alert",
            h1 { "{frame::other_page_title()}" }
            p { "{frame::other_page_text()}" }
            // Not by the router, which is there already.
            a { class: "action", href: "{address}", "{frame::retry()}" }
        }
    }
}

/// Whether this document is here because somebody loaded it again (Navigation Timing, level 2).
fn was_reloaded() -> bool {
    let kind = dom::property(&dom::window(), "performance")
        .and_then(|clock| dom::call_with(&clock, "getEntriesByType", &"navigation".into()))
        .and_then(|entries| dom::property(&entries, "0"))
        .and_then(|entry| dom::property(&entry, "type"));
    // A browser that does not tell is not made to load on for ever.
    kind.is_none_or(|kind| kind.as_string().as_deref() == Some("reload"))
}
