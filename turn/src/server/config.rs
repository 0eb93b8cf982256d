//! What is set.

use std::{fmt, ops::RangeInclusive, time::Duration};

/// Ports of relayed addresses (RFC 8656 section 7.2 recommends these). Nothing is bound to them.
pub(crate) const PORTS: RangeInclusive<u16> = 49_152..=65_535;

/// How the server is set up.
#[derive(Clone)]
pub struct ServerConfig {
    /// What passwords are made with; see [`credentials`](crate::credentials).
    pub secret: Vec<u8>,
    /// Random, for nonces: new at each start.
    pub nonce_key: [u8; 32],
    /// Allocations in all, at most 16384 for each family of addresses.
    pub max_allocations: usize,
    /// Allocations of one user name: a client has a few interfaces and tries UDP, TCP and TLS.
    pub max_per_user: u32,
    /// Allocations of one address, or IPv6 /64. Whole offices share one.
    pub max_per_address: u32,
    /// Octets a second of one allocation, both ways together.
    pub allocation_bandwidth: u64,
    /// Octets a second of all, both ways together.
    pub bandwidth: u64,
    /// How long credentials still make allocations after their session is over: a player that comes back
    /// at once may know no others yet.
    pub grace: Duration,
}

impl ServerConfig {
    /// The usual limits: 4096 allocations, 24 of a user, 512 of an address, 20 Mbit/s for each and
    /// 1 Gbit/s for all; a minute of grace.
    pub fn new(secret: Vec<u8>, nonce_key: [u8; 32]) -> Self {
        Self {
            secret,
            nonce_key,
            max_allocations: 4_096,
            max_per_user: 24,
            max_per_address: 512,
            allocation_bandwidth: 20_000_000 / 8,
            bandwidth: 1_000_000_000 / 8,
            grace: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("max_allocations", &self.max_allocations)
            .field("max_per_user", &self.max_per_user)
            .field("max_per_address", &self.max_per_address)
            .field("allocation_bandwidth", &self.allocation_bandwidth)
            .field("bandwidth", &self.bandwidth)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
