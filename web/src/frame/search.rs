//! The search in the header: a field, or on phones a link to the page that has one.

use dioxus::prelude::*;

use crate::{
    app::Route,
    icon,
    page::SearchQuery,
    texts::{frame, home},
};

/// Stands on every page but the search's own, which has a larger one.
#[component]
pub fn HeaderSearch() -> Element {
    let mut words = use_signal(String::new);
    if matches!(use_route::<Route>(), Route::Search { .. }) {
        return rsx! { span { class: "top-search" } };
    }
    rsx! {
        form { class: "top-search", role: "search", "aria-label": frame::search(),
            onsubmit: move |event| {
                event.prevent_default();
                let query = SearchQuery::of(&words.peek());
                words.set(String::new());
                navigator().push(Route::Search { query });
            },
            input { class: "input", r#type: "search", maxlength: "200", autocomplete: "off", enterkeyhint: "search",
                "aria-label": home::search_words(), placeholder: home::search_for(),
                value: "{words}", oninput: move |event| words.set(event.value()) }
            button { class: "quiet", r#type: "submit", "aria-label": frame::search(), icon::Search {} }
        }
        Link { class: "quiet top-search-link", to: Route::Search { query: SearchQuery::default() }, "aria-label": frame::search(),
            icon::Search {}
        }
    }
}
