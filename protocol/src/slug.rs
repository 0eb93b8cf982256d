//! The public name of a stream, as it stands in addresses: `/@demo`, `/whep/demo`, `/hls/demo/…`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest slug in characters.
const MAX_LEN: usize = 64;

/// A stream's name in addresses: 1–64 characters of `a–z`, `0–9`, `-` and `_`, starting with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$", example = "demo"))]
pub struct StreamSlug(String);

/// Why a text is no slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// No characters at all.
    #[error("a slug must not be empty")]
    Empty,
    /// More characters than fit.
    #[error("a slug has at most {MAX_LEN} characters, this one has {0}")]
    TooLong(usize),
    /// A character outside the alphabet, or `-`/`_` in front.
    #[error(
        "a slug is made of a–z, 0–9, '-' and '_' and starts with a letter or digit; {0:?} does not fit"
    )]
    BadCharacter(char),
}

impl StreamSlug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamSlug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        let first = text.chars().next().ok_or(SlugError::Empty)?;
        if !first.is_ascii_lowercase() && !first.is_ascii_digit() {
            return Err(SlugError::BadCharacter(first));
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if let Some(bad) = text.chars().find(|c| !fits(*c)) {
            return Err(SlugError::BadCharacter(bad));
        }
        if text.len() > MAX_LEN {
            return Err(SlugError::TooLong(text.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for StreamSlug {
    type Error = SlugError;

    fn try_from(text: String) -> Result<Self, SlugError> {
        text.parse()
    }
}

impl From<StreamSlug> for String {
    fn from(slug: StreamSlug) -> Self {
        slug.0
    }
}

impl AsRef<str> for StreamSlug {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_addresses_carry() {
        for good in ["demo", "a", "0-day_1", &"x".repeat(MAX_LEN)] {
            assert_eq!(good.parse::<StreamSlug>().expect(good).as_str(), good);
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        assert_eq!("".parse::<StreamSlug>(), Err(SlugError::Empty));
        assert_eq!(
            "-a".parse::<StreamSlug>(),
            Err(SlugError::BadCharacter('-'))
        );
        assert_eq!(
            "Demo".parse::<StreamSlug>(),
            Err(SlugError::BadCharacter('D'))
        );
        assert_eq!(
            "a/b".parse::<StreamSlug>(),
            Err(SlugError::BadCharacter('/'))
        );
        assert_eq!(
            "x".repeat(65).parse::<StreamSlug>(),
            Err(SlugError::TooLong(65))
        );
    }

    #[test]
    fn json_cannot_smuggle_a_bad_slug() {
        assert!(serde_json::from_str::<StreamSlug>("\"../etc\"").is_err());
        assert_eq!(
            serde_json::to_string(&"demo".parse::<StreamSlug>().expect("slug")).expect("json"),
            "\"demo\""
        );
    }
}
