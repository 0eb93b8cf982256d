//! One typed configuration: defaults < `weir.toml` < environment (`WEIR_…`) < flags.

mod accounts;
mod address;
mod edge;
mod ladder;
mod layers;
mod limits;
mod people;
mod recording;
mod restream;
mod rtmps;
mod secret;
mod shown;
mod tls;
mod turn;
mod webhooks;
mod workers;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use url::Url;
use weir_signaling::{EmbedConfig, Overflow, RoomsConfig};
use weir_turn::IceServerConfig;

pub use accounts::Accounts;
pub use edge::ProxyHeader;
pub use ladder::Ladder;
pub use layers::{ConfigError, Flags, load};
pub use limits::Limits;
pub use people::{Mail, OidcProvider};
pub use recording::Recording;
pub use restream::Restream;
pub use rtmps::Rtmps;
pub use secret::Secret;
pub use tls::Tls;
pub use turn::{Turn, urls as turn_urls};
pub use webhooks::Webhooks;
pub use workers::{Place, Workers};

/// Everything that can be set. Each leaf `a.b` of it is `b` under `[a]` in `weir.toml` and
/// `WEIR_A_B` in the environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Web, API, WHIP, WHEP, HLS, WebSocket.
    pub http: Http,
    /// HTTPS, and the server's certificate.
    pub tls: Tls,
    /// RTMP ingest.
    pub rtmp: Rtmp,
    /// RTMP ingest over TLS.
    pub rtmps: Rtmps,
    /// WebRTC media.
    pub media: Media,
    /// The sizes of a stream's picture.
    pub ladder: Ladder,
    /// Who gets in, and for how long.
    pub accounts: Accounts,
    /// How many requests a client may make.
    pub limits: Limits,
    /// Where state is kept.
    pub data: Data,
    /// STUN and TURN servers for clients.
    pub ice: Ice,
    /// The TURN server of this process.
    pub turn: Turn,
    /// Mail that the server sends.
    pub mail: Mail,
    /// OpenID providers by which people may log in, by their names in addresses.
    pub oidc: BTreeMap<String, OidcProvider>,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// Media workers.
    pub workers: Workers,
    /// Sending streams elsewhere.
    pub restream: Restream,
    /// The DVR window, recordings.
    pub recording: Recording,
    /// Figures of viewers.
    pub insight: Insight,
    /// Figures for whoever runs the server.
    pub metrics: Metrics,
    /// Logs.
    pub log: Log,
    /// Limits of rooms.
    pub rooms: Rooms,
    /// The player in other people's pages.
    pub embed: Embed,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Where the outside reaches the server, for example `https://live.example.org`. Empty: the
    /// address that each client used.
    #[serde(with = "optional_url")]
    pub public_url: Option<Url>,
    /// Reverse proxies on this machine and in private networks may say who asks: short for those
    /// networks in `trusted_proxies`, which goes before.
    pub behind_proxy: bool,
    /// Addresses and networks of reverse proxies that may say who asks, and whether by HTTPS.
    pub trusted_proxies: Vec<String>,
    /// In which header field they do: `x-forwarded-for` (with `x-forwarded-proto`) or `forwarded`.
    pub proxy_header: ProxyHeader,
    /// Takes passwords, keys and tokens over the Internet without TLS. Anybody on the way can read them.
    pub allow_insecure: bool,
    /// Connections at a time.
    pub max_connections: usize,
    /// The same from one address (or IPv6 network); whole offices share an address.
    pub max_connections_per_address: usize,
    /// Origins of pages elsewhere that may use the API with the cookies of our users, like
    /// `https://example.org`. Any other page may use it without cookies.
    pub cors_origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: any(8080),
            public_url: None,
            behind_proxy: false,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::XForwardedFor,
            allow_insecure: false,
            max_connections: weir_edge::Limits::default().connections,
            max_connections_per_address: weir_edge::Limits::default().connections_per_address,
            cors_origins: Vec::new(),
        }
    }
}

/// `[rtmp]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rtmp {
    /// Address and port to listen on.
    pub listen: SocketAddr,
}

impl Default for Rtmp {
    fn default() -> Self {
        Self { listen: any(1935) }
    }
}

/// The address of machines' metadata in every cloud: link-local, so that nobody else answers there.
const CLOUD_METADATA: &str = "http://169.254.169.254";

/// `[media]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// The one UDP address and port of all WebRTC media.
    pub udp: SocketAddr,
    /// Addresses that clients are told to send to. Empty: those of this machine's interfaces.
    pub advertise: Vec<IpAddr>,
    /// Threads of the media plane; 0 means one per core.
    pub shards: usize,
    /// Public addresses of a machine behind NAT, told to clients beside the others; `"auto"` asks the
    /// `stun:` servers of `ice.urls` for them.
    #[serde(deserialize_with = "one_or_more")]
    pub public_ip: Vec<PublicIp>,
    /// Asks the cloud in which this machine runs for its public addresses (AWS, Google Cloud, Azure, Hetzner,
    /// DigitalOcean), once at the start, and tells them to clients beside the others.
    pub discover_cloud: bool,
    /// Where clouds answer that.
    #[serde(with = "optional_url")]
    pub cloud_metadata: Option<Url>,
    /// Also take media over TCP on the same port number, for clients whose network blocks UDP.
    pub tcp: bool,
    /// Seconds without any packet after which a publisher is lost, 1 to 60. By WebRTC it may come back in
    /// its session for 30 s.
    pub publisher_timeout_seconds: u64,
    /// Seconds for which a broadcast waits for a publisher whose connection broke, 0 to 600; viewers
    /// stay meanwhile.
    pub grace: u64,
    /// The least that players are told to wait between receiving and showing a picture, in
    /// milliseconds. A stream may have its own.
    pub playout_delay_min: u16,
    /// The most that they may wait, up to 40,950 ms.
    pub playout_delay_max: u16,
    /// Forward error correction of the video towards viewers who can use it.
    pub flexfec: Flexfec,
    /// WebRTC viewers from which on no more are taken; 0: as many as the machine takes.
    pub max_viewers: usize,
    /// Base address of another Weir with the same streams, like `https://b.example.org`, to which
    /// publishers and viewers are sent (by WHIP and WHEP, with 307) while this server is full or stops.
    #[serde(with = "optional_url")]
    pub overflow: Option<Url>,
}

/// When viewers get repair packets (FlexFEC) beside the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flexfec {
    /// Never.
    Off,
    /// While packets are lost on the way and the way is long.
    Auto,
    /// While packets are lost on the way.
    Always,
}

impl From<Flexfec> for weir_sfu::Flexfec {
    fn from(flexfec: Flexfec) -> Self {
        match flexfec {
            Flexfec::Off => Self::Off,
            Flexfec::Auto => Self::Auto,
            Flexfec::Always => Self::Always,
        }
    }
}

/// A public address, or how to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PublicIp {
    /// Asks STUN servers.
    Auto,
    /// This one.
    Address(IpAddr),
}

impl TryFrom<String> for PublicIp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let bad = |_| format!("{text:?} is neither an IP address nor \"auto\"");
        text.parse().map(Self::Address).map_err(bad)
    }
}

impl From<PublicIp> for String {
    fn from(address: PublicIp) -> Self {
        match address {
            PublicIp::Auto => "auto".to_owned(),
            PublicIp::Address(address) => address.to_string(),
        }
    }
}

impl Default for Media {
    fn default() -> Self {
        Self {
            udp: any(7882),
            advertise: Vec::new(),
            shards: 0,
            public_ip: Vec::new(),
            discover_cloud: false,
            cloud_metadata: Url::parse(CLOUD_METADATA).ok(),
            tcp: true,
            publisher_timeout_seconds: 4,
            grace: 15,
            playout_delay_min: 0,
            playout_delay_max: 200,
            flexfec: Flexfec::Auto,
            max_viewers: 0,
            overflow: None,
        }
    }
}

impl Media {
    /// The publisher timeout as a duration.
    pub fn publisher_timeout(&self) -> Duration {
        Duration::from_secs(self.publisher_timeout_seconds)
    }

    /// The grace period as a duration.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }

    /// Least and greatest playout delay.
    pub fn playout_delay(&self) -> (Duration, Duration) {
        let millis = |millis: u16| Duration::from_millis(millis.into());
        (
            millis(self.playout_delay_min),
            millis(self.playout_delay_max),
        )
    }

    /// As the HTTP side takes it.
    pub fn overflow(&self) -> Overflow {
        Overflow {
            max_viewers: self.max_viewers,
            to: self.overflow.clone(),
        }
    }

    /// The addresses in `public_ip`.
    pub fn public_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.public_ip.iter().filter_map(|public| match public {
            PublicIp::Auto => None,
            PublicIp::Address(address) => Some(*address),
        })
    }
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// Folder for the database, secrets and media.
    pub dir: PathBuf,
    /// `sqlite://…` or `postgres://…`. Empty: SQLite in the data folder. A secret, since it may
    /// hold a password.
    pub database_url: Secret,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("./data"),
            database_url: Secret::default(),
        }
    }
}

/// `[ice]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ice {
    /// `stun:`, `turn:` and `turns:` URLs that clients are told of.
    pub urls: Vec<String>,
    /// The secret shared with those TURN servers (coturn's `static-auth-secret`).
    pub turn_secret: Secret,
}

impl Ice {
    /// Host and port of the STUN servers among them.
    pub fn stun_servers(&self) -> Vec<String> {
        /// RFC 8489 section 14: the port of `stun:` URLs without one.
        const PORT: &str = ":3478";
        let hosts = self.urls.iter().filter_map(|url| url.strip_prefix("stun:"));
        hosts
            .map(|host| {
                let after_address = host.rsplit(']').next().unwrap_or(host);
                match after_address.contains(':') {
                    true => host.to_owned(),
                    false => format!("{host}{PORT}"),
                }
            })
            .collect()
    }

    /// In the form that the turn crate checks.
    pub fn servers(&self) -> Vec<IceServerConfig> {
        if self.urls.is_empty() {
            return Vec::new();
        }
        vec![IceServerConfig {
            urls: self.urls.clone(),
            secret: self.turn_secret.expose().map(str::to_owned),
        }]
    }
}

/// `[insight]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Insight {
    /// Days for which single viewer sessions are kept, 1 to 3650.
    pub session_days: u32,
    /// Days for which figures by the minute are kept, 2 to 3650; those by the hour stay for ever.
    pub minute_days: u32,
}

impl Default for Insight {
    fn default() -> Self {
        let usual = weir_signaling::InsightConfig::default();
        Self {
            session_days: usual.session_days,
            minute_days: usual.minute_days,
        }
    }
}

impl Insight {
    /// In the form of the HTTP side.
    pub fn config(&self) -> weir_signaling::InsightConfig {
        weir_signaling::InsightConfig {
            session_days: self.session_days,
            minute_days: self.minute_days,
        }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Whoever sends this as bearer token may read `/metrics` from anywhere. Empty: nobody may.
    pub token: Secret,
    /// Networks from which `/metrics` may be read without it.
    pub allow: Vec<String>,
}

impl Default for Metrics {
    fn default() -> Self {
        let networks = weir_signaling::PRIVATE_NETWORKS.iter();
        Self {
            token: Secret::default(),
            allow: networks.map(|network| (*network).to_owned()).collect(),
        }
    }
}

impl Metrics {
    /// In the form of the HTTP side.
    ///
    /// # Errors
    /// The first network that is none.
    pub fn config(&self) -> Result<weir_signaling::MetricsConfig, String> {
        let allow = self.allow.iter().map(|text| {
            let bad = |_| format!("{text:?} is not a network like 10.0.0.0/8");
            text.parse().map_err(bad)
        });
        Ok(weir_signaling::MetricsConfig {
            token: self.token.expose().map(str::to_owned),
            allow: allow.collect::<Result<_, String>>()?,
        })
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// What is logged, in the form of `tracing`'s filter: `info`, `weir_sfu=debug,info`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            // It warns of every hello with an extension that it need not know.
            filter: "info,rtc_dtls=error".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// `[embed]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Embed {
    /// Who may show the player in a frame: origins like `https://example.org`, `'self'`, or `*` for
    /// everybody. Empty: nobody.
    pub frame_ancestors: Vec<String>,
}

impl Default for Embed {
    fn default() -> Self {
        Self {
            frame_ancestors: EmbedConfig::default().frame_ancestors,
        }
    }
}

impl Embed {
    /// As the HTTP side takes it.
    pub fn config(&self) -> EmbedConfig {
        EmbedConfig {
            frame_ancestors: self.frame_ancestors.clone(),
        }
    }
}

/// `[rooms]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// Connections in one room at most.
    pub max_members: u32,
    /// Joins from one address (or IPv6 network) a minute at most; whole offices share an address.
    pub joins_per_minute: u32,
    /// Chat messages that somebody may send at once.
    pub messages_burst: u32,
    /// Chat messages that somebody may send a minute in the long run.
    pub messages_per_minute: u32,
}

impl Default for Rooms {
    fn default() -> Self {
        let RoomsConfig {
            max_members,
            joins_per_minute,
            messages_burst,
            messages_per_minute,
        } = RoomsConfig::default();
        Self {
            max_members,
            joins_per_minute,
            messages_burst,
            messages_per_minute,
        }
    }
}

impl Rooms {
    /// As the HTTP side takes them.
    pub fn limits(&self) -> RoomsConfig {
        RoomsConfig {
            max_members: self.max_members,
            joins_per_minute: self.joins_per_minute,
            messages_burst: self.messages_burst,
            messages_per_minute: self.messages_per_minute,
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The STUN servers that are asked for the public address, where that was asked for.
    pub fn discover(&self) -> Vec<String> {
        match self.media.public_ip.contains(&PublicIp::Auto) {
            true => self.ice.stun_servers(),
            false => Vec::new(),
        }
    }

    /// The database's URL: the configured one, or SQLite in the data folder.
    pub fn database_url(&self) -> String {
        match self.data.database_url.expose() {
            Some(url) => url.to_owned(),
            None => weir_db::Db::sqlite_url(&self.data.dir.join("weir.db")),
        }
    }

    /// The base of the addresses shown on this machine: the configured public one, or where the
    /// server listens.
    pub fn base_url(&self) -> Url {
        if let Some(url) = &self.http.public_url {
            return url.clone();
        }
        let (scheme, listen) = match self.tls.listen {
            Some(listen) => ("https", listen),
            None => ("http", self.http.listen),
        };
        let host = match (self.tls.acme_names.first(), listen.ip()) {
            (Some(name), _) => name.clone(),
            (None, ip) if ip.is_unspecified() => "localhost".to_owned(),
            (None, IpAddr::V6(ip)) => format!("[{ip}]"),
            (None, IpAddr::V4(ip)) => ip.to_string(),
        };
        Url::parse(&format!("{scheme}://{host}:{}/", listen.port()))
            .expect("a host and a port make a URL")
    }

    /// Rules that span more than a type.
    fn check(&self) -> Result<(), ConfigError> {
        let bad = |key: &str, reason: &str| {
            Err(ConfigError::Value {
                key: key.to_owned(),
                origin: None,
                reason: reason.to_owned(),
            })
        };
        if !(1..=60).contains(&self.media.publisher_timeout_seconds) {
            return bad("media.publisher_timeout_seconds", "must be 1 to 60 seconds");
        }
        if let Err((key, reason)) = self.ladder.settings() {
            return bad(key, reason);
        }
        if self.media.shards > 256 {
            return bad("media.shards", "must be at most 256 (0 means one per core)");
        }
        if self.media.grace > 600 {
            return bad("media.grace", "must be 0 to 600 seconds");
        }
        let (least, most) = (self.media.playout_delay_min, self.media.playout_delay_max);
        if most > PLAYOUT_DELAY_MAX_MS {
            return bad(
                "media.playout_delay_max",
                "must be at most 40950 milliseconds",
            );
        }
        if least > most {
            return bad(
                "media.playout_delay_min",
                "must not be more than media.playout_delay_max",
            );
        }
        if self
            .media
            .public_addresses()
            .any(|address| address.is_unspecified())
        {
            return bad(
                "media.public_ip",
                "must be addresses that clients can send to, or \"auto\"",
            );
        }
        if self.media.public_ip.contains(&PublicIp::Auto) && self.discover().is_empty() {
            return bad(
                "media.public_ip",
                "\"auto\" needs a server to ask: add one to ice.urls, like stun:stun.example.org",
            );
        }
        if self.media.advertise.iter().any(IpAddr::is_unspecified) {
            return bad(
                "media.advertise",
                "must be addresses that clients can send to, not 0.0.0.0 or ::",
            );
        }
        if let Some(url) = &self.http.public_url
            && (!matches!(url.scheme(), "http" | "https") || url.path() != "/")
        {
            return bad(
                "http.public_url",
                "must be like https://live.example.org, without a path",
            );
        }
        let cloud = self.media.cloud_metadata.as_ref();
        if !cloud.is_some_and(|url| url.scheme() == "http" && url.path() == "/") {
            return bad(
                "media.cloud_metadata",
                "must be like http://169.254.169.254, without a path",
            );
        }
        if let Some(url) = &self.media.overflow
            && (!matches!(url.scheme(), "http" | "https") || url.path() != "/")
        {
            return bad(
                "media.overflow",
                "must be like https://b.example.org, without a path",
            );
        }
        for origin in &self.http.cors_origins {
            let url = Url::parse(origin);
            if !url.is_ok_and(|url| url.origin().ascii_serialization() == *origin) {
                return bad(
                    "http.cors_origins",
                    "must be like https://example.org, without a slash at the end",
                );
            }
        }
        if self.limits.settings().is_none() {
            return bad("limits.exempt", "must be networks like 192.0.2.0/24");
        }
        if let Err((key, reason)) = self.turn.check() {
            return bad(key, &reason);
        }
        if let Err((key, reason)) = self.http.check() {
            return bad(key, &reason);
        }
        if let Err((key, reason)) = self.tls.check() {
            return bad(key, reason);
        }
        if let Err((key, reason)) = self.rtmps.check(self.tls.listen.is_some()) {
            return bad(key, reason);
        }
        if let Err((key, reason)) = self.accounts.check() {
            return bad(key, reason);
        }
        let rooms = &self.rooms;
        for (key, value) in [
            ("rooms.max_members", rooms.max_members),
            ("rooms.joins_per_minute", rooms.joins_per_minute),
            ("rooms.messages_burst", rooms.messages_burst),
            ("rooms.messages_per_minute", rooms.messages_per_minute),
        ] {
            if value == 0 {
                return bad(key, "must be at least 1");
            }
        }
        if let Err(reason) = self.embed.config().check() {
            return bad("embed.frame_ancestors", &reason);
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log.filter).is_err() {
            return bad("log.filter", "must be like info or weir_sfu=debug,info");
        }
        if let Err((key, reason)) = self.workers.check() {
            return bad(key, reason);
        }
        if let Err((key, reason)) = self.webhooks.check() {
            return bad(key, reason);
        }
        if let Err((key, reason)) = self.recording.check() {
            return bad(key, reason);
        }
        if !(1..=3_650).contains(&self.insight.session_days) {
            return bad("insight.session_days", "must be 1 to 3650 days");
        }
        if !(2..=3_650).contains(&self.insight.minute_days) {
            return bad("insight.minute_days", "must be 2 to 3650 days");
        }
        if let Err(reason) = self.metrics.config() {
            return bad("metrics.allow", &reason);
        }
        if let Err(error) = weir_turn::IceServers::new(self.ice.servers()) {
            return bad("ice.urls", &error.to_string());
        }
        if let Err(reason) = self.mail().check() {
            let key = reason.split_whitespace().next().unwrap_or("mail");
            return bad(key, &reason);
        }
        for (id, provider) in &self.oidc {
            if let Err(error) = provider.read(id) {
                return bad(&format!("oidc.{id}"), &error);
            }
        }
        Ok(())
    }
}

/// The playout-delay header extension has 12 bits, in units of 10 ms.
pub const PLAYOUT_DELAY_MAX_MS: u16 = 40_950;

/// A list, or one value where a list would be pedantic.
fn one_or_more<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<PublicIp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    let texts = match OneOrMore::deserialize(input)? {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    let parsed: Result<_, String> = texts.into_iter().map(PublicIp::try_from).collect();
    parsed.map_err(serde::de::Error::custom)
}

/// All addresses, of IPv4 too. Where a machine has no IPv6, listeners take those of IPv4.
fn any(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
}

/// An absent URL is an empty text, so that every key has a place in the printed configuration.
mod optional_url {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use url::Url;

    pub fn serialize<S: Serializer>(url: &Option<Url>, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(url.as_ref().map_or("", Url::as_str))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Url>, D::Error> {
        let text = String::deserialize(input)?;
        if text.is_empty() {
            return Ok(None);
        }
        Url::parse(&text).map(Some).map_err(D::Error::custom)
    }
}
