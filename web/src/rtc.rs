//! What whoever has a WebRTC session with the server shares: the player, and the studio that goes live.

mod fragment;
mod ice;
mod links;
mod relays;

pub use ice::{IceKeeper, Session};
pub use links::{IceServer, ice_servers, with_relation};
pub use relays::configuration;
