//! What each fuzz target does with an input. None may panic, and what is checked here must hold for
//! any octets.

pub mod framing;
pub mod rtp_rtcp;
pub mod srtp;
