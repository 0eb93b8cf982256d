//! The life of a session: it begins, goes on by refresh tokens, ends.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use weir_db::{DeviceId, KeyHash, NewDevice, User};
use weir_protocol::LoginResponse;

use super::{
    AccessClaims, Credential, USER_AUDIENCE,
    client::{ClientAddress, device_name},
    cookies,
    refresh::Presented,
};
use crate::{ApiError, App, api::Json, live};

/// What a session is bound to: extracted from the request that begins it or carries it on.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: ClientAddress,
    /// What the user recognises it by.
    pub(crate) device_name: String,
    /// Whether cookies are for TLS only.
    pub(crate) https: bool,
}

impl FromRequestParts<App> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self {
            address: ClientAddress::from_request_parts(parts, app).await?,
            device_name: device_name(&parts.headers),
            https: cookies::is_https(app, &parts.uri, &parts.headers),
        })
    }
}

/// Logs the client in as a user who has proved to be it; gives the answer with the tokens, in its body
/// or in cookies.
///
/// # Errors
/// When the database fails.
pub(crate) async fn begin(
    app: &App,
    client: &Client,
    user: &User,
    with_cookies: bool,
) -> Result<Response, ApiError> {
    let device = DeviceId::new();
    let refresh = app.refresh_tokens.first(device);
    let expires_at = refresh_end(app);
    let new = NewDevice {
        id: device,
        user: user.id,
        name: client.device_name.clone(),
        address: client.address.network(),
        refresh: KeyHash::of(&refresh),
        expires_at,
    };
    app.services.db.create_device(new).await?;
    tracing::info!(name = %user.name, %device, "logged in");
    let refresh = (&*refresh, expires_at);
    answer(app, client, user, device, refresh, with_cookies).await
}

/// Carries a session on: takes a refresh token, gives the answer with its successor.
///
/// # Errors
/// 401 for a token that is no longer good; the device is logged out when that shows a theft.
pub(crate) async fn refresh(
    app: &App,
    client: &Client,
    token: &str,
    with_cookies: bool,
) -> Result<Response, ApiError> {
    const ENDED: ApiError = ApiError::BadCredentials("the session has ended; log in again");
    let read = app.refresh_tokens.read(token).ok_or(ENDED)?;
    let device = read.device;
    let db = &app.services.db;
    let next = app.refresh_tokens.successor(device, token);
    // A second time when somebody else used the same token in between.
    for _ in 0..2 {
        let row = db.refreshable(device).await?.ok_or(ENDED)?;
        let means = read.against(
            &row.current,
            row.previous.as_deref(),
            row.rotated_at,
            live::now(),
        );
        match means {
            Presented::Current => {
                let ends = refresh_end(app);
                let network = client.address.network();
                let hash = KeyHash::of(&next);
                if db
                    .rotate_refresh(device, read.hash, hash, &network, ends)
                    .await?
                {
                    return answer(app, client, &row.user, device, (&next, ends), with_cookies)
                        .await;
                }
            }
            // Only to what the token was given to: its name does not change within seconds.
            Presented::Again if row.name == client.device_name => {
                let next = (&*next, row.expires_at);
                return answer(app, client, &row.user, device, next, with_cookies).await;
            }
            Presented::Again | Presented::Reused => {
                tracing::warn!(
                    name = %row.user.name,
                    %device,
                    "a refresh token was used twice: the device is logged out"
                );
                end(app, &row.user, device).await?;
                return Err(ApiError::BadCredentials(
                    "this refresh token was used before, so somebody else may have it; the device \
                     was logged out: log in again",
                ));
            }
            Presented::Unknown => return Err(ENDED),
        }
    }
    Err(ApiError::Unavailable(
        "the session is being refreshed by somebody else; try again in a moment".into(),
    ))
}

/// Logs a device out. `false` when it was not logged in.
///
/// # Errors
/// When the database fails.
pub(crate) async fn end(app: &App, user: &User, device: DeviceId) -> Result<bool, ApiError> {
    let was = app.services.db.end_device(user.id, device).await?;
    app.ends.end(Credential::Device(device));
    Ok(was)
}

/// Logs the device of a refresh token out, when it is its good one.
///
/// # Errors
/// When the database fails.
pub(crate) async fn end_by_refresh(app: &App, token: &str) -> Result<(), ApiError> {
    let Some(read) = app.refresh_tokens.read(token) else {
        return Ok(());
    };
    let Some(row) = app.services.db.refreshable(read.device).await? else {
        return Ok(());
    };
    let previous = row.previous.as_deref();
    match read.against(&row.current, previous, row.rotated_at, live::now()) {
        Presented::Unknown => {}
        Presented::Current | Presented::Again | Presented::Reused => {
            end(app, &row.user, read.device).await?;
        }
    }
    Ok(())
}

/// The answer of an operation that has removed the session's cookies.
pub(crate) fn cleared(app_https: bool, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    cookies::clear(response.headers_mut(), app_https);
    response
}

fn refresh_end(app: &App) -> i64 {
    let lifetime = app.services.config.sessions.refresh_lifetime;
    live::now().saturating_add(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX))
}

async fn answer(
    app: &App,
    client: &Client,
    user: &User,
    device: DeviceId,
    (refresh, refresh_expires_at): (&str, i64),
    with_cookies: bool,
) -> Result<Response, ApiError> {
    let lifetime: Duration = app.services.config.sessions.access_lifetime;
    let claims = AccessClaims {
        sub: user.id.to_string(),
        sid: device.to_string(),
    };
    let (token, exp) = app.tokens.sign(USER_AUDIENCE, lifetime, claims).await?;
    let csrf = cookies::csrf_token(app, device);
    let mut body = LoginResponse {
        token: String::new(),
        expires_at: i64::try_from(exp).unwrap_or(i64::MAX).saturating_mul(1000),
        refresh_token: None,
        refresh_expires_at,
        device: device.to_string(),
        csrf_token: with_cookies.then(|| csrf.clone()),
    };
    if with_cookies {
        let mut response = no_store(body);
        let seconds = (refresh_expires_at - live::now()).max(0) / 1000;
        let tokens = cookies::Tokens {
            access: &token,
            access_for: lifetime.as_secs(),
            refresh,
            refresh_for: seconds.unsigned_abs(),
            csrf: &csrf,
        };
        cookies::set(response.headers_mut(), client.https, &tokens);
        return Ok(response);
    }
    body.token = token;
    body.refresh_token = Some(refresh.to_owned());
    Ok(no_store(body))
}

fn no_store(body: LoginResponse) -> Response {
    (
        StatusCode::OK,
        [(header::CACHE_CONTROL, "no-store")],
        Json(body),
    )
        .into_response()
}
