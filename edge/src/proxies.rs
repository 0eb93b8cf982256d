//! Which proxies are believed, and what they say of who asks.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The machine's own and private networks (RFC 1918, RFC 4193), where a reverse proxy usually stands.
const PRIVATE: [&str; 6] = [
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
];

/// The header field in which proxies say who asks. Only one is read: a proxy that writes one passes on
/// the other as the client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardingField {
    /// `X-Forwarded-For`, and with it `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Reverse proxies whose word is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    field: ForwardingField,
}

/// What a request is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    pub(crate) https: bool,
}

impl TrustedProxies {
    /// Proxies in these networks.
    pub fn new(networks: Vec<IpNet>, field: ForwardingField) -> Self {
        Self { networks, field }
    }

    /// Proxies on this machine and in private networks.
    pub fn private(field: ForwardingField) -> Self {
        let networks = PRIVATE.iter().filter_map(|network| network.parse().ok());
        Self::new(networks.collect(), field)
    }

    /// Where they are.
    pub fn networks(&self) -> Vec<String> {
        self.networks.iter().map(ToString::to_string).collect()
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether the word of this peer is taken.
    pub(crate) fn trust(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Who asks, and whether by HTTPS, of a connection from `peer` that is TLS or not. From the right,
    /// since each proxy appends: the first address that is no trusted proxy's is the client's. What
    /// stands left of it is the client's own word.
    pub(crate) fn origin(&self, peer: SocketAddr, tls: bool, headers: &HeaderMap) -> Origin {
        let direct = Origin {
            address: peer,
            https: tls,
        };
        if !self.trust(peer.ip()) {
            return direct;
        }
        let (hops, proto) = match self.field {
            ForwardingField::XForwarded => (
                elements(headers, "x-forwarded-for")
                    .map(|text| Some(text.to_owned()))
                    .collect::<Vec<_>>(),
                elements(headers, "x-forwarded-proto")
                    .last()
                    .map(str::to_owned),
            ),
            ForwardingField::Forwarded => {
                let hops: Vec<_> = elements(headers, "forwarded").collect();
                let proto = hops.last().and_then(|hop| parameter(hop, "proto"));
                let hops = hops.iter().map(|hop| parameter(hop, "for")).collect();
                (hops, proto)
            }
        };
        let mut address = peer;
        for hop in hops.into_iter().rev() {
            // Whoever is hidden (RFC 7239 section 6.3) is known by the proxy that says so.
            let Some(found) = hop.as_deref().and_then(node) else {
                break;
            };
            address = found;
            if !self.trust(found.ip()) {
                break;
            }
        }
        let https = proto.map_or(tls, |proto| proto.eq_ignore_ascii_case("https"));
        Origin { address, https }
    }
}

/// All elements of a list that may stand in several fields.
fn elements<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let fields = headers.get_all(name).into_iter();
    // A field that is no text hides what it says, and must not show what stands left of it.
    fields
        .flat_map(|field| field.to_str().unwrap_or("unknown").split(','))
        .map(str::trim)
}

/// A parameter of an element of `Forwarded`, without its quotes. Commas within quotes do not occur in
/// addresses and schemes; an element that is torn by one names nobody.
fn parameter(element: &str, name: &str) -> Option<String> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let value = pairs
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .next()?;
    Some(value.trim_matches('"').to_owned())
}

/// An address with or without a port; IPv6 with a port stands in brackets. Port 0 is none.
fn node(text: &str) -> Option<SocketAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip.to_canonical(), 0));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(SocketAddr::new(address.ip().to_canonical(), address.port()));
    }
    let bare = text.strip_prefix('[')?.strip_suffix(']')?;
    Some(SocketAddr::new(bare.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(
        proxies: &TrustedProxies,
        peer: &str,
        fields: &[(&'static str, &str)],
    ) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        let origin = proxies.origin(peer, false, &headers);
        (origin.address.ip().to_string(), origin.https)
    }

    fn site() -> TrustedProxies {
        let networks = ["192.0.2.0/28", "2001:db8:ff::/48"];
        let networks = networks.map(|network| network.parse().unwrap());
        TrustedProxies::new(networks.to_vec(), ForwardingField::XForwarded)
    }

    #[test]
    fn strangers_say_nothing() {
        let forged = [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=127.0.0.1;proto=https"),
        ];
        for proxies in [site(), TrustedProxies::default()] {
            let (address, https) = asked(&proxies, "203.0.113.5", &forged);
            assert_eq!((address.as_str(), https), ("203.0.113.5", false));
        }
    }

    #[test]
    fn the_client_is_the_first_from_the_right_that_is_no_proxy() {
        let proxies = site();
        let of = |fields: &[(&'static str, &str)]| asked(&proxies, "192.0.2.1", fields).0;
        let list = |text: &str| of(&[("x-forwarded-for", text)]);
        assert_eq!(list("203.0.113.5"), "203.0.113.5");
        assert_eq!(list("127.0.0.1, 203.0.113.5"), "203.0.113.5");
        assert_eq!(list("127.0.0.1, 203.0.113.5, 192.0.2.7"), "203.0.113.5");
        assert_eq!(list("192.0.2.8,192.0.2.7"), "192.0.2.8", "all are proxies");
        assert_eq!(list("127.0.0.1, nonsense"), "192.0.2.1");
        assert_eq!(list("127.0.0.1, nonsense, 192.0.2.7"), "192.0.2.7");
        assert_eq!(list("203.0.113.5:4711"), "203.0.113.5");
        assert_eq!(list("[2001:db8::5]:4711"), "2001:db8::5");
        assert_eq!(list("2001:db8::5"), "2001:db8::5");
        assert_eq!(list("::ffff:203.0.113.5"), "203.0.113.5");
        assert_eq!(of(&[]), "192.0.2.1");
        // A client's own field stands before the proxy's.
        let two = [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-for", "203.0.113.5"),
        ];
        assert_eq!(of(&two), "203.0.113.5");
        let v6 = asked(
            &proxies,
            "2001:db8:ff::1",
            &[("x-forwarded-for", "203.0.113.5")],
        );
        assert_eq!(v6.0, "203.0.113.5");
        let mapped = [("x-forwarded-for", "203.0.113.5")];
        assert_eq!(
            asked(&proxies, "::ffff:192.0.2.1", &mapped).0,
            "203.0.113.5"
        );
    }

    #[test]
    fn a_proxy_says_whether_it_was_https() {
        let https = |proto: &str| asked(&site(), "192.0.2.1", &[("x-forwarded-proto", proto)]).1;
        assert!(https("https") && https("HTTPS") && https("http, https"));
        assert!(!https("http") && !https("https, http"));
    }

    #[test]
    fn only_the_field_that_the_proxies_write_is_read() {
        let networks = site().networks;
        let standard = TrustedProxies::new(networks, ForwardingField::Forwarded);
        let of = |fields: &[(&'static str, &str)]| asked(&standard, "192.0.2.1", fields);
        let forged = ("x-forwarded-for", "127.0.0.1");
        let told = of(&[
            forged,
            (
                "forwarded",
                "for=127.0.0.1, For=\"[2001:db8::5]:99\";proto=https;by=_x",
            ),
        ]);
        assert_eq!(told, ("2001:db8::5".to_owned(), true));
        assert_eq!(of(&[forged]).0, "192.0.2.1");
        assert_eq!(
            of(&[("forwarded", "for=_hidden;proto=https")]).0,
            "192.0.2.1"
        );
        assert_eq!(
            of(&[("forwarded", "for=127.0.0.1, for=\"a,b\"")]).0,
            "192.0.2.1"
        );
        let forged = [("forwarded", "for=127.0.0.1;proto=https")];
        assert_eq!(asked(&site(), "192.0.2.1", &forged).0, "192.0.2.1");
    }

    #[test]
    fn private_proxies_are_near() {
        let proxies = TrustedProxies::private(ForwardingField::XForwarded);
        assert_eq!(proxies.networks.len(), PRIVATE.len());
        for near in ["127.0.0.1", "::1", "172.17.0.1", "fd00::1"] {
            assert!(proxies.trust(near.parse().unwrap()), "{near}");
        }
        assert!(!proxies.trust("203.0.113.5".parse().unwrap()));
    }
}
