//! Edits on condition (RFC 9110 section 13): a client that edits what it read says which version that
//! was, and is refused when somebody else was faster.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
};

use crate::ApiError;

/// The entity tag of a row's version.
pub(crate) fn version_tag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("digits and quotes")
}

/// `If-Match` of a request. Without it, or with `*`, an edit is unconditional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IfMatch(Option<Vec<i64>>);

impl IfMatch {
    /// Refuses an edit of another version than the client named.
    ///
    /// # Errors
    /// 412.
    pub(crate) fn check(&self, version: i64) -> Result<(), ApiError> {
        match &self.0 {
            Some(tags) if !tags.contains(&version) => Err(ApiError::Changed),
            _ => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut fields = parts.headers.get_all(header::IF_MATCH).iter().peekable();
        if fields.peek().is_none() {
            return Ok(Self(None));
        }
        let mut tags = Vec::new();
        for field in fields {
            let field = field.to_str().unwrap_or_default();
            if field.trim() == "*" {
                return Ok(Self(None));
            }
            // Weak tags and those of others match nothing (section 13.1.1: strong comparison).
            let versions = field.split(',').filter_map(|tag| {
                let inner = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
                inner.parse::<i64>().ok()
            });
            tags.extend(versions);
        }
        Ok(Self(Some(tags)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn read(field: Option<&str>) -> IfMatch {
        let mut request = Request::builder();
        if let Some(field) = field {
            request = request.header(header::IF_MATCH, field);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let Ok(tags) = IfMatch::from_request_parts(&mut parts, &()).await else {
            panic!("never refused by itself");
        };
        tags
    }

    #[tokio::test]
    async fn only_the_named_version_is_edited() {
        assert!(read(None).await.check(3).is_ok());
        assert!(read(Some("*")).await.check(3).is_ok());
        assert!(read(Some("\"2\", \"3\"")).await.check(3).is_ok());
        for other in ["\"2\"", "W/\"3\"", "3", "", "\"x\""] {
            assert_eq!(read(Some(other)).await.check(3), Err(ApiError::Changed));
        }
    }
}
