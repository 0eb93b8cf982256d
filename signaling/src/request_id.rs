//! A name for each request, so that what a client saw can be found in the log.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

/// Sent by proxies and clients, and answered to them.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest name that is taken from outside.
const LONGEST: usize = 64;

/// The name of a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

/// Middleware that names requests: as the client or the proxy does, if that is short and plain, so
/// that nobody writes into our logs; else anew.
pub(crate) async fn name(mut request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(fresh);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    response.headers_mut().insert(HEADER, id);
    response
}

fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(HEADER)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let fits = (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(plain);
    fits.then(|| id.clone())
}

fn fresh() -> HeaderValue {
    let id = format!("{:032x}", rand::random::<u128>());
    HeaderValue::try_from(id).expect("hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_and_plain_names_are_taken() {
        let take = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().expect("a header field"));
            given(&headers).is_some()
        };
        assert!(take("0b9c-1_x.Y"));
        for bad in ["", "a b", "x\"y", &"a".repeat(65)] {
            assert!(!take(bad), "{bad}");
        }
        assert!(given(&HeaderMap::new()).is_none());
        assert_ne!(fresh(), fresh());
    }
}
