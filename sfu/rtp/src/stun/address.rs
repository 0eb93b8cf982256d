//! Addresses in attributes, mixed with the magic cookie so that no middlebox takes them for addresses
//! and rewrites them (RFC 8489 section 14.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{MAGIC, Transaction};

/// The value of an XOR-…-ADDRESS attribute; `None` when it is none.
pub fn read_xor_address(transaction: &Transaction, value: &[u8]) -> Option<SocketAddr> {
    let [_, family, p0, p1, address @ ..] = value else {
        return None;
    };
    let [m0, m1, m2, m3] = MAGIC;
    let port = u16::from_be_bytes([p0 ^ m0, p1 ^ m1]);
    let ip = match (family, address) {
        (1, [a, b, c, d]) => IpAddr::V4(Ipv4Addr::new(a ^ m0, b ^ m1, c ^ m2, d ^ m3)),
        (2, address) => {
            let mut octets: [u8; 16] = address.try_into().ok()?;
            let mask = MAGIC.iter().chain(transaction);
            octets.iter_mut().zip(mask).for_each(|(o, m)| *o ^= m);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Appends the value of an XOR-…-ADDRESS attribute: 8 octets, or 20 for IPv6.
pub(super) fn write_xor_address(out: &mut Vec<u8>, transaction: &Transaction, address: SocketAddr) {
    let [p0, p1] = address.port().to_be_bytes();
    let family = if address.is_ipv4() { 1 } else { 2 };
    out.extend([0, family, p0 ^ MAGIC[0], p1 ^ MAGIC[1]]);
    let mask = MAGIC.iter().chain(transaction);
    match address.ip() {
        IpAddr::V4(ip) => out.extend(ip.octets().iter().zip(mask).map(|(o, m)| o ^ m)),
        IpAddr::V6(ip) => out.extend(ip.octets().iter().zip(mask).map(|(o, m)| o ^ m)),
    }
}
