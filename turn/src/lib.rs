//! Short-lived TURN credentials ([`credentials`]) and the ICE servers that a session is told of
//! ([`IceServers`]), as objects for a browser and as the `Link` header fields of RFC 9725.

pub mod credentials;
mod ice_servers;

pub use ice_servers::{IceServer, IceServerConfig, IceServers, IceServersError};
