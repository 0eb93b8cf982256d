//! Which addresses the server connects to on somebody's behalf. Whoever may name one could otherwise have
//! the server ask its own network (server-side request forgery).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// Looks a host up and gives the addresses that may be connected to; with `allow_private` also those of
/// the server's own network. Whoever connects must take these and not ask again: a second answer of the
/// DNS might be another one.
///
/// # Errors
/// When it has no address, or `PermissionDenied` for one that is refused: a name with a public and a
/// private one is up to no good.
pub async fn resolve(host: &str, port: u16, allow_private: bool) -> io::Result<Vec<SocketAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    if found.is_empty() {
        return Err(io::Error::other("the host has no address"));
    }
    let refused = found.iter().find_map(|address| refusal(address.ip()));
    match refused.filter(|_| !allow_private) {
        Some(why) => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the host's address is {why}; it must be a public one"),
        )),
        None => Ok(found),
    }
}

/// Why nothing goes to this address; `None` for public ones. By the IANA registries of special-purpose
/// addresses (RFC 6890), whatever form the address is wrapped in.
pub(crate) fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address),
        IpAddr::V6(address) => refusal_v6(address),
    }
}

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Some("unspecified"),
        (127, ..) => Some("this machine"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("private"),
        // RFC 6598: behind a provider's NAT.
        (100, 64..=127, _) => Some("private (shared)"),
        // Cloud providers' metadata services too.
        (169, 254, _) => Some("link-local"),
        (192, 0, 0) | (198, 18..=19, _) => Some("reserved"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Some("for documentation"),
        // 6to4 relays, RFC 7526.
        (192, 88, 99) => Some("reserved"),
        (224..=239, ..) => Some("multicast"),
        (240..=255, ..) => Some("reserved"),
        _ => None,
    }
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("this machine"),
        // IPv4-mapped, and the compatible form that is no more (RFC 4291 section 2.5.5).
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => refusal_v4(inner(high, low)),
        // NAT64 (RFC 6052); its local-use prefix (RFC 8215) is refused below.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => refusal_v4(inner(high, low)),
        // 6to4, RFC 3056.
        [0x2002, high, low, ..] => refusal_v4(inner(high, low)),
        // Teredo and other protocol assignments, 2001::/23.
        [0x2001, 0..=0x1ff, ..] => Some("reserved"),
        [0x2001, 0xdb8, ..] => Some("for documentation"),
        [0x3fff, 0..=0xfff, ..] => Some("for documentation"),
        [0xfc00..=0xfdff, ..] => Some("private"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("private (site-local)"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        // Global unicast, 2000::/3; nothing else is assigned.
        [0x2000..=0x3fff, ..] => None,
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_public_addresses_are_taken() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
        ] {
            assert!(refusal(address.parse().unwrap()).is_some(), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2a00:1450::1",
        ] {
            assert_eq!(refusal(address.parse().unwrap()), None, "{address}");
        }
    }

    #[tokio::test]
    async fn addresses_are_judged_after_the_look_up() {
        let refused = resolve("localhost", 1935, false).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(!resolve("[::1]", 1935, true).await.unwrap().is_empty());
        assert!(resolve("[::1]", 1935, false).await.is_err());
    }
}
