//! The HTTP side as a client sees it: a real media plane on loopback, a real database in a temporary
//! folder, the router on an ephemeral port, and WebRTC peers that connect and send.

#![allow(clippy::unwrap_used, missing_docs)]

mod account;
mod client;
mod events;
mod findings;
mod hls;
mod layer;
mod matrix;
mod operations;
mod peer;
mod second_factor;
mod server;
mod site;
mod whep;
mod whip;
mod wish;
