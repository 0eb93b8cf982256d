//! Who wants to watch.

use axum::{extract::FromRequestParts, http::request::Parts};
use tokio_util::sync::CancellationToken;
use weir_db::{User, UserId};
use weir_protocol::Scope;

use super::{Pass, Who};
use crate::{ApiError, App, auth};

/// Parameter of the query that carries a viewer token where no header can: event streams, WebSockets.
pub(super) const PARAMETER: &str = "viewer_token";

/// Who wants to watch. As a handler's argument it takes a viewer token (bearer, or `viewer_token` in the
/// query), or a user's credential that may be used for `streams:read`; credentials that are wrong are refused.
#[derive(Debug, Clone)]
pub(crate) enum Viewer {
    /// Anybody.
    Nobody,
    /// Somebody with an account.
    User(User),
    /// Somebody with a viewer token.
    Token(Pass),
}

impl Viewer {
    /// Who it is, for registries.
    pub(crate) fn who(&self) -> Who {
        match self {
            Self::Nobody => Who::Nobody,
            Self::User(user) => Who::User(user.id),
            Self::Token(pass) => Who::Token(pass.id()),
        }
    }

    /// The account that it logged in to.
    pub(crate) fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Nobody | Self::Token(_) => None,
        }
    }

    /// The account, also that of a viewer token.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Nobody => None,
            Self::User(user) => Some(user.id),
            Self::Token(pass) => pass.user(),
        }
    }

    /// Cancelled when the right to watch is taken back in the middle. Never for viewers without a token.
    pub(crate) fn over(&self) -> CancellationToken {
        match self {
            Self::Nobody | Self::User(_) => CancellationToken::new(),
            Self::Token(pass) => pass.over(),
        }
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let given =
            url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == PARAMETER);
        if let Some((_, token)) = given {
            let pass = app.pass(&token).await?;
            return pass.map(Self::Token).ok_or(ENDED);
        }
        if let Some(token) = auth::bearer(&parts.headers)
            && let Some(pass) = app.pass(token).await?
        {
            return Ok(Self::Token(pass));
        }
        let caller = auth::user(app, parts, Scope::StreamsRead).await?;
        Ok(caller.map_or(Self::Nobody, |caller| Self::User(caller.user)))
    }
}

/// The refusal of a token that is worth nothing.
pub(super) const ENDED: ApiError =
    ApiError::BadCredentials("the viewer token has ended or was taken back; ask for another");
