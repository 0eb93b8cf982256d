//! All categories.

use std::collections::HashMap;

use dioxus::prelude::*;
use weir_protocol::CategoryInfo;

use super::questions;
use crate::{
    api::ApiError,
    app::Route,
    texts::home,
    ui::{Empty, Failure, Skeleton, tone, use_title},
};

/// `/categories`.
#[component]
pub fn Categories() -> Element {
    use_title(home::categories());
    let mut found = use_resource(questions::categories);
    let live = use_resource(count_live);
    let found_now = found.read();
    rsx! {
        div { class: "page",
            h1 { class: "heading", "{home::categories()}" }
            match &*found_now {
                None => rsx! { Skeleton { lines: 6 } },
                Some(Err(error)) => rsx! { Failure { error: error.clone(), on_retry: move |()| found.restart() } },
                Some(Ok(list)) if list.is_empty() => rsx! {
                    Empty { title: home::no_categories(), text: home::no_categories_text() }
                },
                Some(Ok(list)) => rsx! {
                    CategoryTiles { list: list.clone(), live: live.read().clone().unwrap_or_default() }
                },
            }
        }
    }
}

/// How many live streams each has; nothing where there are more than are asked for.
async fn count_live() -> HashMap<String, u32> {
    count(questions::live().await).unwrap_or_default()
}

fn count(
    answer: Result<weir_protocol::Page<weir_protocol::StreamSummary>, ApiError>,
) -> Option<HashMap<String, u32>> {
    let page = answer.ok().filter(|page| page.next.is_none())?;
    let mut counts = HashMap::new();
    for category in page.items.into_iter().filter_map(|it| it.category) {
        *counts.entry(category.slug).or_insert(0) += 1;
    }
    Some(counts)
}

/// Tiles with the picture of each. `live`: how many streams of a category are live, by its slug.
#[component]
pub fn CategoryTiles(
    list: Vec<CategoryInfo>,
    #[props(default)] live: HashMap<String, u32>,
) -> Element {
    rsx! {
        ul { class: "categories", role: "list",
            for category in list {
                li { key: "{category.slug}",
                    Link { class: "category tone-{tone(category.slug.as_str())}", to: Route::CategoryPage { slug: category.slug.to_string() },
                        if let Some(image) = &category.image {
                            img { class: "category-picture", src: "/api/v1/images/{image}", alt: "", loading: "lazy" }
                        }
                        span { class: "category-name", "{category.name}" }
                        if let Some(count) = live.get(category.slug.as_str()) {
                            span { class: "badge badge-live", "{home::live_streams(u64::from(*count), count)}" }
                        }
                    }
                }
            }
        }
    }
}
