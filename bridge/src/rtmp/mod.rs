//! RTMP: the listener that takes publishers in, and a client that publishes.
//!
//! ```text
//! server ─▶ session ─▶ handshake
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
mod config;
mod flv;
mod handshake;
mod reader;
pub mod server;
pub mod session;
pub mod sink;
mod timeline;
mod tracks;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use client::{Client, ClientError};
pub use server::serve_into;

use crate::output::Gate;
use crate::supervisor::Bridge;

/// Serves RTMP publishers until `cancel`: whoever the gate admits becomes a source of the bridge.
pub async fn serve(
    listener: TcpListener,
    gate: Arc<dyn Gate>,
    bridge: Bridge,
    cancel: CancellationToken,
) {
    serve_into(listener, gate, Arc::new(bridge), cancel).await;
}
