//! Threads, sockets and the bounded command API around the media plane ([`weir_sfu_core`]).
//!
//! One thread per shard, each with its own socket on the one public UDP port. Callers hold a
//! [`Sfu`], which is cheap to clone; all calls are bounded and none blocks the media path.

pub mod api;
mod sfu;

pub use api::*;
pub use sfu::{Ingest, Sfu, Tap};
pub use weir_sfu_core::{SessionId, StreamId};
