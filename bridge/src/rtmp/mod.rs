//! RTMP: the listener that takes publishers in, and a client that publishes.
//!
//! ```text
//! server ─▶ (tls) ─▶ session ─▶ handshake
//!              │  ▲
//!              │  └─ reader (trait) ◀─ chunk
//!              ├─ command ─ amf0        commands and replies
//!              └─▶ tracks ─▶ flv, config, timeline ─▶ sink (trait) ─▶ supervisor
//! ```
//!
//! All of it faces the network. Nothing here may panic on input, hold more memory than the
//! session's phase allows, or wait without a limit; the limits are constants in [`session`] and
//! [`server`].

mod amf0;
mod chunk;
pub mod client;
mod command;
mod complaints;
mod config;
mod drain;
mod flv;
mod handshake;
mod reader;
pub mod server;
pub mod session;
pub mod sink;
mod timeline;
mod tls;
mod tracks;

pub use client::{Client, ClientError, Metadata};
pub use drain::Drain;
pub use server::Server;
pub use session::Context;
pub use tls::Tls;
