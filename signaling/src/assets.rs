//! The web client, embedded in the binary and served from memory.

use std::collections::HashMap;

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use weir_protocol::ClientModule;

use crate::{ApiError, App, embed, watching::Viewer};

/// What the page may load and do. Everything comes from this server. `wasm-unsafe-eval` lets the
/// client's WebAssembly compile (and nothing else evaluate); `blob:` is where Media Source
/// Extensions live. Who may show it in a frame stands at its end.
pub(crate) fn policy(frame_ancestors: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors {frame_ancestors}"
    )
}

/// Said when the binary was built without the client.
const NO_CLIENT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Weir</title>\
    <h1>Weir is running</h1><p>This program was built without the web client. \
    Run <code>script/build</code>, which builds both, and start it again.</p></html>";

/// One file of the client.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Path below the root, without a leading slash: `index.html`, `assets/weir-1a2b3c.wasm`.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// The file itself.
    pub raw: &'static [u8],
    /// Compressed with Brotli, when that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// Compressed with gzip, when that is smaller.
    pub gzip: Option<&'static [u8]>,
    /// Whether the name changes with the content, so that it may be cached for ever.
    pub immutable: bool,
}

/// The files of the client.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    files: HashMap<&'static str, (Asset, String)>,
}

impl Assets {
    /// Takes over files. Later ones replace earlier ones of the same path.
    pub fn new(files: impl IntoIterator<Item = Asset>) -> Self {
        let tagged = |asset: Asset| {
            let digest = Sha256::digest(asset.raw);
            let tag: String = digest[..8]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            (asset.path, (asset, tag))
        };
        Self {
            files: files.into_iter().map(tagged).collect(),
        }
    }

    /// Whether there is a client at all.
    pub fn is_empty(&self) -> bool {
        !self.files.contains_key(ClientModule::Viewer.page())
    }

    /// Answers with a file; none when there is no such file.
    fn serve(&self, path: &str, status: StatusCode, request: &HeaderMap) -> Option<Response> {
        let (asset, tag) = self.files.get(path)?;
        let (encoding, body) = asset.negotiate(request);
        // RFC 9110 section 8.8.3: representations in different codings have different tags.
        let tag = format!("\"{tag}-{encoding}\"");
        let matches = request.get(header::IF_NONE_MATCH).is_some_and(|known| {
            known.to_str().is_ok_and(|known| {
                known
                    .split(',')
                    .any(|one| one.trim().trim_start_matches("W/") == tag || one.trim() == "*")
            })
        });
        let mut response = if matches && status == StatusCode::OK {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            (status, Body::from(Bytes::from_static(body))).into_response()
        };
        let caching = if asset.immutable {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.content_type),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(
            header::ETAG,
            HeaderValue::try_from(tag).expect("hexadecimal digits"),
        );
        if encoding != "identity" {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if asset.content_type.starts_with("text/html") {
            protect(headers);
        }
        Some(response)
    }

    /// The page of the client's module for whoever watches.
    pub(crate) fn page(&self, status: StatusCode, request: &HeaderMap) -> Response {
        self.page_of(ClientModule::Viewer, status, request)
    }

    fn page_of(&self, module: ClientModule, status: StatusCode, request: &HeaderMap) -> Response {
        self.serve(module.page(), status, request)
            .unwrap_or_else(|| {
                let mut response = (status, Html(NO_CLIENT)).into_response();
                let headers = response.headers_mut();
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                protect(headers);
                response
            })
    }
}

impl Assets {
    /// The viewer's page with more in its head, made for this answer.
    fn page_with(&self, head: &str, status: StatusCode) -> Response {
        let index = self.files.get(ClientModule::Viewer.page());
        let index = index.map(|(asset, _)| asset.raw);
        let page = index.map_or(NO_CLIENT.into(), String::from_utf8_lossy);
        let page = page.replacen("</title>", &format!("</title>{head}"), 1);
        let mut response = (status, Html(page)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        protect(headers);
        response
    }
}

impl Asset {
    /// The smallest form that the client takes, and the name of its coding.
    fn negotiate(&self, request: &HeaderMap) -> (&'static str, &'static [u8]) {
        let accepted = Accepted::new(request);
        [("br", self.brotli), ("gzip", self.gzip)]
            .into_iter()
            .find_map(|(coding, body)| Some((coding, body.filter(|_| accepted.takes(coding))?)))
            .unwrap_or(("identity", self.raw))
    }
}

/// `Accept-Encoding`, RFC 9110 section 12.5.3. Preferences among what is accepted are left aside:
/// we send the smallest.
struct Accepted<'a>(Vec<(&'a str, bool)>);

impl<'a> Accepted<'a> {
    fn new(request: &'a HeaderMap) -> Self {
        let values = request.get_all(header::ACCEPT_ENCODING).iter();
        let items = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|v| v.split(','));
        let codings = items.map(|item| {
            let (coding, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|q| q.parse::<f32>().ok());
            (coding.trim(), weight.unwrap_or(1.0) > 0.0)
        });
        Self(codings.collect())
    }

    fn takes(&self, coding: &str) -> bool {
        let named = self
            .0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(coding));
        named
            .or_else(|| self.0.iter().find(|(name, _)| *name == "*"))
            .is_some_and(|(_, ok)| *ok)
    }
}

/// `GET /`.
pub(crate) async fn home(State(app): State<App>, headers: HeaderMap) -> Response {
    app.services.assets.page(StatusCode::OK, &headers)
}

/// `GET /@{slug}` and files at the root. The page of a stream that does not exist is the client's
/// too, which says so, but with 404 for programs.
pub(crate) async fn top(
    State(app): State<App>,
    Path(name): Path<String>,
    viewer: Result<Viewer, ApiError>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(slug) = name.strip_prefix('@') else {
        return Ok(file_or_page(&app, &name, &headers));
    };
    // Whoever's credentials have ended gets the page, which says so.
    let viewer = viewer.unwrap_or(Viewer::Nobody);
    match app.watchable(slug, &viewer).await {
        Ok(stream) => {
            let head = embed::discovery(&app, &uri, &headers, &stream);
            Ok(app.services.assets.page_with(&head, StatusCode::OK))
        }
        Err(ApiError::NotFound(_)) => Ok(app.services.assets.page(StatusCode::NOT_FOUND, &headers)),
        Err(ApiError::Forbidden(_)) => {
            Ok(app.services.assets.page(StatusCode::FORBIDDEN, &headers))
        }
        Err(error) => Err(error),
    }
}

/// Everything that the router does not know.
pub(crate) async fn fallback(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    file_or_page(&app, uri.path().trim_start_matches('/'), &headers)
}

/// A file, or the client's page where a browser asks for an address of the client's own.
fn file_or_page(app: &App, path: &str, headers: &HeaderMap) -> Response {
    if let Some(file) = app.services.assets.serve(path, StatusCode::OK, headers) {
        return file;
    }
    let wants_page = headers.get_all(header::ACCEPT).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    });
    if wants_page {
        let module = ClientModule::of_path(path);
        app.services.assets.page_of(module, StatusCode::OK, headers)
    } else {
        ApiError::NotFound("page").into_response()
    }
}

fn protect(headers: &mut HeaderMap) {
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::try_from(policy("'self'")).expect("plain ASCII"),
    );
    // For browsers from before frame-ancestors.
    headers.insert(
        header::X_FRAME_OPTIONS,
        HeaderValue::from_static("SAMEORIGIN"),
    );
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("geolocation=(), payment=(), usb=()"),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn accept_encoding_is_read_as_rfc_9110_says() {
        let takes = |value: &str, coding: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            Accepted::new(&headers).takes(coding)
        };
        assert!(takes("gzip, deflate, br", "br"));
        assert!(takes("GZIP;q=0.5", "gzip"));
        assert!(takes("*", "br"));
        assert!(!takes("br;q=0, *", "br"));
        assert!(!takes("br;q=0.0", "br"));
        assert!(!takes("gzip", "br"));
        assert!(!takes("", "br"));
        assert!(!Accepted::new(&HeaderMap::new()).takes("gzip"));
    }
}
