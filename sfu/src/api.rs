//! What callers of the SFU see: configuration, errors, events, statistics.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use weir_media::RtpTracks;

use crate::{SessionId, StreamId};

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
    /// A publisher of whom neither media nor a valid STUN check came for this long is gone.
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

/// Why an offer was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not a session description, or one that breaks the rules. HTTP 400.
    #[error("the offer is not usable SDP: {0}")]
    Malformed(String),
    /// Understood but cannot be served: wrong direction, two video tracks, no common codec. HTTP 422.
    #[error("the offer cannot be served: {0}")]
    Unprocessable(String),
    /// A viewer's stream has no publisher. HTTP 409.
    #[error("the stream is not live")]
    NotLive,
    /// The SFU is full or is stopping. HTTP 503.
    #[error("the media plane cannot take the session now: {0}")]
    Unavailable(&'static str),
}

/// Why a session or a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// `DELETE` or an orderly DTLS close.
    Closed,
    /// ICE consent ran out or media stopped.
    TimedOut,
    /// A newer publisher of the same stream.
    TakenOver,
    /// The caller ended it.
    Ended,
    /// The handshake failed or never came.
    NeverConnected,
}

/// What happens in the media plane.
#[derive(Debug, Clone)]
pub enum SfuEvent {
    /// A WebRTC publisher's first media packet arrived: the stream is live.
    PublisherStarted {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
        /// What it sends.
        tracks: RtpTracks,
    },
    /// A WebRTC publisher is gone.
    PublisherEnded {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// A viewer's transport is up.
    ViewerConnected {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
    },
    /// A viewer is gone (only after `ViewerConnected`).
    ViewerEnded {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
}

/// Counters since the start, summed over shards, and gauges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SfuStats {
    /// Streams with a source now.
    pub streams: u64,
    /// Connected viewers now.
    pub viewers: u64,
    /// WebRTC publishers now.
    pub publishers: u64,
    /// Media packets received from publishers and the bridge.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Media packets sent to viewers.
    pub packets_out: u64,
    /// Their bytes on the wire.
    pub bytes_out: u64,
    /// System calls that sent them (GSO: fewer than packets).
    pub sends: u64,
    /// Packets retransmitted to viewers.
    pub retransmissions: u64,
    /// Packets that viewers reported lost.
    pub losses_reported: u64,
    /// Packets of publishers that never arrived.
    pub losses_in: u64,
    /// Keyframes asked of publishers.
    pub keyframe_requests: u64,
    /// Datagrams dropped because nobody was addressed or they made no sense.
    pub datagrams_dropped: u64,
    /// Packets dropped because a bounded queue was full.
    pub overflow_drops: u64,
}
