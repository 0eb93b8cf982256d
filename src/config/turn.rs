//! The TURN server of this process.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use weir_turn::{IceServerConfig, IceServers, server::ServerConfig};

use super::{Config, address};

/// RFC 8656 section 2.
const PORT: u16 = 3478;

/// `[turn]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// Whether clients whose network lets nothing else through may send their media by TURN. Off also
    /// while `ice.urls` names a TURN server.
    pub enabled: bool,
    /// UDP and TCP address to listen on. Empty: port 3478 where the media port is; should that be taken,
    /// the rest runs without.
    #[serde(with = "address")]
    pub listen: Option<SocketAddr>,
    /// What clients are told of instead of what the addresses for media say: `turn:` and `turns:` URLs.
    pub urls: Vec<String>,
    /// Allocations at once, 1 to 16384. A client has one or two.
    pub max_allocations: u32,
    /// Allocations of one address (IPv6: /64) at once; whole offices share one.
    pub max_per_address: u32,
    /// Kilobits a second of one allocation, both ways together.
    pub max_kbps: u32,
    /// Megabits a second of all, both ways together.
    pub total_mbps: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: None,
            urls: Vec::new(),
            max_allocations: 4_096,
            max_per_address: 512,
            max_kbps: 20_000,
            total_mbps: 1_000,
        }
    }
}

impl Turn {
    /// In the form of the server.
    pub fn server(&self, secret: &[u8; 32], nonce_key: [u8; 32]) -> ServerConfig {
        ServerConfig {
            max_allocations: self.max_allocations as usize,
            max_per_address: self.max_per_address,
            allocation_bandwidth: u64::from(self.max_kbps) * 1_000 / 8,
            bandwidth: u64::from(self.total_mbps) * 1_000_000 / 8,
            ..ServerConfig::new(secret.to_vec(), nonce_key)
        }
    }

    /// What does not fit: the setting, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !(1..=16_384).contains(&self.max_allocations) {
            return Err(("turn.max_allocations", "must be 1 to 16384".to_owned()));
        }
        for (key, value) in [
            ("turn.max_per_address", self.max_per_address),
            ("turn.max_kbps", self.max_kbps),
            ("turn.total_mbps", self.total_mbps),
        ] {
            if value == 0 {
                return Err((key, "must be at least 1".to_owned()));
            }
        }
        if self.urls.is_empty() {
            return Ok(());
        }
        let told = IceServerConfig {
            urls: self.urls.clone(),
            secret: Some("present".to_owned()),
        };
        IceServers::new(vec![told]).map_err(|error| ("turn.urls", error.to_string()))?;
        let other = self.urls.iter().find(|url| !url.starts_with("turn"));
        match other {
            Some(url) => Err(("turn.urls", format!("{url:?} is no turn: or turns: URL"))),
            None => Ok(()),
        }
    }
}

impl Config {
    /// Where the TURN server listens, and whether that was said. None: there is none.
    pub fn turn_listen(&self) -> Option<(SocketAddr, bool)> {
        let elsewhere =
            IceServers::new(self.ice.servers()).is_ok_and(|servers| servers.have_turn());
        if !self.turn.enabled || elsewhere {
            return None;
        }
        if let Some(listen) = self.turn.listen {
            return Some((listen, true));
        }
        // Whoever wants any free port for media wants no certain one here.
        let port = if self.media.udp.port() == 0 { 0 } else { PORT };
        Some((SocketAddr::new(self.media.udp.ip(), port), false))
    }
}

/// What clients are told, where the media plane has these addresses: each over UDP, then over TCP.
pub fn urls(port: u16, media: &[SocketAddr]) -> Vec<String> {
    let mut hosts: Vec<IpAddr> = media.iter().map(SocketAddr::ip).collect();
    hosts.dedup();
    let of = |transport: &'static str| {
        hosts.clone().into_iter().map(move |host| match host {
            IpAddr::V4(ip) => format!("turn:{ip}:{port}?transport={transport}"),
            IpAddr::V6(ip) => format!("turn:[{ip}]:{port}?transport={transport}"),
        })
    };
    of("udp").chain(of("tcp")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn listen(change: impl FnOnce(&mut Config)) -> Option<(String, bool)> {
        let mut config = Config::default();
        change(&mut config);
        let found = config.turn_listen();
        found.map(|(address, said)| (address.to_string(), said))
    }

    #[test]
    fn it_listens_beside_media_unless_told_otherwise() {
        let usual = ("[::]:3478".to_owned(), false);
        assert_eq!(listen(|_| {}), Some(usual.clone()));
        let v4 = listen(|config| config.media.udp = "0.0.0.0:7000".parse().unwrap());
        assert_eq!(v4, Some(("0.0.0.0:3478".to_owned(), false)));
        let any = listen(|config| config.media.udp = "127.0.0.1:0".parse().unwrap());
        assert_eq!(any, Some(("127.0.0.1:0".to_owned(), false)));
        let said = listen(|config| config.turn.listen = Some("192.0.2.1:5349".parse().unwrap()));
        assert_eq!(said, Some(("192.0.2.1:5349".to_owned(), true)));
        assert_eq!(listen(|config| config.turn.enabled = false), None);
        assert_eq!(
            listen(|config| {
                config.ice.urls = vec!["turn:turn.example.org".to_owned()];
                config.ice.turn_secret = serde_json::from_str("\"hush\"").unwrap();
            }),
            None,
            "another one stands in its place"
        );
        let stun = listen(|config| config.ice.urls = vec!["stun:stun.example.org".to_owned()]);
        assert_eq!(stun, Some(usual));
    }

    #[test]
    fn urls_name_every_address_udp_first() {
        let media = ["192.0.2.1:7882", "[2001:db8::1]:7882"].map(|text| text.parse().unwrap());
        assert_eq!(
            urls(3478, &media),
            [
                "turn:192.0.2.1:3478?transport=udp",
                "turn:[2001:db8::1]:3478?transport=udp",
                "turn:192.0.2.1:3478?transport=tcp",
                "turn:[2001:db8::1]:3478?transport=tcp",
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let key = |change: &dyn Fn(&mut Turn)| {
            let mut turn = Turn::default();
            change(&mut turn);
            turn.check().err().map(|(key, _)| key)
        };
        assert_eq!(key(&|_| {}), None);
        assert_eq!(
            key(&|it| it.max_allocations = 0),
            Some("turn.max_allocations")
        );
        assert_eq!(
            key(&|it| it.max_allocations = 20_000),
            Some("turn.max_allocations")
        );
        assert_eq!(key(&|it| it.max_kbps = 0), Some("turn.max_kbps"));
        let urls = |url: &str| {
            let url = url.to_owned();
            key(&move |it: &mut Turn| it.urls = vec![url.clone()])
        };
        assert_eq!(urls("turns:live.example.org:443?transport=tcp"), None);
        assert_eq!(urls("stun:live.example.org"), Some("turn.urls"));
        assert_eq!(urls("https://live.example.org"), Some("turn.urls"));
    }
}
