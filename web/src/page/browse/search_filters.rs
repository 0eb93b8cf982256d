//! Filters of the search. Each takes effect at once, and stands in the address.

use dioxus::prelude::*;
use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use weir_protocol::CategoryInfo;

use super::search_query::SearchQuery;
use crate::{
    app::Route,
    dom,
    texts::{self, home},
    ui::use_id,
};

/// What is spoken on most streams; the address takes any other tag.
const LANGUAGES: [&str; 20] = [
    "ar", "cs", "da", "de", "en", "es", "fi", "fr", "hi", "it", "ja", "ko", "nl", "no", "pl", "pt",
    "ru", "sv", "uk", "zh",
];

fn go(query: SearchQuery) {
    navigator().push(Route::Search { query });
}

/// Live, category, language, tag.
#[component]
pub fn Filters(query: SearchQuery, categories: Vec<CategoryInfo>) -> Element {
    let id = use_id("filter");
    let mut tag = use_signal(|| query.tag.clone());
    let now = query.tag.clone();
    use_effect(use_reactive!(|now| tag.set(now)));
    let mut category_options: Vec<(String, String)> = categories
        .iter()
        .map(|it| (it.slug.to_string(), it.name.clone()))
        .collect();
    keep(&mut category_options, &query.category, str::to_owned);
    let mut language_options: Vec<(String, String)> = LANGUAGES
        .iter()
        .map(|tag| ((*tag).to_owned(), language_name(tag)))
        .collect();
    language_options.sort_by_key(|(_, name)| name.to_lowercase());
    keep(&mut language_options, &query.language, language_name);
    let (for_live, for_category, for_language, for_tag) =
        (query.clone(), query.clone(), query.clone(), query.clone());
    rsx! {
        form { class: "filters", "aria-label": home::search_filters(),
            onsubmit: move |event| {
                event.prevent_default();
                go(SearchQuery { tag: tag.peek().trim().to_owned(), ..for_tag.clone() });
            },
            label { class: "filter-tick",
                input { class: "tick", r#type: "checkbox", checked: query.live,
                    onchange: move |event| go(SearchQuery { live: event.checked(), ..for_live.clone() }) }
                "{home::search_live()}"
            }
            Chosen { id: "{id}-category", label: home::search_category(), options: category_options, value: query.category.clone(),
                on_choose: move |category| go(SearchQuery { category, ..for_category.clone() }) }
            Chosen { id: "{id}-language", label: home::search_language(), options: language_options, value: query.language.clone(),
                on_choose: move |language| go(SearchQuery { language, ..for_language.clone() }) }
            div { class: "filter",
                label { class: "field-label", r#for: "{id}-tag", "{home::search_tag()}" }
                input { id: "{id}-tag", class: "input", r#type: "text", maxlength: "64", autocomplete: "off", autocapitalize: "none",
                    value: "{tag}", oninput: move |event| tag.set(event.value()),
                    onchange: {
                        let query = query.clone();
                        move |_| {
                            let tag = tag.peek().trim().to_owned();
                            if tag != query.tag {
                                go(SearchQuery { tag, ..query.clone() });
                            }
                        }
                    },
                }
            }
        }
    }
}

/// What the address asks for is shown as chosen, also where it is not among the options.
fn keep(options: &mut Vec<(String, String)>, value: &str, name: impl Fn(&str) -> String) {
    if !value.is_empty() && !options.iter().any(|(key, _)| key == value) {
        options.push((value.to_owned(), name(value)));
    }
}

#[component]
fn Chosen(
    id: String,
    label: String,
    options: Vec<(String, String)>,
    value: String,
    on_choose: EventHandler<String>,
) -> Element {
    rsx! {
        div { class: "filter",
            label { class: "field-label", r#for: "{id}", "{label}" }
            select { id: "{id}", class: "input", onchange: move |event| on_choose.call(event.value()),
                option { value: "", selected: value.is_empty(), "{home::search_any()}" }
                for (key, name) in options {
                    option { key: "{key}", value: "{key}", selected: value == key, "{name}" }
                }
            }
        }
    }
}

/// As the user's language calls it; the tag itself where the browser does not know.
fn language_name(tag: &str) -> String {
    named(tag).unwrap_or_else(|| tag.to_owned())
}

fn named(tag: &str) -> Option<String> {
    let intl = dom::property(&dom::window(), "Intl")?;
    let class: Function = dom::property(&intl, "DisplayNames")?.dyn_into().ok()?;
    let options = Object::new();
    let _ = Reflect::set(&options, &"type".into(), &"language".into());
    let locales = Array::of1(&texts::language().tag().into());
    let names = Reflect::construct(&class, &Array::of2(&locales, &options)).ok()?;
    // It throws for what is no tag.
    let name = dom::call_with(&names, "of", &JsValue::from_str(tag))?;
    let name = name.as_string()?;
    let mut chars = name.chars();
    let first = chars.next()?;
    Some(first.to_uppercase().chain(chars).collect())
}
