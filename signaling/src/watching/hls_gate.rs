//! Who may have HLS: a look into memory for what everybody may see, and a token in the address for the rest.
//!
//! `/hls/{slug}/…` is for public and unlisted streams, and for users who may see a private one.
//! `/hls/t/{token}/{slug}/…` carries a viewer token, signed and with an end, in the path so that the
//! relative addresses within playlists and manifests carry it on: a plain player needs neither cookies nor
//! header fields. A playlist that is asked for with `?viewer_token=` is sent there.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use weir_protocol::{StreamSlug, Visibility};

use super::{Viewer, viewer::PARAMETER};
use crate::{ApiError, App};

/// How long a stream's visibility is believed: another node may change it.
pub(super) const BELIEVED: Duration = Duration::from_secs(2);

/// Streams remembered before old ones are looked for and forgotten.
const REMEMBERED: usize = 10_000;

const GONE: ApiError = ApiError::NotFound("live stream");

/// Which streams are open to everybody, as far as was asked lately.
#[derive(Default)]
pub(crate) struct HlsGate {
    seen: Mutex<HashMap<String, (Visibility, Instant)>>,
}

impl HlsGate {
    /// The stream has changed, or is no more.
    pub(crate) fn forget(&self, slug: &StreamSlug) {
        self.lock().remove(slug.as_str());
    }

    fn known(&self, slug: &str) -> Option<Visibility> {
        let seen = self.lock();
        let (visibility, at) = seen.get(slug)?;
        (at.elapsed() < BELIEVED).then_some(*visibility)
    }

    fn remember(&self, slug: &str, visibility: Visibility) {
        let mut seen = self.lock();
        if seen.len() >= REMEMBERED {
            seen.retain(|_, (_, at)| at.elapsed() < BELIEVED);
        }
        seen.insert(slug.to_owned(), (visibility, Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Visibility, Instant)>> {
        self.seen.lock().expect("nothing panics under this lock")
    }
}

/// Middleware of `/hls/{slug}/…`.
pub(crate) async fn gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let slug = first_segment(request.uri().path()).to_owned();
    // Names that nothing is served under cost no question to the database.
    if !app.services.hls.knows(&slug) {
        return GONE.into_response();
    }
    let visibility = match app.watching.hls.known(&slug) {
        Some(visibility) => visibility,
        None => match app.stream(&slug).await {
            Ok(stream) => {
                let visibility = stream.details.visibility;
                app.watching.hls.remember(&slug, visibility);
                visibility
            }
            Err(error) => return error.into_response(),
        },
    };
    match visibility {
        Visibility::Public | Visibility::Unlisted => next.run(request).await,
        Visibility::Private => {
            if let Some(there) = with_token_in_path(request.uri(), &slug) {
                return there;
            }
            let (mut parts, body) = request.into_parts();
            match private(&app, &mut parts, &slug).await {
                Ok(()) => kept_private(next.run(Request::from_parts(parts, body)).await),
                Err(error) => error.into_response(),
            }
        }
    }
}

/// Where a token of the query is carried on. What it is worth is asked there.
fn with_token_in_path(uri: &Uri, slug: &str) -> Option<Response> {
    let name = uri.path().rsplit('/').next()?;
    let is_list = name.ends_with(".m3u8") || name.ends_with(".mpd");
    let query = uri.query().filter(|_| is_list)?;
    let mut token = None;
    let mut rest = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            PARAMETER => token = Some(value.into_owned()),
            _ => _ = rest.append_pair(&name, &value),
        }
    }
    // A token has no other characters; what has is none, and is refused as one.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let token = token.filter(|token| token.contains('.') && token.bytes().all(is_plain))?;
    // Relative, so that it is right behind a proxy that adds to the path.
    let mut to = format!("../t/{token}/{slug}/{name}");
    let rest = rest.finish();
    if !rest.is_empty() {
        to = format!("{to}?{rest}");
    }
    let fields = [
        (header::LOCATION, HeaderValue::try_from(to).ok()?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Some((StatusCode::TEMPORARY_REDIRECT, fields).into_response())
}

async fn private(
    app: &App,
    parts: &mut axum::http::request::Parts,
    slug: &str,
) -> Result<(), ApiError> {
    use axum::extract::FromRequestParts;
    let viewer = Viewer::from_request_parts(parts, app).await?;
    app.watchable(slug, &viewer).await.map(|_| ())
}

/// `/hls/t/{token}/{slug}/…`, served by `plain`, the routes of the origin.
pub(crate) async fn with_token(
    app: App,
    plain: Router,
    Path((token, rest)): Path<(String, String)>,
    mut request: Request,
) -> Response {
    // A stream may be called `t`; no track's name has a dot, and every token has.
    if !token.contains('.') {
        let to = format!("/t/{token}/{rest}");
        return passed_on(&app, plain, &to, request).await;
    }
    let allowed = async {
        let pass = app.pass(&token).await?.ok_or(super::viewer::ENDED)?;
        let over = pass.over();
        let viewer = Viewer::Token(pass);
        app.check_pass(first_segment(&rest), &viewer).await?;
        Ok::<_, ApiError>(over)
    };
    let over = match allowed.await {
        Ok(over) => over,
        Err(error) => return error.into_response(),
    };
    if let Err(error) = readdress(&mut request, &format!("/{rest}")) {
        return error.into_response();
    }
    let served = plain.oneshot(request);
    tokio::select! {
        // A reload that waits for media must not outlive the right to it.
        () = over.cancelled() => super::viewer::ENDED.into_response(),
        Ok(response) = served => kept_private(response),
    }
}

async fn passed_on(app: &App, plain: Router, to: &str, mut request: Request) -> Response {
    if let Err(error) = readdress(&mut request, to) {
        return error.into_response();
    }
    let gated = plain.layer(axum::middleware::from_fn_with_state(app.clone(), gate));
    let Ok(response) = gated.oneshot(request).await;
    response
}

/// Sends the request to another address. What the router has noted of the old one goes: the parameters of
/// both addresses would be taken together.
fn readdress(request: &mut Request, path: &str) -> Result<(), ApiError> {
    let query = request.uri().query();
    let to = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    *request.uri_mut() = to.parse::<Uri>().map_err(|_| GONE)?;
    let peer = request.extensions_mut().remove::<ConnectInfo<SocketAddr>>();
    request.extensions_mut().clear();
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    Ok(())
}

impl App {
    /// As [`App::watchable`], from memory where that is enough.
    async fn check_pass(&self, slug: &str, viewer: &Viewer) -> Result<(), ApiError> {
        if !self.services.hls.knows(slug) {
            return Err(GONE);
        }
        let Viewer::Token(pass) = viewer else {
            return Err(GONE);
        };
        if pass.serves(slug) {
            return Ok(());
        }
        let stream = self.watchable(slug, viewer).await?;
        if stream.id == pass.stream() {
            pass.remember(slug);
        }
        Ok(())
    }
}

/// Shared caches must not have what not everybody may see.
fn kept_private(mut response: Response) -> Response {
    let field = response.headers().get(header::CACHE_CONTROL);
    let private = match field.and_then(|field| field.to_str().ok()) {
        Some(text) if text.contains("immutable") => "private, max-age=3600, immutable",
        Some(text) if text.contains("no-store") => "no-store",
        Some(_) | None => "private, no-cache",
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(private));
    response
}

fn first_segment(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').next().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_the_query_is_carried_on_in_the_path() {
        let to = |address: &str| {
            let uri: Uri = address.parse().unwrap();
            let answer = with_token_in_path(&uri, "den")?;
            assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
            let there = answer.headers()[header::LOCATION].to_str().unwrap();
            Some(there.to_owned())
        };
        for (address, there) in [
            (
                "/den/master.m3u8?viewer_token=a.b-_c",
                Some("../t/a.b-_c/den/master.m3u8"),
            ),
            (
                "/den/manifest.mpd?x=1&viewer_token=a.b&y=%26",
                Some("../t/a.b/den/manifest.mpd?x=1&y=%26"),
            ),
            ("/den/master.m3u8", None),
            ("/den/master.m3u8?viewer_token=", None),
            ("/den/master.m3u8?viewer_token=a.b%2F..", None),
            ("/den/video0/e/s1.m4s?viewer_token=a.b", None),
        ] {
            assert_eq!(to(address).as_deref(), there, "{address}");
        }
    }
}
