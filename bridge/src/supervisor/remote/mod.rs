//! Workers on other machines.
//!
//! The machine that has processors to spare dials the server (`weir bridge-worker --connect`): it needs no
//! open port. Each connection is TLS and stands for one slot: it waits in the server's [`Pool`] until a
//! stream is placed on it, and then carries that stream's link, the same messages as between a server
//! and its own workers. The far end relays them to a child process, so that a codec that crashes costs
//! one stream there too. When the stream ends, the connection does, and another one takes its place.

mod connector;
mod listener;
mod tls;

pub use connector::{ConnectorConfig, connect};
pub use listener::{Pool, TokenHash};
pub use tls::{Trust, fingerprint, fingerprint_text, identity, read_fingerprint};

pub use tokio_rustls::rustls::ServerConfig as TlsConfig;

use crate::link::VERSION;

/// What a worker's side says first; its link's version and its token follow.
const MAGIC: &[u8; 8] = b"WEIRWORK";

/// Longest token in bytes.
const TOKEN_MAX: usize = 256;

/// The server's one byte of an answer.
const WELCOME: u8 = 0;
const BAD_TOKEN: u8 = 1;
const OTHER_VERSION: u8 = 2;

/// What a server keeps of a token.
pub fn token_hash(token: &str) -> TokenHash {
    fingerprint(token.as_bytes())
}

/// The first bytes of a connection.
fn greeting(token: &str) -> Vec<u8> {
    let length = u16::try_from(token.len().min(TOKEN_MAX)).unwrap_or(0);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(&token.as_bytes()[..length.into()]);
    bytes
}
