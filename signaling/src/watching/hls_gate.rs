//! Who may have HLS: a look into memory for what everybody may see, and a token in the address for the rest.
//!
//! `/hls/{slug}/…` is for public and unlisted streams, and for users who may see a private one.
//! `/hls/t/{token}/{slug}/…` carries a viewer token, in the path so that the relative addresses within
//! playlists carry it on.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use weir_protocol::{StreamSlug, Visibility};

use super::Viewer;
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
            let (mut parts, body) = request.into_parts();
            match private(&app, &mut parts, &slug).await {
                Ok(()) => kept_private(next.run(Request::from_parts(parts, body)).await),
                Err(error) => error.into_response(),
            }
        }
    }
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
