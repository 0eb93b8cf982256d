//! Who is asking: bearer tokens, as stream keys and as access tokens of users.

use axum::http::{HeaderMap, header, request::Parts};
use weir_db::{Stream, User};
use weir_protocol::Scope;

use crate::{ApiError, App, keys};

/// The bearer token of a request (RFC 6750 section 2.1). The scheme is case-insensitive.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The stream whose key the request carries.
///
/// # Errors
/// 401 without a key and for one that no stream has.
pub(crate) async fn published_stream(app: &App, headers: &HeaderMap) -> Result<Stream, ApiError> {
    let key = bearer(headers).ok_or(ApiError::NoCredentials(
        "send the stream key as bearer token",
    ))?;
    let stream = app.services.db.stream_by_key_hash(keys::hash(key)).await?;
    stream.ok_or(ApiError::BadCredentials(
        "unknown stream key; copy it again from the stream's settings",
    ))
}

/// The user whose credential the request carries, if it may be used for this; `None` without
/// credentials.
///
/// # Errors
/// 401 for credentials that are wrong or have ended, 403 when they lack the scope.
pub(crate) async fn user(
    app: &App,
    parts: &Parts,
    _scope: Scope,
) -> Result<Option<User>, ApiError> {
    let Some(token) = bearer(&parts.headers) else {
        return Ok(None);
    };
    let refusal = ApiError::BadCredentials("the access token has ended; log in again");
    let name = app.tokens.user(token).ok_or_else(|| refusal.clone())?;
    // Looked up each time, so that a removed user is out at once.
    let user = app.services.db.user_by_name(&name).await?;
    user.filter(|user| user.disabled_at.is_none())
        .map(Some)
        .ok_or(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_takes_any_case_of_the_scheme_and_nothing_else() {
        let token = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("header"));
            bearer(&headers).map(str::to_owned)
        };
        for good in ["Bearer k", "bearer k", "BEARER k", "Bearer  k "] {
            assert_eq!(token(good).as_deref(), Some("k"), "{good}");
        }
        for bad in ["Bearer", "Bearer ", "Basic k", "k", ""] {
            assert_eq!(token(bad), None, "{bad}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
