//! TURN: short-lived credentials ([`credentials`]), the ICE servers that a session is told of
//! ([`IceServers`]) as objects for a browser and as the `Link` header fields of RFC 9725, and a TURN
//! server that relays to the media plane of this process: as a state machine ([`server`]), and with
//! sockets around it ([`Turn`]).

// In a test a panic is the message.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod credentials;
mod ice_servers;
mod io;
pub mod probe;
pub mod server;

pub use ice_servers::{EmbeddedServer, IceServer, IceServerConfig, IceServers, IceServersError};
pub use io::{Media, Turn};
