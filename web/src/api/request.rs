//! One request. Sessions go by cookies: what changes something carries the token against forged requests, and a session
//! whose access token ended is refreshed once before the request is given up.

use gloo_net::http::{Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use weir_protocol::Problem;

use super::{ApiError, refresh};
use crate::dom;

const CSRF_FIELD: &str = "X-CSRF-Token";
/// Ends of the cookie's name; over HTTPS it has a prefix.
const CSRF_COOKIE: &str = "weir_csrf";

/// A request that is being put together.
pub struct Ask {
    method: Method,
    address: String,
    body: Option<Body>,
    headers: Vec<(&'static str, String)>,
}

enum Body {
    Json(Result<String, serde_json::Error>),
    /// With its media type.
    Raw(wasm_bindgen::JsValue, String),
}

/// What came with the answer beside its body.
pub struct Answer<T> {
    /// The body.
    pub value: T,
    /// `ETag`: goes into [`Ask::if_match`] of the edit.
    pub tag: Option<String>,
}

/// `GET`.
pub fn get(address: &str) -> Ask {
    Ask::new(Method::GET, address)
}

/// `POST`.
pub fn post(address: &str) -> Ask {
    Ask::new(Method::POST, address)
}

/// `PUT`.
pub fn put(address: &str) -> Ask {
    Ask::new(Method::PUT, address)
}

/// `PATCH`.
pub fn patch(address: &str) -> Ask {
    Ask::new(Method::PATCH, address)
}

/// `DELETE`.
pub fn delete(address: &str) -> Ask {
    Ask::new(Method::DELETE, address)
}

impl Ask {
    fn new(method: Method, address: &str) -> Self {
        Self {
            method,
            address: address.to_owned(),
            body: None,
            headers: Vec::new(),
        }
    }

    /// With this body.
    pub fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(Body::Json(serde_json::to_string(body)));
        self
    }

    /// With a file or other bytes (`Blob`, `ArrayBuffer`) of this media type.
    pub fn raw(mut self, bytes: wasm_bindgen::JsValue, media_type: &str) -> Self {
        self.body = Some(Body::Raw(bytes, media_type.to_owned()));
        self
    }

    /// With a header field.
    pub fn field(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Only where nobody changed it since this tag was read.
    pub fn if_match(mut self, tag: Option<&str>) -> Self {
        if let Some(tag) = tag {
            self.headers.push(("If-Match", tag.to_owned()));
        }
        self
    }

    /// Asks, and reads the answer's body.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        Ok(self.tagged().await?.value)
    }

    /// Asks, and reads the answer's body and its tag.
    pub async fn tagged<T: DeserializeOwned>(self) -> Result<Answer<T>, ApiError> {
        let answer = self.answer().await?;
        Ok(Answer {
            tag: answer.headers().get("ETag"),
            value: answer.json().await.map_err(|_| ApiError::Unreadable)?,
        })
    }

    /// Asks; the answer's body is not needed.
    pub async fn done(self) -> Result<(), ApiError> {
        self.answer().await.map(drop)
    }

    /// Asks, and gives the answer as text.
    pub async fn text(self) -> Result<String, ApiError> {
        let answer = self.answer().await?;
        answer.text().await.map_err(|_| ApiError::Unreadable)
    }

    /// Asks; any answer that is no error.
    pub async fn answer(self) -> Result<Response, ApiError> {
        checked(self.response().await?).await
    }

    /// Asks; any answer, for what is no REST: there an error has fields of its own that count.
    pub async fn response(self) -> Result<Response, ApiError> {
        let as_somebody = csrf_token().is_some();
        let asked = js_sys::Date::now();
        let answer = self.send().await?;
        if answer.status() != 401 || !as_somebody {
            return Ok(answer);
        }
        // The access token lasts minutes, the session lasts weeks; it may have been found over while this was asked.
        let fresh = csrf_token().is_some() && refresh::refreshed(asked).await;
        // Where the session is over its cookies are gone, and what everybody may see is seen without.
        let as_nobody = self.method == Method::GET && csrf_token().is_none();
        if !fresh && !as_nobody {
            return Ok(answer);
        }
        self.send().await
    }

    /// Asks once, whatever comes.
    pub(super) async fn send(&self) -> Result<Response, ApiError> {
        let mut request = RequestBuilder::new(&self.address)
            .method(self.method.clone())
            .cache(web_sys::RequestCache::NoStore);
        if self.method != Method::GET
            && let Some(token) = csrf_token()
        {
            request = request.header(CSRF_FIELD, &token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let sent = match &self.body {
            None => request.send().await,
            Some(Body::Json(text)) => {
                let text = text.as_ref().map_err(|_| ApiError::Unreadable)?;
                let request = request
                    .header("Content-Type", "application/json")
                    .body(text.as_str())
                    .map_err(|_| ApiError::Unreadable)?;
                request.send().await
            }
            Some(Body::Raw(bytes, media_type)) => {
                let request = request
                    .header("Content-Type", media_type)
                    .body(bytes.clone())
                    .map_err(|_| ApiError::Unreadable)?;
                request.send().await
            }
        };
        sent.map_err(|_| ApiError::Unreachable)
    }
}

async fn checked(answer: Response) -> Result<Response, ApiError> {
    if answer.ok() {
        return Ok(answer);
    }
    let status = answer.status();
    match answer.json::<Problem>().await {
        Ok(problem) => Err(ApiError::Refused(problem)),
        Err(_) => Err(ApiError::Status(status)),
    }
}

/// Tells something that is not waited for, also when the page goes meanwhile.
pub fn post_parting(address: &str, body: &impl Serialize) {
    let Ok(body) = serde_json::to_string(body) else {
        return;
    };
    let (init, headers) = (js_sys::Object::new(), js_sys::Object::new());
    dom::set_property(&headers, "Content-Type", &"application/json".into());
    if let Some(token) = csrf_token() {
        dom::set_property(&headers, CSRF_FIELD, &token.into());
    }
    dom::set_property(&init, "method", &"POST".into());
    dom::set_property(&init, "keepalive", &true.into());
    dom::set_property(&init, "headers", &headers);
    dom::set_property(&init, "body", &body.into());
    if let Some(sent) = dom::call_with_two(&dom::window(), "fetch", &address.into(), &init) {
        // Nobody is left to hear of a failure.
        spawn_local(async move { drop(JsFuture::from(js_sys::Promise::resolve(&sent)).await) });
    }
}

/// What the cookie against forged requests says; `None` where nobody is logged in.
pub(super) fn csrf_token() -> Option<String> {
    let cookies = dom::property(&dom::document(), "cookie")?.as_string()?;
    find_cookie(&cookies).map(str::to_owned)
}

fn find_cookie(cookies: &str) -> Option<&str> {
    cookies
        .split(';')
        .filter_map(|one| one.trim().split_once('='))
        .find(|(name, value)| name.ends_with(CSRF_COOKIE) && !value.is_empty())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(find_cookie("a=b; weir_csrf=x.y="), Some("x.y="));
        assert_eq!(find_cookie("__Host-weir_csrf=t"), Some("t"));
        assert_eq!(find_cookie("weir_csrf="), None);
        assert_eq!(find_cookie("weir_csrfx=t"), None);
        assert_eq!(find_cookie(""), None);
    }
}
