//! Where strangers connect: listeners, TLS and its certificates, HTTP connections and their limits.
//!
//! ```text
//! plain port ─▶ server ─▶ census ─────────────────────────────▶ http ─▶ request ─▶ the handler
//! TLS port   ─▶ server ─▶ census ─▶ first_bytes ─TLS─▶ tls ───▶ http
//!                                      ├─ STUN framed by its length ─▶ the media plane (ICE over TCP)
//!                                      └─ STUN, bare or within TLS ──▶ a TURN server
//! ```
//!
//! It knows nothing of what the server says: a [`Handler`] answers requests, and hooks take what is
//! not HTTP. Everything that a stranger can make grow has a limit in [`Limits`].

mod activity;
mod address;
mod body;
mod census;
pub mod certificates;
mod first_bytes;
mod handshakes;
mod http;
mod limits;
mod listener;
mod proxies;
mod request;
mod server;
mod stream;
mod tls;

pub use address::is_public;
pub use body::{BoxError, RequestBody, ResponseBody};
pub use limits::Limits;
pub use listener::listen;
pub use proxies::{ForwardingField, TrustedProxies};
pub use request::{Client, Handler, Secure, handler};
pub use server::{Edge, EdgeConfig};
pub use tls::{ByteStream, Hooks, IceTcp, TurnStreams};
