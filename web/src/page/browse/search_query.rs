//! What is searched for, as it stands in the address: `/search?q=chess&live=true&language=fr`.

use std::fmt;

use weir_protocol::normal_tag;

/// A search and its filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words.
    pub words: String,
    /// Only what is live.
    pub live: bool,
    /// Slug of a category; empty for all.
    pub category: String,
    /// A language tag; empty for all.
    pub language: String,
    /// A tag; empty for all.
    pub tag: String,
}

impl SearchQuery {
    /// For words alone.
    pub fn of(words: &str) -> Self {
        Self {
            words: words.trim().to_owned(),
            ..Self::default()
        }
    }

    /// Whether anything narrows it beside the words.
    pub fn is_filtered(&self) -> bool {
        *self != Self::of(&self.words)
    }

    /// For the API's list: `&q=…&live=true`. `encode` makes a text fit for an address.
    pub fn parameters(&self, encode: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        // The server takes no search without words, and no tag that cannot be one.
        let tag = normal_tag(&self.tag).unwrap_or_else(|_| self.tag.clone());
        for (name, value) in self.pairs() {
            let value = if name == "tag" { tag.as_str() } else { value };
            text += &format!("&{name}={}", encode(value));
        }
        text
    }

    fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("q", self.words.trim()),
            ("live", if self.live { "true" } else { "" }),
            ("category", self.category.as_str()),
            ("language", self.language.as_str()),
            ("tag", self.tag.trim()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    }

    fn set(&mut self, name: &str, value: String) -> bool {
        match name {
            "q" => self.words = value,
            "live" => self.live = value == "true",
            "category" => self.category = value,
            "language" => self.language = value,
            "tag" => self.tag = value,
            _ => return false,
        }
        true
    }
}

/// The router has decoded the query before it is read here, so that `&` may stand in the words: what names no part
/// of a search belongs to the part before.
impl From<&str> for SearchQuery {
    fn from(query: &str) -> Self {
        let mut parts: Vec<(&str, String)> = Vec::new();
        for piece in query.split('&') {
            match piece.split_once('=') {
                Some((name, value)) if Self::default().set(name, String::new()) => {
                    parts.push((name, value.to_owned()));
                }
                Some(_) | None => {
                    if let Some((_, value)) = parts.last_mut() {
                        *value += &format!("&{piece}");
                    }
                }
            }
        }
        let mut found = Self::default();
        for (name, value) in parts {
            found.set(name, value);
        }
        found
    }
}

/// The router encodes what does not fit an address, but not `%` and `+`, which its own decoding or others would take
/// for something else.
impl fmt::Display for SearchQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.pairs().enumerate() {
            let value = value.replace('%', "%25").replace('+', "%2B");
            write!(f, "{}{name}={value}", if at == 0 { "" } else { "&" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::app::Route;

    fn through_the_address(query: &SearchQuery) -> SearchQuery {
        let address = Route::Search {
            query: query.clone(),
        }
        .to_string();
        match address.parse::<Route>() {
            Ok(Route::Search { query }) => query,
            _ => panic!("{address} leads elsewhere"),
        }
    }

    #[test]
    fn what_is_searched_for_survives_the_address() {
        for words in [
            "chess",
            "rock & roll",
            "100 %",
            "%41",
            "c++",
            "a=b",
            "été #1?",
            "",
        ] {
            let query = SearchQuery::of(words);
            assert_eq!(through_the_address(&query), query, "{words}");
        }
        let all = SearchQuery {
            words: "a & b".to_owned(),
            live: true,
            category: "games".to_owned(),
            language: "fr".to_owned(),
            tag: "speed-run".to_owned(),
        };
        assert_eq!(through_the_address(&all), all);
        assert!(all.is_filtered());
        assert!(!SearchQuery::of("a").is_filtered());
    }

    #[test]
    fn addresses_of_others_are_read_too() {
        let read = |query: &str| SearchQuery::from(query);
        assert_eq!(read("utm=1"), SearchQuery::default());
        assert_eq!(read("q=chess").words, "chess");
        assert!(read("live=true").live);
        assert!(!read("live=yes").live);
    }

    #[test]
    fn the_server_is_asked_for_what_is_there() {
        let plain = |text: &str| text.to_owned();
        assert_eq!(SearchQuery::default().parameters(plain), "");
        let query = SearchQuery {
            live: true,
            tag: "#Speed Run".to_owned(),
            ..SearchQuery::of(" chess ")
        };
        assert_eq!(query.parameters(plain), "&q=chess&live=true&tag=speed-run");
    }
}
