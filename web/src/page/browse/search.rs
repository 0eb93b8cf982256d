//! Search: the address says what for, so that it can be shared and gone back to.

use dioxus::prelude::*;
use weir_protocol::{CategoryInfo, StreamSummary};

use super::{
    CategoryTiles, Face, Faces, StreamCards, questions,
    results::{Results, Shown},
    search_filters::Filters,
    search_query::SearchQuery,
};
use crate::{
    app::Route,
    icon,
    texts::home,
    ui::{Empty, use_id, use_title},
};

/// `/search?q=…`.
#[component]
pub fn Search(query: SearchQuery) -> Element {
    let title = if query.words.is_empty() {
        home::search().to_owned()
    } else {
        home::search_title(&query.words)
    };
    use_title(title.clone());
    let categories = use_resource(|| async { questions::categories().await.unwrap_or_default() });
    let categories = categories.read().clone().unwrap_or_default();
    let for_above = (query.clone(), categories.clone());
    let above = use_callback(move |streams: Vec<StreamSummary>| {
        let (query, categories) = &for_above;
        rsx! {
            People { people: people(&query.words, &streams) }
            Matching { list: matching(&query.words, categories) }
        }
    });
    rsx! {
        div { class: "page",
            h1 { class: "heading", "{title}" }
            WordsForm { query: query.clone() }
            Filters { query: query.clone(), categories }
            // Another search is another list, not the same one with other words.
            for query in [query] {
                Results {
                    key: "{query}",
                    query: query.clone(),
                    shown: Shown::Counted,
                    above,
                    nothing: rsx! { Nothing { query } },
                }
            }
        }
    }
}

#[component]
fn WordsForm(query: SearchQuery) -> Element {
    let mut words = use_signal(|| query.words.clone());
    let id = use_id("words");
    // The address may have changed by the browser's buttons.
    let now = query.words.clone();
    use_effect(use_reactive!(|now| words.set(now)));
    rsx! {
        form { class: "search-form", role: "search", "aria-label": home::search(),
            onsubmit: move |event| {
                event.prevent_default();
                let words = words.peek().trim().to_owned();
                navigator().push(Route::Search { query: SearchQuery { words, ..query.clone() } });
            },
            label { class: "unseen", r#for: "{id}", "{home::search_words()}" }
            input { id: "{id}", class: "input", r#type: "search", name: "q", maxlength: "200", autocomplete: "off", enterkeyhint: "search",
                placeholder: home::search_for(), value: "{words}", oninput: move |event| words.set(event.value()),
                onmounted: {
                    let is_open = words.peek().is_empty();
                    move |event: MountedEvent| async move {
                        if is_open {
                            let _ = event.set_focus(true).await;
                        }
                    }
                },
            }
            button { class: "action", r#type: "submit", icon::Search {} "{home::search()}" }
        }
    }
}

/// Owners of what was found whom the words may mean.
fn people(words: &str, streams: &[StreamSummary]) -> Vec<Face> {
    let mut found: Vec<Face> = Vec::new();
    for stream in streams {
        let Some(owner) = &stream.owner else { continue };
        let display_name = owner.display_name.clone().unwrap_or(owner.name.clone());
        if !means(words, &[&owner.name, &display_name]) {
            continue;
        }
        let live = stream.live.then(|| stream.slug.clone());
        match found.iter_mut().find(|it| it.name == owner.name) {
            Some(known) => known.live = known.live.take().or(live),
            None => found.push(Face {
                name: owner.name.clone(),
                display_name,
                picture: None,
                live,
            }),
        }
    }
    found
}

fn matching(words: &str, categories: &[CategoryInfo]) -> Vec<CategoryInfo> {
    categories
        .iter()
        .filter(|it| means(words, &[it.slug.as_str(), &it.name]))
        .cloned()
        .collect()
}

/// Whether one of the words begins a word of one of these names.
fn means(words: &str, names: &[&str]) -> bool {
    let parts = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let names: Vec<String> = names.iter().flat_map(|name| parts(name)).collect();
    parts(words)
        .iter()
        .any(|word| names.iter().any(|name| name.starts_with(word.as_str())))
}

#[component]
fn People(people: Vec<Face>) -> Element {
    if people.is_empty() {
        return rsx! {};
    }
    rsx! {
        section {
            h2 { class: "heading heading-small", "{home::search_people()}" }
            Faces { people }
        }
    }
}

#[component]
fn Matching(list: Vec<CategoryInfo>) -> Element {
    if list.is_empty() {
        return rsx! {};
    }
    rsx! {
        section {
            h2 { class: "heading heading-small", "{home::categories()}" }
            CategoryTiles { list }
        }
    }
}

/// What to do where nothing was found, and what there is instead.
#[component]
fn Nothing(query: SearchQuery) -> Element {
    let instead =
        use_resource(|| async { questions::recommended(false).await.unwrap_or_default() });
    let instead: Vec<StreamSummary> = instead.read().iter().flatten().take(6).cloned().collect();
    let hint = if query.is_filtered() {
        home::search_nothing_filters()
    } else {
        home::search_nothing_text()
    };
    rsx! {
        Empty { title: home::search_nothing(), text: hint,
            div { class: "actions",
                if query.is_filtered() {
                    Link { class: "action action-soft", to: Route::Search { query: SearchQuery::of(&query.words) }, "{home::search_without_filters()}" }
                }
                Link { class: "action action-soft", to: Route::Search { query: SearchQuery::default() }, "{home::search_everything()}" }
            }
        }
        if !instead.is_empty() {
            h2 { class: "heading heading-small", "{home::search_instead()}" }
            StreamCards { streams: instead, level: 3 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_names_that_they_begin() {
        assert!(means("ann", &["anna", "Anna Blum"]));
        assert!(means("great blu", &["anna", "Anna Blum"]));
        assert!(!means("nna", &["anna"]));
        assert!(!means("", &["anna"]));
        assert!(means("ÉTÉ", &["été"]));
    }
}
