//! Making and changing streams.

use serde::{Deserialize, Serialize};

use crate::{StreamSlug, Visibility, absent::said};

/// Longest title of a stream in characters.
pub const TITLE_MAX: usize = 200;

/// Longest description in characters.
pub const DESCRIPTION_MAX: usize = 4000;

/// Body of `POST /api/v1/streams`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateStream {
    /// Name in addresses.
    pub slug: StreamSlug,
    /// Title for people; the slug when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: Option<String>,
    /// What else there is to say.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub description: Option<String>,
    /// Slug of a category.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub category: Option<String>,
    /// Words to find it by; kept in lower case, with `-` for blanks.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub tags: Vec<String>,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// What is spoken, as a language tag (BCP 47) in lower case.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 16, pattern = "^[a-z]{2,3}(-[a-z0-9]{2,8})*$")
    )]
    pub language: Option<String>,
    /// Whether it is not for everybody's eyes.
    #[serde(default)]
    pub mature: bool,
}

/// Body of `PATCH /api/v1/streams/{slug}`: what is absent stays as it is; `null` takes away where that is
/// possible, and means absent elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EditStream {
    /// Title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: Option<String>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub description: Option<String>,
    /// Slug of a category.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 64))]
    pub category: Option<Option<String>>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub tags: Option<Vec<String>>,
    /// Who may see it. Who may no longer is sent away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// What is spoken.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 16, pattern = "^[a-z]{2,3}(-[a-z0-9]{2,8})*$"))]
    pub language: Option<Option<String>>,
    /// Whether it is not for everybody's eyes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mature: Option<bool>,
    /// Id of an uploaded picture.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 64))]
    pub thumbnail: Option<Option<String>>,
    /// How long players may wait before they show a picture; `null` for the server's setting.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<PlayoutDelayMs>))]
    pub playout_delay: Option<Option<PlayoutDelayMs>>,
}

/// How long players may wait before they show a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlayoutDelayMs {
    /// At least, in milliseconds.
    #[cfg_attr(feature = "openapi", schema(maximum = 40950))]
    pub min_ms: u16,
    /// At most, in milliseconds; not less than `min_ms`.
    #[cfg_attr(feature = "openapi", schema(maximum = 40950))]
    pub max_ms: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_absence() {
        let read = |text: &str| serde_json::from_str::<EditStream>(text).expect("json");
        assert_eq!(read("{}").category, None);
        assert_eq!(read(r#"{"category":null}"#).category, Some(None));
        let named = read(r#"{"category":"music"}"#).category;
        assert_eq!(named, Some(Some("music".to_owned())));
        assert!(serde_json::from_str::<EditStream>(r#"{"slug":"x"}"#).is_err());
    }
}
