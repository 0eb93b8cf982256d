//! Making an account, logging in, staying logged in, logging out.

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{KeyHash, NewAccount, Role, User};
use weir_protocol::{
    LoginRequest, LoginResponse, RefreshRequest, RegisterRequest, Scope, SecondStep,
    SecondStepRequest, SessionInfo,
};

use crate::{
    ApiError, App, Refusals,
    api::Json,
    auth::{
        self, Credential, cookies,
        session::{self, Client},
    },
    happenings::Happening,
    passwords,
};

/// Longest name of a new account in characters.
const NAME_MAX: usize = 32;

/// What challenges are for.
const SECOND_STEP_AUDIENCE: &str = "weir:second-step";

/// How long a challenge is good: looking for the device with the codes takes a while.
const CHALLENGE_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// What a challenge says.
#[derive(Serialize, Deserialize)]
struct Challenge {
    /// The user's id.
    sub: String,
    /// The password that was right, as a hash of its hash: with a new one, challenges end.
    password: String,
}

/// The operations of this module.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(second_step))
        .routes(routes!(show, log_out))
        .routes(routes!(refresh))
}

/// Make an account
///
/// The new user may watch, chat and follow, and is logged in.
#[utoipa::path(
    post, path = "/api/v1/register", tag = "account", security(()),
    request_body = RegisterRequest,
    responses((status = CREATED, body = LoginResponse), Refusals),
)]
async fn register(
    State(app): State<App>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    Json(request): Json<RegisterRequest>,
) -> Result<Response, ApiError> {
    if !app.services.config.sessions.open {
        return Err(ApiError::Forbidden(
            "this server makes no accounts by itself; ask an admin for one",
        ));
    }
    if request.cookies {
        cookies::check_sender(&app, &uri, &headers)?;
    }
    check_name(&request.name)?;
    let email = request.email.as_deref().map(check_email).transpose()?;
    let password_hash = passwords::hash(request.password)
        .await
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let new = NewAccount {
        name: request.name,
        password_hash,
        email,
        role: Role::Attendee,
    };
    let user = app.services.db.register(new).await?;
    tracing::info!(name = %user.name, "account made");
    let happening = Happening::UserRegistered { user: user.clone() };
    app.services.live.bus().emit(happening).await;
    let location = HeaderValue::try_from(format!("/api/v1/users/{}", user.name))
        .expect("new names are plain ASCII");
    let mut response = session::begin(&app, &client, &user, request.cookies).await?;
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Log in
///
/// With a name or an e-mail address. Where the user has a second factor, the answer is 202 with a
/// challenge for `/api/v1/login/totp`. An unknown name takes as long as a wrong password and gets the
/// same answer.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "account", security(()),
    request_body = LoginRequest,
    responses(
        (status = OK, body = LoginResponse),
        (status = ACCEPTED, description = "A second factor is needed", body = SecondStep),
        Refusals,
    ),
)]
async fn login(
    State(app): State<App>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    Json(request): Json<LoginRequest>,
) -> Result<Response, ApiError> {
    if request.cookies {
        cookies::check_sender(&app, &uri, &headers)?;
    }
    let user = check_password(&app, &client, &request.name, request.password).await?;
    let second = app.services.db.totp(user.id).await?;
    if second.is_some_and(|second| second.confirmed) {
        return challenge(&app, &user).await;
    }
    session::begin(&app, &client, &user, request.cookies).await
}

/// Log in: the second step
///
/// With the challenge that logging in gave, and the code of now or a recovery code.
#[utoipa::path(
    post, path = "/api/v1/login/totp", tag = "account", security(()),
    request_body = SecondStepRequest,
    responses((status = OK, body = LoginResponse), Refusals),
)]
async fn second_step(
    State(app): State<App>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    Json(request): Json<SecondStepRequest>,
) -> Result<Response, ApiError> {
    const ENDED: ApiError = ApiError::BadCredentials("the challenge has ended; log in again");
    if request.cookies {
        cookies::check_sender(&app, &uri, &headers)?;
    }
    let claims = app
        .tokens
        .read::<Challenge>(SECOND_STEP_AUDIENCE, &request.challenge)
        .await?;
    let challenge = claims.ok_or(ENDED)?.more;
    let id = challenge.sub.parse().map_err(|_| ENDED)?;
    let user = app.services.db.user_by_id(id).await?.ok_or(ENDED)?;
    if user.disabled_at.is_some() || challenge.password != fingerprint(&user) {
        return Err(ENDED);
    }
    super::totp::take_code(&app, &user, &request.code).await?;
    session::begin(&app, &client, &user, request.cookies).await
}

/// What the request's credential is
#[utoipa::path(
    get, path = "/api/v1/session", tag = "account",
    responses((status = OK, body = SessionInfo), Refusals),
)]
async fn show(State(app): State<App>, caller: AnyCaller) -> Result<impl IntoResponse, ApiError> {
    let AnyCaller(caller) = caller;
    let device = caller.device();
    let info = SessionInfo {
        scopes: caller.scopes(),
        device: device.map(|device| device.to_string()),
        csrf_token: device.map(|device| cookies::csrf_token(&app, device)),
        role: caller.user.role.as_str().to_owned(),
        name: caller.user.name,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(info)))
}

/// Stay logged in
///
/// A new access token for a refresh token, which is good once: the answer has its successor. Web pages
/// send an empty object; their cookies have the token. A token that was used before ends its session,
/// since it may have been stolen; only within 10 seconds it gets the same answer again.
#[utoipa::path(
    post, path = "/api/v1/session/refresh", tag = "account", security(()),
    request_body = RefreshRequest,
    responses((status = OK, body = LoginResponse), Refusals),
)]
async fn refresh(
    State(app): State<App>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    Json(RefreshRequest { refresh_token }): Json<RefreshRequest>,
) -> Result<Response, ApiError> {
    if let Some(token) = refresh_token {
        return session::refresh(&app, &client, &token, false).await;
    }
    let token = cookies::refresh(&headers).ok_or(ApiError::NoCredentials(
        "send the refresh token, or the cookie that has it",
    ))?;
    cookies::check_sender(&app, &uri, &headers)?;
    match session::refresh(&app, &client, &token, true).await {
        // A page that goes on sending cookies of a session that has ended could not even look around.
        Err(error @ ApiError::BadCredentials(_)) => Ok(session::cleared(client.https, error)),
        other => other,
    }
}

/// Log out
///
/// Ends the session of the request and what goes on under it. Its access token may have ended already
/// when the cookie with the refresh token is there. An API token cannot log out; revoke it instead.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "account",
    responses((status = NO_CONTENT), Refusals),
)]
async fn log_out(
    State(app): State<App>,
    client: Client,
    parts: axum::http::request::Parts,
) -> Result<Response, ApiError> {
    let done = session::cleared(client.https, StatusCode::NO_CONTENT);
    let by_cookie = auth::bearer(&parts.headers).is_none();
    match auth::user(&app, &parts, Scope::Account).await {
        Ok(Some(caller)) => {
            if let Credential::Device(device) = caller.credential {
                session::end(&app, &caller.user, device).await?;
                tracing::info!(name = %caller.user.name, %device, "logged out");
            }
            Ok(done)
        }
        Ok(None) | Err(ApiError::BadCredentials(_)) if by_cookie => {
            let token = cookies::refresh(&parts.headers)
                .ok_or(ApiError::NoCredentials("nobody is logged in here"))?;
            cookies::check_sender(&app, &parts.uri, &parts.headers)?;
            session::end_by_refresh(&app, &token).await?;
            Ok(done)
        }
        Ok(None) => Err(ApiError::NoCredentials("nobody is logged in here")),
        Err(error) => Err(error),
    }
}

/// Whoever has a good credential, whatever it may be used for.
struct AnyCaller(auth::Caller);

impl axum::extract::FromRequestParts<App> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        app: &App,
    ) -> Result<Self, ApiError> {
        let caller = auth::any_user(app, parts).await?;
        caller
            .map(Self)
            .ok_or(ApiError::NoCredentials("log in first"))
    }
}

/// The user of this name or address, if the password is the right one.
///
/// # Errors
/// 401, and 429 when too many fail.
async fn check_password(
    app: &App,
    client: &Client,
    login: &str,
    password: String,
) -> Result<User, ApiError> {
    let address = client.address.0;
    app.login_limit
        .attempt(address, Instant::now())
        .map_err(ApiError::TooManyRequests)?;
    let db = &app.services.db;
    let user = db.user_by_login(login).await?;
    if let Some(wait) = app.login_limit.account_wait(login, Instant::now()) {
        let network = client.address.network();
        let known = match &user {
            Some(user) => db.has_device_at(user.id, &network).await?,
            None => false,
        };
        if !known {
            return Err(ApiError::TooManyRequests(wait));
        }
    }
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let fits = passwords::verify(password.clone(), stored).await;
    // A locked account is not told from a wrong password.
    let user = user.filter(|user| fits && user.disabled_at.is_none());
    let Some(user) = user else {
        app.login_limit.account_failed(login, Instant::now());
        tracing::info!(network = client.address.network(), "login refused");
        return Err(ApiError::BadCredentials("unknown name or wrong password"));
    };
    app.login_limit.succeeded(address);
    rehash(app, &user, password).await;
    Ok(user)
}

/// A hash of an older cost is replaced while the password is at hand.
async fn rehash(app: &App, user: &User, password: String) {
    if !passwords::is_outdated(&user.password_hash) {
        return;
    }
    let hashed = passwords::hash(password).await;
    let Ok(hash) = hashed else {
        // From before the rules of today: good to log in with, not to be set again.
        return;
    };
    let db = &app.services.db;
    match db
        .rehash_password(user.id, &user.password_hash, &hash)
        .await
    {
        Ok(_) => tracing::debug!(name = %user.name, "password hashed at the cost of now"),
        Err(error) => tracing::warn!(%error, "a password's new hash was not stored"),
    }
}

async fn challenge(app: &App, user: &User) -> Result<Response, ApiError> {
    let challenge = Challenge {
        sub: user.id.to_string(),
        password: fingerprint(user),
    };
    let (challenge, exp) = app
        .tokens
        .sign(SECOND_STEP_AUDIENCE, CHALLENGE_LIFETIME, challenge)
        .await?;
    let step = SecondStep {
        challenge,
        expires_at: i64::try_from(exp).unwrap_or(i64::MAX).saturating_mul(1000),
    };
    Ok((
        StatusCode::ACCEPTED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(step),
    )
        .into_response())
}

fn fingerprint(user: &User) -> String {
    KeyHash::of(&user.password_hash).to_hex()[..16].to_owned()
}

/// Names of new accounts stand in addresses and mentions, so they are plain.
///
/// # Errors
/// 400.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = name.len() <= NAME_MAX
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    match good {
        true => Ok(()),
        false => Err(ApiError::BadRequest(format!(
            "a name has 1 to {NAME_MAX} characters of a–z, 0–9, '-', '_' and '.', and begins with a \
             letter or a digit"
        ))),
    }
}

/// An e-mail address as it is stored.
///
/// # Errors
/// 400.
pub(crate) fn check_email(text: &str) -> Result<String, ApiError> {
    let bad = || ApiError::BadRequest("an e-mail address is like ann@example.org".into());
    let address: lettre::Address = text.trim().parse().map_err(|_| bad())?;
    let address: &str = address.as_ref();
    // RFC 5321 section 4.5.3.1.3, less the angle brackets.
    match address.len() <= 254 && !address.chars().any(char::is_control) {
        true => Ok(address.to_lowercase()),
        false => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["ann", "Ann.B-3_x", "7", &"x".repeat(32)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-ann",
            "ann b",
            "änn",
            "a/b",
            "a@b",
            "a\0",
            &"x".repeat(33),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_addresses() {
        assert_eq!(
            check_email(" Ann@Example.org "),
            Ok("ann@example.org".into())
        );
        for bad in ["", "ann", "ann@", "@b", "a b@c.org", "a\0@c.org"] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
        assert!(check_email(&format!("a@{}.org", "x".repeat(300))).is_err());
    }
}
