//! Entity tags of sessions: each ICE restart makes a new one (RFC 9725 section 4.3.3).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::ApiError;

/// A strong entity tag with its quotes (RFC 9110 section 8.8.3). Random, so that it is stale when the
/// session is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

/// What a request with `If-Match` wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Whatever the session's state is: an ICE restart.
    Any,
    /// The session's present state: trickled candidates.
    Current,
}

impl EntityTag {
    pub(crate) fn fresh() -> Self {
        Self(format!("\"{:016x}\"", rand::random::<u64>()))
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::try_from(&self.0).expect("quoted digits")
    }

    /// Reads `If-Match`.
    ///
    /// # Errors
    /// 428 without one (RFC 6585 section 3); 412 when this tag is not among those named. Weak tags never
    /// match (RFC 9110 section 13.1.1).
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<Precondition, ApiError> {
        let values: Vec<&str> = headers
            .get_all(header::IF_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(',').map(str::trim))
            .collect();
        // RFC 9725 writes the star with quotes in an example and without in the text.
        match values.as_slice() {
            [] => Err(ApiError::PreconditionRequired),
            ["*" | "\"*\""] => Ok(Precondition::Any),
            tags if tags.contains(&self.0.as_str()) => Ok(Precondition::Current),
            _ => Err(ApiError::PreconditionFailed),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_the_present_tag_and_the_star_are_let_in() {
        let tag = EntityTag("\"now\"".into());
        let check = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::IF_MATCH, value.parse().unwrap());
            }
            tag.check(&headers)
        };
        assert_eq!(check(Some("\"now\"")), Ok(Precondition::Current));
        assert_eq!(check(Some("\"then\", \"now\"")), Ok(Precondition::Current));
        assert_eq!(check(Some("*")), Ok(Precondition::Any));
        assert_eq!(check(Some("\"*\"")), Ok(Precondition::Any));
        assert_eq!(check(None), Err(ApiError::PreconditionRequired));
        for stale in ["\"then\"", "W/\"now\"", "now", ""] {
            assert_eq!(
                check(Some(stale)),
                Err(ApiError::PreconditionFailed),
                "{stale}"
            );
        }
    }

    #[test]
    fn tags_are_strong_and_differ() {
        let (one, two) = (EntityTag::fresh(), EntityTag::fresh());
        assert_ne!(one, two);
        let text = one.header_value();
        let text = text.to_str().unwrap();
        assert!(text.starts_with('"') && text.ends_with('"') && text.len() > 10);
    }
}
