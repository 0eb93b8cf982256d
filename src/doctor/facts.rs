//! What was found, before anybody says what it means.

use std::net::{IpAddr, SocketAddr};

/// Everything that was gathered. What could not be looked at is absent.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub ports: Vec<PortFacts>,
    pub addresses: Addresses,
    pub stun: Option<Stun>,
    pub http: Http,
    pub certificate: Option<Result<Certificate, String>>,
    pub turn: TurnServer,
    pub buffers: Option<Buffers>,
    pub open_files: Option<OpenFiles>,
    pub clock_synchronised: Option<bool>,
    pub disk: Option<Disk>,
    pub database: Option<Database>,
    pub gstreamer: Option<Result<Vec<String>, String>>,
}

/// Something that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Http,
    Https,
    Rtmp,
    Rtmps,
    MediaUdp,
    MediaTcp,
    TurnUdp,
    TurnTcp,
    TurnTls,
}

impl Service {
    /// As the API says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
            Self::MediaUdp => "media_udp",
            Self::MediaTcp => "media_tcp",
            Self::TurnUdp => "turn_udp",
            Self::TurnTcp => "turn_tcp",
            Self::TurnTls => "turn_tls",
        }
    }

    /// A port as firewalls write it.
    pub fn port(self, port: u16) -> String {
        match self {
            Self::MediaUdp | Self::TurnUdp => format!("UDP {port}"),
            _ => format!("TCP {port}"),
        }
    }
}

/// What became of a service's port.
#[derive(Debug, Clone)]
pub struct PortFacts {
    pub service: Service,
    pub port: Port,
}

#[derive(Debug, Clone)]
pub enum Port {
    /// A server runs: whether it answers at each address.
    Tried(Vec<Try>),
    /// None runs, and the port can be had.
    Free(SocketAddr),
    /// None runs, and it cannot.
    Taken(SocketAddr, String),
}

/// One service, asked at one address.
#[derive(Debug, Clone)]
pub struct Try {
    pub address: SocketAddr,
    pub place: Place,
    pub answered: Result<(), String>,
}

/// What an address is to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where it must answer if it listens at all.
    Here,
    /// One of this machine that clients are told.
    Own,
    /// Of another machine that has to pass it on: a router, a host of containers.
    Elsewhere,
}

/// What clients are told, and what this machine has.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    pub told: Vec<IpAddr>,
    pub own: Vec<IpAddr>,
}

/// What STUN servers said. All were asked from one port.
#[derive(Debug, Clone, Default)]
pub struct Stun {
    pub servers: Vec<String>,
    pub seen: Vec<SocketAddr>,
}

/// What of the settings says how secrets travel.
#[derive(Debug, Clone, Default)]
pub struct Http {
    /// On the Internet, and nobody speaks TLS.
    pub plain_and_public: bool,
    pub allow_insecure: bool,
    pub speaks_tls: bool,
    /// Networks of trusted proxies.
    pub proxies: Vec<String>,
    pub public_url: Option<String>,
}

/// The one that the server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// For which name it should be.
    pub name: String,
    /// Whether it is for that.
    pub fits: bool,
    /// For which it is.
    pub names: Vec<String>,
    pub self_signed: bool,
    pub has_begun: bool,
    /// Whole days until its end; negative when it has ended.
    pub days_left: i64,
    /// Its issuer replaces it while it is short of its end, and not before: what is shorter than this is
    /// late.
    pub late_days: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TurnServer {
    #[default]
    Off,
    /// One that was configured.
    Elsewhere,
    /// Ours.
    Here,
    /// Ours, which could not listen.
    Missing(SocketAddr),
}

#[derive(Debug, Clone, Copy)]
pub struct Buffers {
    pub bytes: usize,
    pub wanted: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct OpenFiles {
    pub limit: u64,
    pub wanted: u64,
}

#[derive(Debug, Clone)]
pub struct Disk {
    pub folder: String,
    pub free: Result<u64, String>,
}

#[derive(Debug, Clone)]
pub struct Database {
    pub kind: &'static str,
    pub milliseconds: Result<f64, String>,
}
