//! One category.

use dioxus::prelude::*;

use super::{
    questions,
    results::{Results, Shown},
    search_query::SearchQuery,
};
use crate::{
    app::Route,
    icon,
    texts::home,
    ui::{Empty, Failure, Skeleton, use_title},
};

/// `/category/:slug`.
#[component]
pub fn CategoryPage(slug: String) -> Element {
    rsx! {
        div { class: "page",
            // Another category is another list, not the same one with another name.
            for slug in [slug] {
                Category { key: "{slug}", slug }
            }
            nav { class: "after",
                Link { class: "quiet-link", to: Route::Categories {}, icon::Back {} "{home::all_categories()}" }
            }
        }
    }
}

#[component]
fn Category(slug: String) -> Element {
    let for_question = slug.clone();
    let mut found = use_resource(move || {
        let slug = for_question.clone();
        async move { questions::category(&slug).await }
    });
    let found_now = found.read();
    let name = match &*found_now {
        Some(Ok(category)) => category.name.clone(),
        Some(Err(_)) | None => slug.clone(),
    };
    use_title(name.clone());
    match &*found_now {
        Some(Err(error)) if error.is_not_found() => rsx! {
            section { class: "notice", h1 { "{home::no_category()}" } }
        },
        Some(Err(error)) => rsx! {
            h1 { class: "heading", "{name}" }
            Failure { error: error.clone(), on_retry: move |()| found.restart() }
        },
        None => rsx! {
            h1 { class: "heading", "{name}" }
            Skeleton { lines: 4 }
        },
        Some(Ok(_)) => rsx! {
            h1 { class: "heading", "{name}" }
            Results {
                query: SearchQuery { category: slug, ..SearchQuery::default() },
                shown: Shown::Plain,
                nothing: rsx! { Empty { title: home::category_empty(), text: home::category_empty_text() } },
            }
        },
    }
}
