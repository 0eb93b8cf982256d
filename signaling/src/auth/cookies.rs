//! Sessions of web pages go by cookies that scripts cannot read. What a browser sends by itself proves
//! nothing about who made it send: requests that change something also prove that one of our own pages
//! made them.

use axum::http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts};
use axum_extra::extract::cookie::CookieJar;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;
use weir_db::DeviceId;

use crate::{ApiError, App};

/// The access token. Lax: a link from elsewhere finds the user logged in.
const ACCESS: &str = "weir_access";

/// The refresh token. Strict, and sent to the session's own addresses only.
const REFRESH: &str = "weir_refresh";

/// The CSRF token, for scripts of our pages to read.
const CSRF: &str = "weir_csrf";

const ACCESS_RULES: &str = "Path=/; HttpOnly; SameSite=Lax";
const REFRESH_RULES: &str = "Path=/api/v1/session; HttpOnly; SameSite=Strict";
const CSRF_RULES: &str = "Path=/; SameSite=Strict";

/// Proves that a script which can read our cookies or answers made the request.
const CSRF_FIELD: &str = "x-csrf-token";

/// The access token in a request's cookies.
pub(crate) fn access(headers: &HeaderMap) -> Option<String> {
    read(headers, ACCESS)
}

/// The refresh token in a request's cookies.
pub(crate) fn refresh(headers: &HeaderMap) -> Option<String> {
    read(headers, REFRESH)
}

fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let value = jar.get(name)?.value();
    (!value.is_empty()).then(|| value.to_owned())
}

/// What a session sets.
pub(crate) struct Tokens<'a> {
    pub(crate) access: &'a str,
    /// Seconds until it ends.
    pub(crate) access_for: u64,
    pub(crate) refresh: &'a str,
    /// Seconds until it ends.
    pub(crate) refresh_for: u64,
    pub(crate) csrf: &'a str,
}

/// Sets the cookies of a session.
pub(crate) fn set(headers: &mut HeaderMap, https: bool, tokens: &Tokens<'_>) {
    let Tokens {
        access_for,
        refresh_for,
        ..
    } = tokens;
    put(
        headers,
        https,
        ACCESS,
        tokens.access,
        *access_for,
        ACCESS_RULES,
    );
    put(
        headers,
        https,
        REFRESH,
        tokens.refresh,
        *refresh_for,
        REFRESH_RULES,
    );
    put(headers, https, CSRF, tokens.csrf, *refresh_for, CSRF_RULES);
}

/// Removes them.
pub(crate) fn clear(headers: &mut HeaderMap, https: bool) {
    put(headers, https, ACCESS, "", 0, ACCESS_RULES);
    put(headers, https, REFRESH, "", 0, REFRESH_RULES);
    put(headers, https, CSRF, "", 0, CSRF_RULES);
}

fn put(headers: &mut HeaderMap, https: bool, name: &str, value: &str, seconds: u64, rules: &str) {
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Max-Age={seconds}; {rules}{secure}");
    let value = HeaderValue::try_from(text).expect("our tokens are plain ASCII");
    headers.append(header::SET_COOKIE, value);
}

/// Whether the client reached us over TLS, as far as we can know.
pub(crate) fn is_https(app: &App, uri: &Uri, headers: &HeaderMap) -> bool {
    let config = &app.services.config;
    config
        .addresses
        .base(uri, headers)
        .is_some_and(|base| base.scheme() == "https")
}

/// The CSRF token of a session. Bound to it, so that nobody's token is good for somebody else.
pub(crate) fn csrf_token(app: &App, device: DeviceId) -> String {
    URL_SAFE_NO_PAD.encode(app.csrf.of(&[&device.get().to_be_bytes()]))
}

/// Refuses requests by cookie that a page of somebody else may have made.
///
/// # Errors
/// 403, with what is missing.
pub(crate) fn check_origin(
    app: &App,
    parts: &Parts,
    device: Option<DeviceId>,
) -> Result<(), ApiError> {
    let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    // A WebSocket begins with a GET, and no page may add a field to it; browsers say whose it is.
    let upgrade = parts.headers.contains_key(header::UPGRADE);
    if safe && !upgrade {
        return Ok(());
    }
    check_sender(app, &parts.uri, &parts.headers)?;
    if upgrade {
        return Ok(());
    }
    let sent = parts
        .headers
        .get(CSRF_FIELD)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let matches =
        device.is_some_and(|device| csrf_token(app, device).as_bytes().ct_eq(sent).into());
    match matches {
        true => Ok(()),
        false => Err(ApiError::Forbidden(
            "send the session's CSRF token in X-CSRF-Token: it is in the cookie weir_csrf and in the \
             answer of GET /api/v1/session",
        )),
    }
}

/// Refuses what a browser says comes from a page of somebody else.
///
/// # Errors
/// 403.
pub(crate) fn check_sender(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    const REFUSAL: ApiError = ApiError::Forbidden(
        "this page may not use the session's cookies; an admin can list it in http.cors_origins",
    );
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text("origin") {
        let host = match uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => text("host"),
        };
        let own = origin.split_once("://").map(|(_, authority)| authority) == host;
        let listed = app
            .services
            .config
            .cors_origins
            .iter()
            .any(|it| it == origin);
        return (own || listed).then_some(()).ok_or(REFUSAL);
    }
    // Without an Origin the browser may still say from how far away the request comes.
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(REFUSAL),
    }
}
