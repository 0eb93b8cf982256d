//! What callers of the SFU see: configuration here; errors, events and statistics from the core.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

pub use weir_sfu_core::{
    DataEvent, EndReason, Flexfec, IceAnswer, IceParameters, IceRestartError, LayerChoice,
    LayerStats, MAX_MESSAGE, OfferError, SendDataError, SessionId, SfuEvent, SfuStats, StreamId,
    StreamStats, Via, ViewerStats,
};

/// How the media plane is set up.
#[derive(Debug, Clone)]
pub struct SfuConfig {
    /// The one public UDP address. Port 0 takes a free port (tests).
    pub media_udp: SocketAddr,
    /// Whether media is served over TCP too, on the same address and port number, for networks that
    /// let no UDP through (RFC 6544).
    pub media_tcp: bool,
    /// Ports under which others take connections of media over TCP for us ([`Sfu::take_tcp`]), beside
    /// our own; answers name them too.
    ///
    /// [`Sfu::take_tcp`]: crate::Sfu::take_tcp
    pub more_tcp_ports: Vec<u16>,
    /// Addresses put into answers as host candidates. Empty: the bound address, or every address of
    /// this machine's interfaces when bound to an unspecified one.
    pub advertise: Vec<IpAddr>,
    /// More addresses for answers: public ones that NAT maps to this machine with the same port.
    pub public: Vec<IpAddr>,
    /// STUN servers, `host:port`, that are asked for the public address at the start and every few
    /// minutes; it is then advertised too. Empty: nobody is asked.
    pub discover: Vec<String>,
    /// Threads; 0 means one per core.
    pub shards: usize,
    /// A publisher of whom neither media nor a valid STUN check came for this long is lost: its stream
    /// waits for it, or another, for [`grace`](Self::grace). Its session ends with its consent, 30 s after
    /// the last sign of life. One whose transport lives but that sends no media is gone after three
    /// times as long.
    pub publisher_timeout: Duration,
    /// How long a stream outlives a publisher that did not say goodbye: its viewers stay, new ones are
    /// taken, and the next publisher goes on with it. Zero: not at all.
    pub grace: Duration,
    /// Least and most delay that players are asked to show pictures with, unless the stream says
    /// otherwise; up to 40.95 s in steps of 10 ms.
    pub playout_delay: (Duration, Duration),
    /// Forward error correction of the video towards viewers who can use it.
    pub flexfec: Flexfec,
}

impl Default for SfuConfig {
    /// UDP and TCP port 7882 on all addresses, a shard per core.
    fn default() -> Self {
        Self {
            media_udp: SocketAddr::from(([0, 0, 0, 0], 7882)),
            media_tcp: true,
            more_tcp_ports: Vec::new(),
            advertise: Vec::new(),
            public: Vec::new(),
            discover: Vec::new(),
            shards: 0,
            publisher_timeout: Duration::from_secs(5),
            grace: Duration::from_secs(15),
            playout_delay: (Duration::ZERO, Duration::from_millis(200)),
            flexfec: Flexfec::Auto,
        }
    }
}

/// A session, or one that may be: our side of it.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session's name.
    pub id: SessionId,
    /// SDP answer with all candidates; of a counter-offer, the offer.
    pub answer: String,
}
