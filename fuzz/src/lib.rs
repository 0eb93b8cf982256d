//! What each fuzz target does with an input. None may panic, and what is checked here must hold for
//! any octets.

pub mod dependency_descriptor;
pub mod framing;
pub mod rewrite;
pub mod rtmp;
pub mod rtp_rtcp;
pub mod srtp;
pub mod stun;
pub mod turn;
