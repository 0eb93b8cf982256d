//! The media plane as pure state machines over str0m in RTP mode: ingest, route, egress.
//!
//! Time and datagrams go in, datagrams and events come out. Nothing here opens a socket, reads a
//! clock or knows of tokio, HTTP, SQL or files, so that tests run in virtual time.
//!
//! # The way of a packet
//! [`Shard::handle_datagram`] finds the session (`demux`), str0m decrypts (`transport`), `ingest`
//! makes a [`MediaPacket`] of it, once. `route` knows the stream's viewers and the other shards that
//! have some; each shard gets the packet once, behind an `Arc`. `egress` gives it the viewer's own
//! numbers (`munge`) and seals it. What a frame makes for one viewer is gathered in the `outbox` and
//! leaves as one [`Transmit`].
//!
//! # Invariants
//! - A stream's source is always at the stream's home shard ([`Shard::home`]); viewers are anywhere.
//! - There is at most one source per stream: the newest. Each run of a source has an [`Epoch`], and
//!   packets of an older epoch never reach a viewer after a newer one.
//! - A viewer's sequence numbers and timestamps go on across every change of the source; its video
//!   begins, and begins again, at a keyframe.
//! - Audio and video of a source are placed on one timeline (`clock`), and nothing is captured in
//!   the future; so sender reports keep them together.
//! - A payload is stored once, however many viewers and retransmissions use it.
//! - Every list that a peer can make grow has a named limit.

// In a test a panic is the message.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod allocation;
mod answer;
mod api;
mod bridge_ingest;
mod bwe;
mod clock;
mod data;
mod demand;
mod demux;
mod dtls;
mod egress;
mod extension;
mod flexfec;
mod ice;
mod id;
mod ingest;
mod keyframe;
mod layers;
mod media_keys;
mod munge;
mod nack;
mod outbox;
mod packet;
mod paths;
mod route;
mod scalability;
mod sdp;
mod session;
mod shard;
mod store;
mod tap;
mod throttle;
mod transport;
mod wallclock;
mod wheel;

pub use api::{
    EndReason, LayerChoice, LayerStats, OfferError, SfuEvent, SfuStats, StreamStats, ViewerStats,
};
pub use data::{DataEvent, MAX_MESSAGE, SendDataError};
pub use flexfec::Flexfec;
pub use ice::{IceAnswer, IceParameters, IceRestartError};
pub use id::{SessionId, StreamId};
pub use outbox::{Path, Transmit, Via};
pub use packet::{
    Epoch, H264Profile, LayerId, MediaPacket, PictureSize, Scalability, SourceInfo, clock_rate,
};
pub use shard::{IngestId, Output, Shard, ShardConfig, ShardMessage};
pub use wallclock::Wallclock;
