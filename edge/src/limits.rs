//! How much strangers may take.

use std::time::Duration;

/// Limits of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. Beyond, new ones are closed at once.
    pub connections: usize,
    /// The same from one address (IPv6: from one /64). Whole offices share an address, and a browser
    /// without HTTP/2 opens six connections. Trusted proxies have no such limit.
    pub connections_per_address: usize,
    /// Connections that have not made a request yet: where handshakes are paid for.
    pub strangers: usize,
    /// The same from one address (IPv6: from one /64).
    pub strangers_per_address: usize,
    /// TLS handshakes a second with one address (IPv6: with one /64), after as many as it did not use in
    /// ten seconds; more wait their turn. Trusted proxies have no such limit.
    pub handshakes_per_address: u32,
    /// From the connection to what tells its protocol, and then to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the connection, or the end of its handshake, to the end of the first request's header;
    /// later from the first byte of a header to its end.
    pub header: Duration,
    /// For how long a connection is kept on which nothing is asked and nothing answered. Longer than
    /// what proxies keep theirs for (60 s), or they send requests into connections that just end.
    pub idle: Duration,
    /// How long a request's body may be waited for in all, beside the time that its bytes have at
    /// `body_rate`.
    pub body: Duration,
    /// Bytes a second of a request's body.
    pub body_rate: u64,
    /// A client that takes less than `Limits::PROGRESS` bytes of what is to be written for this long
    /// is cut. As usual with web servers: a browser that is paused asks anew for the rest.
    pub write: Duration,
}

impl Limits {
    /// Bytes that a client who reads slowly must take within [`Limits::write`].
    pub const PROGRESS: usize = 16 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 2_048,
            strangers: 4_096,
            strangers_per_address: 256,
            handshakes_per_address: 100,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(20),
            body_rate: 4 * 1024,
            write: Duration::from_secs(60),
        }
    }
}
