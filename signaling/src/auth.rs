//! Who is asking: bearer tokens, cookies, stream keys.
//!
//! An access token names its device, and each request looks whether that device is still logged in and
//! its user not locked: one query, and what was revoked is out at once.

pub(crate) mod client;
pub(crate) mod cookies;
mod ends;
mod lasting;
pub(crate) mod pat;
mod refresh;
mod seen;
pub(crate) mod session;
pub(crate) mod upkeep;

use axum::http::{HeaderMap, header, request::Parts};
use serde::{Deserialize, Serialize};
use weir_db::{DeviceId, Role, Stream, User, UserId};
use weir_protocol::Scope;

use crate::{ApiError, App, keys};
pub(crate) use ends::{Credential, Ends, Watch};
pub(crate) use lasting::Lasting;
pub(crate) use refresh::RefreshTokens;
pub(crate) use seen::Seen;

/// What access tokens are for.
pub(crate) const USER_AUDIENCE: &str = "weir:user";

/// What an access token says beside what all tokens say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    /// The user's id.
    pub(crate) sub: String,
    /// The device's id.
    pub(crate) sid: String,
}

/// Somebody with a credential that is good now.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) user: User,
    /// By what.
    pub(crate) credential: Credential,
    /// What an API token was made for; `None` for a session, which may do whatever its user may.
    pub(crate) scopes: Option<Vec<Scope>>,
}

impl Caller {
    /// The device that is logged in; `None` for an API token.
    pub(crate) fn device(&self) -> Option<DeviceId> {
        match self.credential {
            Credential::Device(device) => Some(device),
            Credential::ApiToken(_) => None,
        }
    }

    /// What the credential may be used for.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        let mut scopes = match &self.scopes {
            Some(scopes) => scopes.clone(),
            None => Scope::ALL.to_vec(),
        };
        scopes.retain(|scope| *scope != Scope::Admin || self.user.role == Role::Admin);
        scopes
    }

    /// Whether the credential may be used for this.
    ///
    /// # Errors
    /// 403, with what is missing.
    pub(crate) fn check(&self, scope: Scope) -> Result<(), ApiError> {
        match &self.scopes {
            Some(_) if scope == Scope::Account => {
                return Err(ApiError::Forbidden("no API token may do this; log in"));
            }
            Some(scopes) if !scopes.contains(&scope) => {
                return Err(ApiError::MissingScope(scope));
            }
            _ => {}
        }
        if scope == Scope::Admin {
            crate::rights::may_administer(&self.user)?;
        }
        Ok(())
    }
}

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

/// Whose credential the request carries, if it may be used for this; `None` without credentials. A
/// bearer token goes before the cookie.
///
/// # Errors
/// 401 for credentials that are wrong or have ended, 403 when they lack the scope, or when a request
/// by cookie does not prove that it comes from our own pages.
pub(crate) async fn user(
    app: &App,
    parts: &Parts,
    scope: Scope,
) -> Result<Option<Caller>, ApiError> {
    let caller = any_user(app, parts).await?;
    if let Some(caller) = &caller {
        caller.check(scope)?;
    }
    Ok(caller)
}

/// The same, whatever the credential may be used for.
///
/// # Errors
/// As for [`user`].
pub(crate) async fn any_user(app: &App, parts: &Parts) -> Result<Option<Caller>, ApiError> {
    if let Some(token) = bearer(&parts.headers) {
        return any_token_user(app, token).await.map(Some);
    }
    let Some(token) = cookies::access(&parts.headers) else {
        return Ok(None);
    };
    let caller = session_user(app, &token).await?;
    cookies::check_origin(app, parts, caller.device())?;
    Ok(Some(caller))
}

/// Whose token this is, if it may be used for this: for tokens that come in a message instead of a
/// header.
///
/// # Errors
/// 401 for a token that is wrong or has ended, 403 when it lacks the scope.
pub(crate) async fn token_user(app: &App, token: &str, scope: Scope) -> Result<Caller, ApiError> {
    let caller = any_token_user(app, token).await?;
    caller.check(scope)?;
    Ok(caller)
}

async fn any_token_user(app: &App, token: &str) -> Result<Caller, ApiError> {
    match token.starts_with(pat::PREFIX) {
        true => pat::user(app, token).await,
        false => session_user(app, token).await,
    }
}

async fn session_user(app: &App, token: &str) -> Result<Caller, ApiError> {
    const REFUSAL: ApiError =
        ApiError::BadCredentials("the access token has ended; refresh it or log in again");
    let claims = app
        .tokens
        .read::<AccessClaims>(USER_AUDIENCE, token)
        .await?;
    let claims = claims.ok_or(REFUSAL)?.more;
    let user: UserId = claims.sub.parse().map_err(|_| REFUSAL)?;
    let device: DeviceId = claims.sid.parse().map_err(|_| REFUSAL)?;
    let found = app.services.db.user_of_device(device, user).await?;
    let (user, seen_at) = found.ok_or(REFUSAL)?;
    let credential = Credential::Device(device);
    app.seen.note(&app.services.db, credential, Some(seen_at));
    Ok(Caller {
        user,
        credential,
        scopes: None,
    })
}

/// Logs all devices of a user out, but this one: after a new password, or by an admin.
///
/// # Errors
/// When the database fails.
pub(crate) async fn end_devices(
    app: &App,
    user: UserId,
    but: Option<DeviceId>,
) -> Result<(), ApiError> {
    for device in app.services.db.end_devices(user, but).await? {
        app.ends.end(Credential::Device(device));
    }
    Ok(())
}

impl App {
    /// Watches the credential that something long goes by.
    pub(crate) fn watch(&self, credential: Credential) -> Watch {
        self.ends.watch(credential)
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
