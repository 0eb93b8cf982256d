//! What a stream says of itself, as a form: for a new stream and for one that is there.

use dioxus::prelude::*;
use weir_protocol::{
    CategoryInfo, DESCRIPTION_MAX, StreamSummary, TITLE_MAX, Visibility, normal_tags,
};

use super::questions;
use crate::{
    texts::studio as said,
    ui::{Choice, TextArea, TextField, Tick},
};

/// What can be chosen as spoken, each by its own name. A stream may have another one by the API.
const LANGUAGES: [(&str, &str); 15] = [
    ("ar", "العربية"),
    ("de", "Deutsch"),
    ("en", "English"),
    ("es", "Español"),
    ("fr", "Français"),
    ("hi", "हिन्दी"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("zh", "中文"),
];

/// What stands in the form; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Draft {
    pub title: Signal<String>,
    pub description: Signal<String>,
    category: Signal<String>,
    tags: Signal<String>,
    visibility: Signal<String>,
    language: Signal<String>,
    pub mature: Signal<bool>,
}

/// What the form holds at first.
pub fn use_draft(of: Option<&StreamSummary>) -> Draft {
    let text = |value: Option<String>| value.unwrap_or_default();
    Draft {
        title: use_signal(|| text(of.map(|it| it.title.clone()))),
        description: use_signal(|| text(of.map(|it| it.description.clone()))),
        category: use_signal(|| {
            text(of.and_then(|it| it.category.as_ref().map(|it| it.slug.clone())))
        }),
        tags: use_signal(|| text(of.map(|it| it.tags.join(", ")))),
        visibility: use_signal(|| {
            let visibility = of.map_or(Visibility::Public, |it| it.visibility);
            visibility.as_str().to_owned()
        }),
        language: use_signal(|| text(of.and_then(|it| it.language.clone()))),
        mature: use_signal(|| of.is_some_and(|it| it.mature)),
    }
}

impl Draft {
    /// The chosen category.
    pub fn category(self) -> Option<String> {
        Some(self.category.cloned()).filter(|it| !it.is_empty())
    }

    /// What is spoken.
    pub fn language(self) -> Option<String> {
        Some(self.language.cloned()).filter(|it| !it.is_empty())
    }

    /// Who may see it.
    pub fn visibility(self) -> Visibility {
        match self.visibility.read().as_str() {
            "unlisted" => Visibility::Unlisted,
            "private" => Visibility::Private,
            _ => Visibility::Public,
        }
    }

    /// The tags as they are kept; none where they cannot be.
    pub fn tags(self) -> Option<Vec<String>> {
        normal_tags(&words(&self.tags.read())).ok()
    }

    /// The title without blanks around it; none where there is none.
    pub fn title(self) -> Option<String> {
        Some(self.title.read().trim().to_owned()).filter(|it| !it.is_empty())
    }
}

fn words(text: &str) -> Vec<&str> {
    let words = text.split([',', '\n']).map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

/// Who may watch: the one question beside the title that has no harmless answer.
#[component]
pub fn VisibilityField(draft: Draft) -> Element {
    let visibilities = [
        Visibility::Public,
        Visibility::Unlisted,
        Visibility::Private,
    ];
    let options = visibilities.map(|it| (it.as_str().to_owned(), visibility(it).to_owned()));
    rsx! {
        Choice { label: said::visibility(), value: draft.visibility, options: options.to_vec(), hint: visibility_hint(draft.visibility()) }
    }
}

/// What helps people to find it.
#[component]
pub fn DraftFields(draft: Draft) -> Element {
    let mut categories = use_signal(Vec::<CategoryInfo>::new);
    use_future(move || async move {
        // Without them a stream has the category that it had.
        if let Ok(all) = questions::categories().await {
            categories.set(all);
        }
    });
    let mut known: Vec<(String, String)> = vec![(String::new(), said::no_category().to_owned())];
    known.extend(
        categories()
            .into_iter()
            .map(|it| (it.slug.to_string(), it.name)),
    );
    let languages = languages(&draft.language.read());
    let tags_error = match draft.tags() {
        Some(_) => "",
        None => said::bad_tags(),
    };
    rsx! {
        TextArea { label: said::description(), value: draft.description, optional: true, maxlength: DESCRIPTION_MAX as u32 }
        if known.len() > 1 || draft.category().is_some() {
            Choice { label: said::category(), value: draft.category, options: known }
        }
        TextField { label: said::tags(), value: draft.tags, optional: true, hint: said::tags_hint(), error: tags_error, maxlength: 400 }
        Choice { label: said::spoken(), value: draft.language, options: languages }
        Tick { label: said::mature(), value: draft.mature, hint: said::mature_hint() }
    }
}

/// The first field.
#[component]
pub fn TitleField(draft: Draft, error: String, #[props(default)] autofocus: bool) -> Element {
    rsx! {
        TextField { label: said::title(), value: draft.title, required: true, maxlength: TITLE_MAX as u32, error, autofocus }
    }
}

fn languages(chosen: &str) -> Vec<(String, String)> {
    let mut all = vec![(String::new(), said::not_said().to_owned())];
    if !chosen.is_empty() && !LANGUAGES.iter().any(|(tag, _)| *tag == chosen) {
        all.push((chosen.to_owned(), chosen.to_owned()));
    }
    all.extend(LANGUAGES.map(|(tag, name)| (tag.to_owned(), name.to_owned())));
    all
}

/// In one word.
pub fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => said::public(),
        Visibility::Unlisted => said::unlisted(),
        Visibility::Private => said::private(),
    }
}

fn visibility_hint(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => said::public_hint(),
        Visibility::Unlisted => said::unlisted_hint(),
        Visibility::Private => said::private_hint(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_parted_by_commas() {
        assert_eq!(words("speed run, chess,, "), ["speed run", "chess"]);
        assert!(words(" ").is_empty());
    }

    #[test]
    fn a_language_by_the_api_stays() {
        let with_own = languages("gsw");
        assert_eq!(with_own.len(), LANGUAGES.len() + 2);
        assert_eq!(languages("fr").len(), LANGUAGES.len() + 1);
    }
}
