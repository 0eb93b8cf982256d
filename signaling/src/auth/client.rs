//! Where a request comes from, and what sent it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};

use crate::App;

/// Longest name of a program that names no browser, in characters.
const PROGRAM_MAX: usize = 64;

/// Where the client is. The edge has judged already whose word about that is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // Without it, all clients share one count: strict, never open.
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Ok(Self(peer.map_or(unknown, |info| info.0.ip())))
    }
}

impl ClientAddress {
    /// The network around it, which is what may be kept: 256 addresses, or one customer's of IPv6.
    pub(crate) fn network(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(v6) => {
                let bits = v6.to_bits() & !(u128::MAX >> 48);
                format!("{}/48", std::net::Ipv6Addr::from_bits(bits))
            }
        }
    }
}

/// What the user recognises a device by, like `Firefox on Linux`. Not the whole User-Agent: it says
/// more than anybody needs, and changes with each update.
pub(crate) fn device_name(headers: &HeaderMap) -> String {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    // The order matters: all of them claim to be the ones below.
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Macintosh", "macOS"),
        ("Linux", "Linux"),
    ];
    let first_of = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    match (first_of(&BROWSERS), first_of(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => {
            let program = agent.split(['/', ' ']).next().unwrap_or_default();
            match program {
                "" => "unknown".to_owned(),
                program => program.chars().take(PROGRAM_MAX).collect(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_are_cut_to_networks() {
        let network = |text: &str| ClientAddress(text.parse().unwrap()).network();
        assert_eq!(network("198.51.100.7"), "198.51.100.0/24");
        assert_eq!(network("::ffff:198.51.100.7"), "198.51.100.0/24");
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1::/48");
    }

    #[test]
    fn devices_have_names_that_people_know() {
        let name = |agent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            device_name(&headers)
        };
        assert_eq!(
            name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on Linux"
        );
        assert_eq!(
            name(
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
            ),
            "Chrome on Android"
        );
        assert_eq!(
            name(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
            ),
            "Safari on macOS"
        );
        assert_eq!(name("curl/8.9.1"), "curl");
        assert_eq!(name(&"x".repeat(300)).len(), PROGRAM_MAX);
        assert_eq!(device_name(&HeaderMap::new()), "unknown");
    }
}
