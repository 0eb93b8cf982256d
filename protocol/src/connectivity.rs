//! How the server can be reached, as the connectivity doctor finds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Nothing to do.
    Ok,
    /// Some people are kept out, or may be soon.
    Warning,
    /// It does not work.
    Problem,
}

impl CheckState {
    /// The word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Defines the codes once: as words, and in a list.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// What a check found. The names are part of the API and do not change. In parentheses stand the
        /// values that belong to it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum CheckCode {
            $($(#[$doc])* $name,)+
        }

        impl CheckCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word, as in JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

codes! {
    /// The configuration is valid.
    ConfigurationValid = "configuration_valid",
    /// It is not (`reason`).
    ConfigurationInvalid = "configuration_invalid",
    /// A server runs in the data folder, and was asked (`address`).
    ServerRunning = "server_running",
    /// No server runs there (`folder`).
    ServerNotRunning = "server_not_running",
    /// One runs there and could not be asked (`address`, `reason`).
    ServerSilent = "server_silent",
    /// A service answers wherever it was asked (`service`, `addresses`).
    PortAnswers = "port_answers",
    /// It does not answer on this machine (`service`, `address`, `reason`).
    PortClosed = "port_closed",
    /// It answers on this machine, and not at an address of it that clients are told (`service`, `address`,
    /// `port`).
    PortBlocked = "port_blocked",
    /// No server runs, and the port can be had (`service`, `address`).
    PortFree = "port_free",
    /// No server runs, and the port cannot be had (`service`, `address`, `reason`).
    PortTaken = "port_taken",
    /// Nothing answers at the public address from here (`address`, `ports`).
    HairpinMissing = "hairpin_missing",
    /// Clients are told to send media to addresses that can be reached from outside (`addresses`).
    AddressPublic = "address_public",
    /// All addresses that clients are told are of a private network (`addresses`).
    AddressPrivate = "address_private",
    /// STUN servers see another address than any that clients are told (`public`, `addresses`).
    AddressBehindNat = "address_behind_nat",
    /// No STUN server answered (`servers`).
    StunSilent = "stun_silent",
    /// STUN servers see this machine (`public`).
    StunAnswers = "stun_answers",
    /// NAT gives each target another port (`seen`).
    NatSymmetric = "nat_symmetric",
    /// Clients are told a public IPv6 address (`address`).
    Ipv6Told = "ipv6_told",
    /// The machine has no public IPv6 address.
    Ipv6None = "ipv6_none",
    /// It has one that clients are not told (`address`).
    Ipv6Untold = "ipv6_untold",
    /// The kernel gives media the buffers that it asks for (`bytes`).
    UdpBuffersFit = "udp_buffers_fit",
    /// It gives less (`bytes`, `wanted`).
    UdpBuffersSmall = "udp_buffers_small",
    /// Enough files may be open (`limit`).
    OpenFilesFit = "open_files_fit",
    /// Few may (`limit`, `wanted`).
    OpenFilesFew = "open_files_few",
    /// Secrets cross the Internet by HTTPS only, or this server is not on it.
    SecretsCovered = "secrets_covered",
    /// The server is on the Internet without TLS: log-ins and stream keys are refused there.
    PlainHttpPublic = "plain_http_public",
    /// They are taken without TLS (`http.allow_insecure`).
    PlainHttpInsecure = "plain_http_insecure",
    /// The public address says HTTPS, and neither this server nor a trusted proxy speaks it (`url`).
    ProxyMissing = "proxy_missing",
    /// Proxies are trusted (`networks`).
    ProxiesTrusted = "proxies_trusted",
    /// Everybody is trusted to be a proxy (`networks`).
    ProxiesEverybody = "proxies_everybody",
    /// The certificate is good (`name`, `days`).
    CertificateGood = "certificate_good",
    /// It ends soon (`name`, `days`).
    CertificateEnding = "certificate_ending",
    /// It has ended, or has not begun (`name`).
    CertificateEnded = "certificate_ended",
    /// It is for other names (`name`, `names`).
    CertificateOtherName = "certificate_other_name",
    /// Browsers warn of it (`name`).
    CertificateSelfSigned = "certificate_self_signed",
    /// There is none (`reason`).
    CertificateMissing = "certificate_missing",
    /// There is a TURN server for clients whose network lets nothing else through.
    TurnElsewhere = "turn_elsewhere",
    /// There is none.
    TurnOff = "turn_off",
    /// It was wanted, and does not run (`address`).
    TurnMissing = "turn_missing",
    /// The clock is kept right.
    ClockSynchronised = "clock_synchronised",
    /// Nothing keeps it right.
    ClockLoose = "clock_loose",
    /// The data folder has room (`folder`, `free`).
    DiskRoom = "disk_room",
    /// It has little (`folder`, `free`).
    DiskFull = "disk_full",
    /// It cannot be written (`folder`, `reason`).
    DiskUnusable = "disk_unusable",
    /// The database answers (`kind`, `milliseconds`).
    DatabaseAnswers = "database_answers",
    /// It does not (`kind`, `reason`).
    DatabaseSilent = "database_silent",
    /// GStreamer has what media workers need.
    GstreamerComplete = "gstreamer_complete",
    /// It lacks elements (`elements`).
    GstreamerIncomplete = "gstreamer_incomplete",
    /// It does not start (`reason`).
    GstreamerBroken = "gstreamer_broken",
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectivityCheck {
    /// What was found.
    pub code: CheckCode,
    /// How bad that is.
    pub state: CheckState,
    /// What belongs to it, in no language: addresses, ports, figures. `service` is one of `http`, `https`,
    /// `rtmp`, `rtmps`, `media_udp`, `media_tcp`, `turn_udp`, `turn_tcp` and `turn_tls`.
    pub values: BTreeMap<String, String>,
    /// What it means, English.
    pub meaning: String,
    /// What to open or to set, English; absent where there is nothing to do.
    pub advice: Option<String>,
}

/// How people watched in the last hour, in milliseconds of watching.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransportsInUse {
    /// WebRTC over UDP. Who is relayed by a TURN server elsewhere counts here: the server sees that one only.
    pub udp_ms: u64,
    /// WebRTC over TCP.
    pub tcp_ms: u64,
    /// WebRTC through this server's TURN.
    pub turn_ms: u64,
    /// HLS.
    pub hls_ms: u64,
    /// WebRTC sessions that were answered and never connected.
    pub failed: u64,
}

impl TransportsInUse {
    /// All watching.
    pub fn total_ms(&self) -> u64 {
        self.udp_ms + self.tcp_ms + self.turn_ms + self.hls_ms
    }
}

/// `GET /api/v1/admin/connectivity`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connectivity {
    /// When the checks were made, in milliseconds since the Unix epoch. They are made anew when they are
    /// some seconds old.
    pub checked_at: i64,
    /// The checks.
    pub checks: Vec<ConnectivityCheck>,
    /// What viewers of this server used in the last hour.
    pub transports: TransportsInUse,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_json() {
        for code in CheckCode::ALL {
            let json = serde_json::to_value(code).expect("json");
            assert_eq!(json, serde_json::Value::from(code.as_str()));
        }
        for state in [CheckState::Ok, CheckState::Warning, CheckState::Problem] {
            let json = serde_json::to_value(state).expect("json");
            assert_eq!(json, serde_json::Value::from(state.as_str()));
        }
    }
}
