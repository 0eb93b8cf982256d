//! Threads, sockets and the bounded command API around the media plane ([`weir_sfu_core`]).
//!
//! One thread per shard (`worker`), each with its own socket on the one public UDP port
//! (`socket`). Callers hold a [`Sfu`], which is cheap to clone; all calls are bounded and none
//! blocks the media path.
//!
//! # Invariants
//! - No lock is taken on the packet path. Shards and callers speak through bounded inboxes
//!   (`inbox`); media that finds one full is dropped and counted, video to its next keyframe.
//! - A message of a data channel is never lost in silence: the channel is closed then (`rooms`).
//! - Events are never dropped: what the receiver's queue cannot take waits in its shard.
//! - A session's name holds its shard, and a stream's home shard follows from its id; so nothing
//!   is looked up across shards.

// In a test a panic is the message.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
mod discovery;
mod inbox;
mod needed;
mod relay;
mod rooms;
mod sfu;
mod shared;
mod socket;
mod tcp;
mod worker;

pub use api::*;
pub use relay::{RelayIn, RelayOut};
pub use sfu::{Ingest, Joined, Sfu, Tap};
pub use socket::{SocketBuffers, interface_addresses};
