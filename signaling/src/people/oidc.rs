//! Logging in by an account elsewhere: OpenID Connect, authorization code flow with PKCE, state and nonce.
//!
//! What must be remembered between going to the provider and coming back stands in a cookie of the browser
//! that went, so any node can finish what another began, and nobody else's browser can.

mod account;
mod http;
mod provider;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use utoipa::IntoParams;
use weir_protocol::{LinkedIdentity, LoginProvider};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Path, Query, scope},
    auth::session::{Client, begin},
};

pub use provider::OidcConfig;
pub(crate) use provider::Providers;

/// Holds what was begun.
const COOKIE: &str = "weir_oidc";

/// How long somebody may take at the provider, in milliseconds.
const PATIENCE: i64 = 10 * 60 * 1000;

/// What was begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
    ends_at: i64,
}

/// Where to go afterwards.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LoginQuery {
    /// A path on this server to go to once logged in.
    #[param(max_length = 1000, pattern = "^/")]
    return_to: Option<String>,
}

/// What the provider says.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbackQuery {
    /// Is exchanged for who it is.
    #[param(max_length = 4096)]
    code: Option<String>,
    /// As it was sent there.
    #[param(max_length = 512)]
    state: Option<String>,
    /// Why there is no code.
    #[param(max_length = 512)]
    error: Option<String>,
}

/// Where one can log in instead
///
/// Providers that the server's operator has set up.
#[utoipa::path(
    get, path = "/api/v1/oidc", tag = "account", security(()),
    responses((status = OK, body = Vec<LoginProvider>), Refusals),
)]
pub(super) async fn providers(State(app): State<App>) -> Json<Vec<LoginProvider>> {
    let item = |config: &OidcConfig| LoginProvider {
        id: config.id.clone(),
        name: config.name.clone(),
        login_url: format!("/api/v1/oidc/{}/login", config.id),
    };
    Json(app.people.oidc.configs().map(item).collect())
}

/// Log in by a provider
///
/// For browsers: leads to the provider, and from there to the callback.
#[utoipa::path(
    get, path = "/api/v1/oidc/{provider}/login", tag = "account", security(()),
    params(("provider" = String, Path, max_length = 64), LoginQuery),
    responses((status = SEE_OTHER, description = "On to the provider"), Refusals),
)]
pub(super) async fn login(
    State(app): State<App>,
    Path(provider): Path<String>,
    Query(query): Query<LoginQuery>,
) -> Result<Response, ApiError> {
    let return_to = query.return_to.unwrap_or_else(|| "/".to_owned());
    if !is_local(&return_to) {
        return Err(ApiError::BadRequest(
            "return_to is a path on this server, like /@demo".into(),
        ));
    }
    let base = &app.services.config.mail.base_url;
    let provider = app.people.oidc.get(&provider)?;
    let departure = provider.depart(base).await?;
    let begun = Begun {
        state: departure.state,
        nonce: departure.nonce,
        verifier: departure.verifier,
        return_to,
        ends_at: super::now() + PATIENCE,
    };
    let json = serde_json::to_vec(&begun).map_err(|_| ApiError::Internal)?;
    let cookie = cookie(
        provider.id(),
        URL_SAFE_NO_PAD.encode(json),
        base.scheme() == "https",
    );
    see_other(departure.url.as_str(), [cookie])
}

/// Come back from a provider
///
/// Where the provider sends the browser. Begins a session with cookies, and leads to where the log-in began.
#[utoipa::path(
    get, path = "/api/v1/oidc/{provider}/callback", tag = "account", security(()),
    params(("provider" = String, Path, max_length = 64), CallbackQuery),
    responses((status = SEE_OTHER, description = "Logged in"), Refusals),
)]
pub(super) async fn callback(
    State(app): State<App>,
    Path(provider): Path<String>,
    Query(query): Query<CallbackQuery>,
    client: Client,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let provider = app.people.oidc.get(&provider)?;
    let begun = begun(&headers).ok_or_else(|| {
        ApiError::BadRequest(
            "this browser did not begin to log in, or too long ago; begin again".into(),
        )
    })?;
    let state = query.state.unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(begun.state.as_bytes())) {
        return Err(ApiError::BadRequest(
            "the answer belongs to another log-in; begin again".into(),
        ));
    }
    let Some(code) = query.code else {
        tracing::info!(
            provider = provider.id(),
            error = query.error,
            "log-in refused there"
        );
        return Err(ApiError::Forbidden("the provider did not log you in"));
    };
    let base = &app.services.config.mail.base_url;
    let person = provider
        .arrive(base, code, begun.verifier, begun.nonce)
        .await?;
    let user = account::of(&app, provider.config(), person).await?;
    if user.disabled_at.is_some() {
        return Err(ApiError::Forbidden("the account is locked; ask an admin"));
    }
    let session = begin(&app, &client, &user, true).await?;
    let cookies = session.headers().get_all(header::SET_COOKIE);
    let mut cookies: Vec<HeaderValue> = cookies.iter().cloned().collect();
    let mut over = cookie(provider.id(), String::new(), base.scheme() == "https");
    over.make_removal();
    cookies.push(header_value(&over)?);
    let mut response = see_other(&begun.return_to, [])?;
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Providers that log in to your account
#[utoipa::path(
    get, path = "/api/v1/me/identities", tag = "account",
    responses((status = OK, body = Vec<LinkedIdentity>), Refusals),
)]
pub(super) async fn linked(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
) -> Result<Json<Vec<LinkedIdentity>>, ApiError> {
    let identities = app.services.db.identities(user.id).await?;
    let item = |identity: weir_db::Identity| LinkedIdentity {
        provider: identity.provider,
        created_at: identity.created_at,
    };
    Ok(Json(identities.into_iter().map(item).collect()))
}

/// Stop logging in by a provider
///
/// The last way to log in stays: set a password first, by `password-reset`.
#[utoipa::path(
    delete, path = "/api/v1/me/identities/{provider}", tag = "account",
    params(("provider" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn unlink(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    Path(provider): Path<String>,
) -> Result<StatusCode, ApiError> {
    let db = &app.services.db;
    if user.password_hash == weir_db::NO_PASSWORD {
        let others = db.identities(user.id).await?;
        if others.iter().all(|identity| identity.provider == provider) && !others.is_empty() {
            return Err(ApiError::Conflict(
                "nothing would be left to log in with; set a password first".into(),
            ));
        }
    }
    db.unlink_identity(user.id, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A path of ours: browsers take `//host` and `/\host` for other servers.
fn is_local(path: &str) -> bool {
    let mut rest = path.chars();
    path.len() <= 1000
        && rest.next() == Some('/')
        && !matches!(rest.next(), Some('/' | '\\'))
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// Sent to the callback alone, and only when the browser itself goes there.
fn cookie(provider: &str, value: String, https: bool) -> Cookie<'static> {
    Cookie::build((COOKIE, value))
        .path(format!("/api/v1/oidc/{provider}/callback"))
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .build()
}

fn begun(headers: &HeaderMap) -> Option<Begun> {
    let jar = CookieJar::from_headers(headers);
    let json = URL_SAFE_NO_PAD.decode(jar.get(COOKIE)?.value()).ok()?;
    let begun: Begun = serde_json::from_slice(&json).ok()?;
    (super::now() < begun.ends_at).then_some(begun)
}

fn header_value(cookie: &Cookie<'_>) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(cookie.to_string()).map_err(|_| ApiError::Internal)
}

fn see_other<const N: usize>(
    to: &str,
    cookies: [Cookie<'static>; N],
) -> Result<Response, ApiError> {
    let to = HeaderValue::try_from(to).map_err(|_| ApiError::Internal)?;
    let fixed = [
        (header::LOCATION, to),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (StatusCode::SEE_OTHER, fixed).into_response();
    for cookie in cookies {
        let cookie = header_value(&cookie)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for good in ["/", "/@demo?x=1"] {
            assert!(is_local(good), "{good}");
        }
        for bad in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/\t/x",
        ] {
            assert!(!is_local(bad), "{bad:?}");
        }
    }
}
