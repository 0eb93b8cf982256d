//! All addresses in one table, and what stands in front of every handler.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, delete, get, post},
};
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
    cors::{AllowCredentials, AllowOrigin, CorsLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};
use utoipa_axum::router::OpenApiRouter;
use weir_db::Stream;

use crate::{
    ApiError, App, Services, api, archive, assets, auth, captions, embed, engage, error, events,
    exposed, findings, health, hls, idempotency, insight, limits,
    login_limit::LoginLimit,
    metrics, people,
    request_id::{self, RequestId},
    rest, restream,
    rooms::{self, Rooms},
    sdp, site, streams,
    tokens::Tokens,
    watching,
    webhooks::{self, Webhooks},
    whep, whep_events, whep_layer, whip,
};

/// Largest JSON body in bytes.
const JSON_LIMIT: usize = 16 * 1024;

/// Longest time that a handler may take to begin its answer. Offers wait for the media plane and
/// logins for their turn to hash; blocking HLS reloads have their own limit and are not under it.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(15);

/// The same for an import of users, whose passwords are hashed one by one.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How long a browser may remember a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything that the server says over HTTP.
pub fn router(services: Arc<Services>) -> Router {
    let app = App {
        tokens: Tokens::new(
            services.db.clone(),
            &services.secrets,
            services.config.sessions.key_rotation,
        ),
        refresh_tokens: auth::RefreshTokens::new(&services.secrets),
        csrf: services.secrets.mac("csrf"),
        sealer: Arc::new(services.secrets.sealer()),
        ends: auth::Ends::default(),
        seen: auth::Seen::default(),
        limits: Arc::new(limits::Limits::new(&services.config.limits)),
        login_limit: Arc::new(LoginLimit::default()),
        metrics: Arc::new(metrics::Metrics::new()),
        people: people::People::start(&services),
        attendance: events::Attendance::default(),
        webhooks: Webhooks::start(&services),
        restreams: restream::Restreams::default(),
        rooms: Rooms::new(&services),
        watching: watching::Watching::default(),
        streams: streams::Streams::default(),
        services,
    };
    auth::upkeep::start(&app);
    tokio::spawn(idempotency::forget_old(app.clone()));
    rooms::serve_data_channels(&app);
    app.attendance.start(&app);
    let audience = app.services.live.audience().clone();
    tokio::spawn(insight::run(app.services.clone(), audience));
    tokio::spawn(watching::keep_passes(app.clone()));
    tokio::spawn(streams::keep_index(app.clone()));
    tokio::spawn(streams::live_events::keep_telling(app.clone()));
    tokio::spawn(captions::keep_telling(app.clone()));
    tokio::spawn(restream::keep(app.clone()));
    archive::start(&app);
    app.services
        .live
        .background()
        .spawn(findings::keep_telling(app.clone()));
    let hls = playback(&app);
    let media = |routes: Router| {
        routes
            .method_not_allowed_fallback(not_allowed)
            .layer(compression())
            .layer(cors(&app))
    };
    let vod = media(archive::vod_routes(&app));
    let clips = media(archive::clip_routes(&app));

    Router::new()
        .merge(webrtc(&app))
        .merge(rooms::socket())
        .merge(api(&app))
        .merge(operations())
        .merge(client(&app))
        .with_state(app.clone())
        .nest("/hls", hls)
        .nest("/vod", vod)
        .nest("/clips", clips)
        .layer(middleware::from_fn(exposed::refuse_secrets))
        .layer(CatchPanicLayer::custom(error::from_panic))
        .layer(middleware::from_fn_with_state(app, metrics::count))
        .layer(constant(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(constant(header::REFERRER_POLICY, "same-origin"))
        .layer(trace())
        .layer(middleware::from_fn(request_id::name))
}

/// HLS: for everybody, and by viewer tokens.
fn playback(app: &App) -> Router {
    let origin = hls::router(app.services.hls.clone()).merge(archive::dvr_routes(app));
    let (for_tokens, plain) = (app.clone(), origin.clone());
    let with_token =
        move |path, request| watching::with_token(for_tokens.clone(), plain.clone(), path, request);
    // The origin's own header fields stand: it knows what may be cached.
    origin
        .layer(middleware::from_fn_with_state(app.clone(), watching::gate))
        .route("/t/{token}/{*rest}", get(with_token))
        .method_not_allowed_fallback(not_allowed)
        .layer(compression())
        .layer(cors(app))
}

/// WHIP and WHEP.
fn webrtc(app: &App) -> Router<App> {
    let endpoints = Router::new()
        .route(
            "/whip",
            post(whip::publish).get(|| async { StatusCode::NO_CONTENT }),
        )
        .route("/whep/{slug}", post(whep::view).get(whep::look))
        .method_not_allowed_fallback(not_allowed)
        .layer(cors(app))
        // RFC 9725 section 4.2 and the Linked Data Platform, section 7.1.
        .layer(constant(HeaderName::from_static("accept-post"), sdp::SDP));
    let sessions = Router::new()
        .route(
            "/whip/session/{id}",
            delete(whip::end).patch(whip::patch).get(whip::look),
        )
        .route(
            "/whep/session/{id}",
            delete(whep::end)
                .patch(whep::patch)
                .get(whep::look_at_session),
        )
        .method_not_allowed_fallback(not_allowed)
        .layer(cors(app))
        // RFC 5789 sections 2.2 and 3.1.
        .layer(constant(
            HeaderName::from_static("accept-patch"),
            sdp::SDP_FRAGMENT,
        ));
    let extensions = Router::new()
        .route(
            "/whep/session/{id}/layer",
            get(whep_layer::look).post(whep_layer::select),
        )
        .route("/whep/session/{id}/sse", post(whep_events::open))
        .route(
            "/whep/session/{id}/sse/{number}",
            get(whep_events::follow).delete(whep_events::close),
        )
        .method_not_allowed_fallback(not_allowed)
        .layer(cors(app));
    endpoints
        .merge(sessions)
        .merge(extensions)
        .layer(middleware::from_fn_with_state(
            app.clone(),
            limits::limit_sessions,
        ))
        .layer(middleware::from_fn(timeout))
}

/// REST.
fn api(app: &App) -> Router<App> {
    let (operations, document) = OpenApiRouter::with_openapi(api::describe())
        .merge(rest::routes())
        .merge(archive::routes())
        .merge(people::routes())
        .merge(events::routes())
        .merge(embed::routes())
        .merge(webhooks::routes())
        .merge(restream::routes())
        .merge(rooms::routes())
        .merge(engage::routes())
        .merge(streams::routes())
        .merge(findings::routes())
        .merge(insight::routes())
        .merge(site::routes())
        .split_for_parts();
    operations
        // Answers are data: whoever opens one as a page gets nothing that runs, and no frame has it.
        .layer(constant(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        .merge(api::document(document))
        .route("/api", any(no_operation))
        .route("/api/{*rest}", any(no_operation))
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(
            app.clone(),
            idempotency::once,
        ))
        .layer(compression())
        .layer(no_cache())
        .layer(middleware::from_fn_with_state(app.clone(), limits::limit))
        .layer(cors(app))
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .layer(middleware::from_fn(timeout))
}

/// For whoever runs the server.
fn operations() -> Router<App> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .method_not_allowed_fallback(not_allowed)
        .layer(compression())
        .layer(middleware::from_fn(timeout))
}

/// The web client.
fn client(app: &App) -> Router<App> {
    Router::new()
        .route("/", get(assets::home))
        .route("/{name}", get(assets::top))
        .route("/embed/{slug}", get(embed::page))
        .fallback_service(
            get(assets::fallback)
                .fallback(not_allowed)
                .with_state(app.clone()),
        )
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn(timeout))
}

async fn no_operation() -> ApiError {
    ApiError::NotFound("address of the API")
}

/// Set before a router's layers: set after them, it would stand outside of CORS, and preflights would
/// end in it.
async fn not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

/// Any page may use the API and the players with a key or a token, which it then has anyway. With the
/// cookies of our users only those may that an admin has listed.
fn cors(app: &App) -> CorsLayer {
    let listed = app.services.config.cors_origins.clone();
    let layer = match listed.is_empty() {
        true => CorsLayer::new().allow_origin(AllowOrigin::any()),
        false => CorsLayer::new()
            // A browser takes no cookies where `*` is allowed.
            .allow_origin(AllowOrigin::mirror_request())
            .allow_credentials(AllowCredentials::predicate(move |origin, _| {
                listed.iter().any(|it| it.as_bytes() == origin.as_bytes())
            })),
    };
    layer
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PATCH,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::RANGE,
            HeaderName::from_static(events::TICKET_FIELD),
            idempotency::FIELD,
            HeaderName::from_static("x-csrf-token"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([
            header::LOCATION,
            header::LINK,
            header::CONTENT_RANGE,
            header::ACCEPT_RANGES,
            header::DATE,
            header::ETAG,
            header::RETRY_AFTER,
            HeaderName::from_static("accept-patch"),
            HeaderName::from_static("accept-post"),
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(PREFLIGHT_MAX_AGE)
}

/// Text is compressed; media is compressed already, and event streams must not be held back. The
/// client's files have been compressed when they were built, and answers of WHIP and WHEP stay as
/// plain as their clients.
fn compression() -> CompressionLayer<impl Predicate> {
    let compressible = DefaultPredicate::new()
        .and(NotForContentType::const_new("video/"))
        .and(NotForContentType::const_new("audio/"));
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(compressible)
}

/// Live state is true for a moment only.
fn no_cache() -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache"),
    )
}

fn constant(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Requests are told by what they matched: session addresses are secrets.
fn trace() -> TraceLayer<
    tower_http::classify::SharedClassifier<tower_http::classify::ServerErrorsAsFailures>,
    impl Fn(&Request) -> tracing::Span + Clone,
> {
    TraceLayer::new_for_http().make_span_with(|request: &Request| {
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or("other", MatchedPath::as_str);
        let id = request.extensions().get::<RequestId>();
        let id = id.and_then(|id| id.0.to_str().ok()).unwrap_or_default();
        tracing::info_span!("http", method = %request.method(), route, id)
    })
}

/// Middleware that gives up on a handler that takes too long to begin its answer.
async fn timeout(request: Request, next: Next) -> Response {
    let limit = match request.uri().path() {
        people::IMPORT => IMPORT_TIMEOUT,
        _ => HANDLER_TIMEOUT,
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::Unavailable("the server took too long".into()).into_response(),
    }
}

impl App {
    /// The stream of a name in an address.
    pub(crate) async fn stream(&self, slug: &str) -> Result<Stream, ApiError> {
        let unknown = ApiError::NotFound("stream");
        // What is no slug names no stream.
        let slug = slug.parse().map_err(|_| unknown.clone())?;
        self.services.db.stream_by_slug(&slug).await?.ok_or(unknown)
    }

    /// Whether new work is taken.
    pub(crate) fn check_open(&self) -> Result<(), ApiError> {
        if self.services.draining.is_cancelled() {
            return Err(ApiError::Unavailable("the server is stopping".into()));
        }
        Ok(())
    }
}
