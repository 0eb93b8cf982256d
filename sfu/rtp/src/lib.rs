//! RTP, RTCP and SRTP as bytes: what stands on the wire, and nothing of sessions, time or sockets.
//!
//! Everything here takes what comes from the network, so nothing here may panic on any input.

// In a test a panic is the message.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod flexfec;
mod malformed;
pub mod packet;
pub mod picture_ids;
pub mod red;
pub mod rfc4571;
pub mod rtcp;
pub mod srtp;
pub mod twcc;

pub use malformed::Malformed;
