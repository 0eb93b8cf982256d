//! RTP, RTCP and SRTP as bytes: what stands on the wire, and nothing of sessions, time or sockets.
//!
//! Everything here takes what comes from the network, so nothing here may panic on any input.

// In a test a panic is the message.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod av1;
mod bit_reader;
pub mod dependency_descriptor;
pub mod flexfec;
pub mod h264;
mod malformed;
pub mod packet;
pub mod picture_ids;
pub mod red;
pub mod rfc4571;
pub mod rtcp;
pub mod srtp;
pub mod stun;
pub mod twcc;
pub mod vp8;
pub mod vp9;

pub use malformed::Malformed;
