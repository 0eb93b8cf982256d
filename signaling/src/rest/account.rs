//! Logging in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, State},
    http::{HeaderMap, header, request::Parts},
    response::IntoResponse,
};
use weir_protocol::{LoginRequest, LoginResponse, Me};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, scope},
    passwords,
};

/// Log in
///
/// An access token for name and password. An unknown name takes as long as a wrong password and gets
/// the same answer.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "account", security(()),
    request_body = LoginRequest,
    responses((status = OK, body = LoginResponse), Refusals),
)]
pub(crate) async fn login(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Json(LoginRequest { name, password }): Json<LoginRequest>,
) -> Result<impl IntoResponse, ApiError> {
    app.login_limit
        .attempt(address, Instant::now())
        .map_err(ApiError::TooManyRequests)?;
    let user = app.services.db.user_by_name(&name).await?;
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let fits = passwords::verify(password, stored).await;
    let Some(user) = user.filter(|_| fits) else {
        tracing::info!(%address, "login refused");
        return Err(ApiError::BadCredentials("unknown name or wrong password"));
    };
    app.login_limit.succeeded(address);
    tracing::info!(name = %user.name, %address, "logged in");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (token, ends) = app
        .tokens
        .issue(&user.name, now)
        .ok_or(ApiError::Internal)?;
    let expires_at = i64::try_from(ends).unwrap_or(i64::MAX).saturating_mul(1000);
    Ok((
        [(header::CACHE_CONTROL, "no-store")],
        Json(LoginResponse { token, expires_at }),
    ))
}

/// Who the access token belongs to
#[utoipa::path(
    get, path = "/api/v1/me", tag = "account",
    responses((status = OK, body = Me), Refusals),
)]
pub(crate) async fn me(Actor { user, .. }: Actor<scope::Profile>) -> impl IntoResponse {
    let me = Me {
        role: user.role.as_str().to_owned(),
        name: user.name,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(me))
}

/// Where the client is: the connection's peer, or behind a proxy what the proxy says.
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let forwarded = app
            .services
            .config
            .behind_proxy
            .then(|| forwarded_for(&parts.headers));
        // Without either, all clients share one count: strict, never open.
        let address = forwarded
            .flatten()
            .or(peer)
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self(address))
    }
}

/// The last address of `X-Forwarded-For`: the one that our own proxy saw. Earlier ones are what the
/// client claims.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_the_proxys_own_word_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append(
            "x-forwarded-for",
            "203.0.113.1, 198.51.100.7".parse().unwrap(),
        );
        assert_eq!(
            forwarded_for(&headers),
            Some("198.51.100.7".parse().unwrap())
        );
        headers.append("x-forwarded-for", "2001:db8::1".parse().unwrap());
        assert_eq!(
            forwarded_for(&headers),
            Some("2001:db8::1".parse().unwrap())
        );
        headers.append("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(forwarded_for(&headers), None);
    }
}
