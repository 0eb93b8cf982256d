//! The HTTP side: REST, WHIP, WHEP, the HLS origin, live state, authentication.
//!
//! [`router`] is everything that the server says over HTTP, as one table in `router.rs`. What is
//! live is known in one place, [`live`]. Errors become responses in one place, `error.rs`.
//!
//! Nothing here knows of GStreamer, RTMP or the command line. Stream keys, passwords and tokens
//! are never logged.

mod addresses;
mod api;
mod archive;
mod assets;
mod auth;
mod body;
pub mod captions;
mod embed;
mod engage;
mod entity_tag;
mod error;
mod events;
mod exposed;
pub mod findings;
mod guard;
mod happenings;
mod health;
pub mod hls;
mod idempotency;
mod insight;
pub mod keys;
mod limits;
pub mod live;
mod login_limit;
mod metrics;
mod overflow;
pub mod passwords;
mod people;
mod request_id;
mod rest;
mod restream;
mod rights;
mod rooms;
mod router;
mod sdp;
mod secrets;
mod sessions;
mod site;
mod streams;
mod tokens;
mod watching;
mod webhooks;
mod whep;
mod whep_events;
mod whep_layer;
mod whip;

use std::sync::Arc;

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;
use weir_db::Db;
use weir_sfu::Sfu;
use weir_turn::IceServers;

pub use addresses::Addresses;
pub use archive::{Archive, ArchiveConfig};
pub use assets::{Asset, Assets};
pub use auth::pat::create_api_token;
pub use embed::EmbedConfig;
pub use error::ApiError;
use error::Refusals;
pub use exposed::Exposed;
pub use guard::resolve;
pub use insight::InsightConfig;
pub use limits::{LimitsConfig, PerMinute};
pub use live::Live;
pub use metrics::{ExtraMetrics, MetricsConfig, PRIVATE_NETWORKS, Sample, SampleKind};
pub use overflow::Overflow;
pub use people::{AccountsConfig, ImportError, MailConfig, OidcConfig, import_users};
pub use restream::{RestreamConfig, RestreamOut, RestreamTarget};
pub use rooms::RoomsConfig;
pub use router::router;
pub use secrets::{Secrets, TOKEN_KEY_BYTES};
pub use sessions::Sessions;
pub use site::Doctor;
pub use tokens::rotate_token_keys;
pub use webhooks::WebhookConfig;

/// What the HTTP side works with. Made by the root package.
pub struct Services {
    /// Users, streams, broadcasts.
    pub db: Db,
    /// The media plane.
    pub sfu: Sfu,
    /// HLS in memory.
    pub hls: hls::Origin,
    /// What is kept of it on disk.
    pub archive: Archive,
    /// What is live.
    pub live: Live,
    /// What the keys for tokens and sealed rows are made of.
    pub secrets: Secrets,
    /// Settings.
    pub config: HttpConfig,
    /// The web client.
    pub assets: Assets,
    /// Sends streams elsewhere.
    pub restream: Arc<dyn RestreamOut>,
    /// Figures of other parts for `/metrics`.
    pub gauges: Arc<dyn ExtraMetrics>,
    /// Finds out how the server can be reached.
    pub doctor: Arc<dyn Doctor>,
    /// Cancelled when the server begins to stop: it is no longer ready, takes no new sessions, and
    /// event streams end, so that they do not hold the stop up.
    pub draining: CancellationToken,
}

/// Settings of the HTTP side.
#[derive(Debug, Clone, Default)]
pub struct HttpConfig {
    /// Where publishers and viewers reach the server.
    pub addresses: Addresses,
    /// STUN and TURN servers that WHIP and WHEP clients are told of.
    pub ice_servers: IceServers,
    /// How many WebRTC viewers are taken, and where the others go.
    pub overflow: Overflow,
    /// Origins of pages elsewhere that may use the API with the cookies of our users, like
    /// `https://example.org`. All others may use it without.
    pub cors_origins: Vec<String>,
    /// How people get in, and for how long.
    pub sessions: Sessions,
    /// How many requests clients may make.
    pub limits: LimitsConfig,
    /// Accounts.
    pub accounts: AccountsConfig,
    /// Mail.
    pub mail: MailConfig,
    /// Where else people may log in.
    pub oidc: Vec<OidcConfig>,
    /// Webhooks.
    pub webhooks: WebhookConfig,
    /// Sending streams elsewhere.
    pub restream: RestreamConfig,
    /// Limits of rooms.
    pub rooms: RoomsConfig,
    /// The player in other people's pages.
    pub embed: EmbedConfig,
    /// For how long figures of viewers are kept.
    pub insight: InsightConfig,
    /// Who may read `/metrics`.
    pub metrics: MetricsConfig,
    /// What the server was told, for admins to read: secrets masked.
    pub settings: Vec<weir_protocol::ServerSetting>,
}

/// State of all handlers.
#[derive(Clone)]
struct App {
    services: Arc<Services>,
    tokens: tokens::Tokens,
    refresh_tokens: auth::RefreshTokens,
    /// Makes CSRF tokens.
    csrf: secrets::Mac,
    sealer: Arc<secrets::Sealer>,
    ends: auth::Ends,
    seen: auth::Seen,
    limits: Arc<limits::Limits>,
    login_limit: Arc<login_limit::LoginLimit>,
    metrics: Arc<metrics::Metrics>,
    people: people::People,
    attendance: events::Attendance,
    webhooks: webhooks::Webhooks,
    restreams: restream::Restreams,
    rooms: rooms::Rooms,
    watching: watching::Watching,
    streams: streams::Streams,
}

impl FromRef<App> for Arc<Services> {
    fn from_ref(app: &App) -> Self {
        app.services.clone()
    }
}
