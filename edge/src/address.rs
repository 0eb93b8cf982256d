//! What addresses say of who is behind them.

use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that one customer has: whoever has one address has all of its /64.
const CUSTOMER_BITS: u32 = 64;

/// Who is counted together: an IPv4 address, or a /64 of IPv6.
pub(crate) fn customer(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let kept = v6.to_bits() >> CUSTOMER_BITS << CUSTOMER_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(kept))
        }
        v4 => v4,
    }
}

/// Whether what comes from there has crossed the Internet: neither this machine, nor a private network
/// (RFC 1918, RFC 6598, RFC 4193), nor the same link.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_unspecified())
        }
    }
}

/// Whether both are on one link as far as their addresses say it: machines at home have public IPv6
/// addresses in one /64, and a machine may speak to itself by its public address.
pub(crate) fn are_neighbours(one: IpAddr, other: IpAddr) -> bool {
    customer(one) == customer(other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn private_networks_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:192.168.1.1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "203.0.113.1",
            "100.128.0.1",
            "172.32.0.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_customer_of_ipv6_has_a_network() {
        let customer = |text: &str| customer(text.parse().unwrap());
        assert_eq!(customer("2001:db8:0:1:2:3:4:5"), customer("2001:db8:0:1::"));
        assert_ne!(customer("2001:db8:0:1::"), customer("2001:db8:0:2::"));
        assert_ne!(customer("192.0.2.1"), customer("192.0.2.2"));
        assert_eq!(customer("::ffff:192.0.2.1"), customer("192.0.2.1"));
    }
}
