//! Who is asking: bearer tokens, as stream keys and as access tokens of users.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use weir_db::{Role, Stream, User};

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

/// A user with a valid access token. As a handler's argument it refuses everybody else.
pub(crate) struct LoggedIn(pub(crate) User);

impl LoggedIn {
    /// Whether the user may change this stream: its owner and admins may.
    pub(crate) fn may_change(&self, stream: &Stream) -> Result<(), ApiError> {
        match self.0.role {
            Role::Admin => Ok(()),
            Role::Streamer if stream.owner == Some(self.0.id) => Ok(()),
            Role::Streamer => Err(ApiError::Forbidden("the stream belongs to somebody else")),
        }
    }
}

impl FromRequestParts<App> for LoggedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or(ApiError::NoCredentials("log in first"))?;
        let refusal = ApiError::BadCredentials("the access token has ended; log in again");
        let name = app.tokens.user(token).ok_or_else(|| refusal.clone())?;
        // Looked up each time, so that a removed user is out at once.
        app.services
            .db
            .user_by_name(&name)
            .await?
            .map(Self)
            .ok_or(refusal)
    }
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
