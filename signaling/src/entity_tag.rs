//! Entity tags of sessions: each ICE restart makes a new one (RFC 9725 section 4.3.3).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::ApiError;

/// A strong entity tag (RFC 9110 section 8.8.3): which session it is, at random, and how many ICE
/// restarts it has seen. So whoever restarts the same way twice gets the same tag, and answers to
/// overlapping restarts need no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntityTag {
    session: u64,
    restarts: u32,
}

/// How a request with `If-Match` names the session's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Whatever it is.
    Any,
    /// As it is now.
    Current,
}

impl EntityTag {
    /// The tag of a session that begins.
    pub(crate) fn fresh() -> Self {
        Self {
            session: rand::random(),
            restarts: 0,
        }
    }

    /// The session's tag after so many restarts.
    pub(crate) fn after(self, restarts: u32) -> Self {
        Self { restarts, ..self }
    }

    /// Takes the tag of the session's newer state. An older one changes nothing.
    pub(crate) fn advance(&mut self, to: Self) {
        self.restarts = self.restarts.max(to.restarts);
    }

    pub(crate) fn header_value(self) -> HeaderValue {
        HeaderValue::try_from(self.text()).expect("quoted digits")
    }

    /// Reads `If-Match`.
    ///
    /// # Errors
    /// 428 without one (RFC 6585 section 3); 412 when this tag is not among those named. Weak tags never
    /// match (RFC 9110 section 13.1.1).
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<Precondition, ApiError> {
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
            tags if tags.contains(&self.text().as_str()) => Ok(Precondition::Current),
            _ => Err(ApiError::PreconditionFailed),
        }
    }

    fn text(self) -> String {
        format!("\"{:016x}-{}\"", self.session, self.restarts)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_the_present_tag_and_the_star_are_let_in() {
        let tag = EntityTag::fresh().after(1);
        let check = |value: Option<String>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::IF_MATCH, value.parse().unwrap());
            }
            tag.check(&headers)
        };
        let (now, then) = (tag.text(), tag.after(0).text());
        assert_eq!(check(Some(now.clone())), Ok(Precondition::Current));
        let both = check(Some(format!("{then}, {now}")));
        assert_eq!(both, Ok(Precondition::Current));
        assert_eq!(check(Some("*".into())), Ok(Precondition::Any));
        assert_eq!(check(Some("\"*\"".into())), Ok(Precondition::Any));
        assert_eq!(check(None), Err(ApiError::PreconditionRequired));
        let unquoted = now.trim_matches('"').to_owned();
        for stale in [then, format!("W/{now}"), unquoted, String::new()] {
            let refused = check(Some(stale.clone()));
            assert_eq!(refused, Err(ApiError::PreconditionFailed), "{stale}");
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

    #[test]
    fn an_answer_that_comes_late_turns_nothing_back() {
        let first = EntityTag::fresh();
        let mut tag = first;
        tag.advance(first.after(2));
        tag.advance(first.after(1));
        assert_eq!(tag, first.after(2));
    }
}
