//! What callers of the SFU see: configuration here; errors, events and statistics from the core.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

pub use weir_sfu_core::{EndReason, OfferError, SessionId, SfuEvent, SfuStats, StreamId};

/// How the media plane is set up.
#[derive(Debug, Clone)]
pub struct SfuConfig {
    /// The one public UDP address. Port 0 takes a free port (tests).
    pub media_udp: SocketAddr,
    /// Addresses put into answers as host candidates. Empty: the bound address, or every address of
    /// this machine's interfaces when bound to an unspecified one.
    pub advertise: Vec<IpAddr>,
    /// Threads; 0 means one per core.
    pub shards: usize,
    /// A publisher of whom neither media nor a valid STUN check came for this long is gone; one
    /// whose transport lives but that sends no media, after three times as long.
    pub publisher_timeout: Duration,
}

/// The answer to an accepted offer.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session's name.
    pub id: SessionId,
    /// SDP answer with all candidates.
    pub answer: String,
}
