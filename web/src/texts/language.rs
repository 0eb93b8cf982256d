//! Which language.

use crate::{dom, settings};

/// The languages that the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

impl Language {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// What it calls itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
        }
    }

    /// By the tag, whatever region it names.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The one chosen here before, else the first of the browser's that we speak.
    pub fn preferred() -> Self {
        let chosen = settings::language();
        let wished = dom::property(&dom::window().navigator(), "languages")
            .map(|list| js_sys::Array::from(&list).to_vec())
            .unwrap_or_default();
        let wished = wished.iter().filter_map(wasm_bindgen::JsValue::as_string);
        chosen
            .into_iter()
            .chain(wished)
            .find_map(|tag| Self::of_tag(&tag))
            .unwrap_or(Self::English)
    }

    /// Remembers it and says everything anew.
    pub fn choose(self) {
        settings::set_language(self.tag());
        // The server's own words, titles and all that is on the page: simplest from the start.
        let _ = dom::window().location().reload();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_with_regions_name_their_language() {
        assert_eq!(Language::of_tag("fr-CA"), Some(Language::French));
        assert_eq!(Language::of_tag("EN"), Some(Language::English));
        assert_eq!(Language::of_tag("de-DE"), None);
        assert_eq!(Language::of_tag(""), None);
    }
}
