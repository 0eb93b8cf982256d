//! Secrets do not cross the Internet in the clear: a request that shows one is refused where it came
//! without TLS from a public address.
//!
//! It has been read on the way by then. Refusing it at the first try keeps people from going on so, and
//! tells whoever runs the server before there is anything to lose. Watching needs no secret and works.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{ApiError, auth::cookies};

/// Marks a request, in its extensions, that anybody on the way may have read. Put there by whoever
/// accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposed;

/// Where secrets are sent without having one already, or are given out.
const LOGINS: [&str; 7] = [
    "/api/v1/register",
    "/api/v1/login",
    "/api/v1/login/totp",
    "/api/v1/session/refresh",
    "/api/v1/password-reset",
    "/api/v1/password-reset/confirm",
    "/api/v1/email-confirmation",
];

/// Where other sites send people to us with what logs them in.
const PROVIDERS: &str = "/api/v1/oidc/";

/// Middleware that refuses exposed requests with secrets.
pub(crate) async fn refuse_secrets(request: Request, next: Next) -> Response {
    let exposed = request.extensions().get::<Exposed>().is_some();
    if exposed && has_secret(request.method(), request.uri().path(), request.headers()) {
        return ApiError::TlsRequired.into_response();
    }
    next.run(request).await
}

fn has_secret(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let logs_in = !reads && LOGINS.contains(&path) || path.starts_with(PROVIDERS);
    // Pages are shown to whoever is logged in too, or nobody would read why nothing works.
    let by_cookie = || path.starts_with("/api/") && cookies::access(headers).is_some();
    headers.contains_key(header::AUTHORIZATION) || logs_in || by_cookie()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn secrets_are_seen_and_viewers_are_left_alone() {
        let secret = |method: Method, path: &str, field: Option<(&'static str, &str)>| {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = field {
                headers.insert(name, value.parse().unwrap());
            }
            has_secret(&method, path, &headers)
        };
        let bearer = Some(("authorization", "Bearer x"));
        let cookie = Some(("cookie", "a=b; weir_access=x"));
        assert!(secret(Method::POST, "/whip", bearer));
        assert!(secret(Method::POST, "/api/v1/login", None));
        assert!(secret(Method::GET, "/api/v1/oidc/x/callback", None));
        assert!(secret(Method::GET, "/api/v1/session", cookie));
        assert!(!secret(Method::GET, "/@demo", cookie));
        assert!(!secret(Method::GET, "/api/v1/streams", None));
        assert!(!secret(Method::POST, "/whep/demo", None));
        assert!(!secret(Method::OPTIONS, "/api/v1/login", None));
        assert!(!secret(Method::GET, "/hls/demo/master.m3u8", None));
    }
}
