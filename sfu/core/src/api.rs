//! What the media plane says to those who use it: errors, events, counters.

use weir_media::RtpTracks;

use crate::{SessionId, StreamId};

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
    /// The server ended it: the caller, or the stream's codec became one that the viewer cannot take.
    Ended,
    /// The handshake failed or never came.
    NeverConnected,
}

/// What happens in the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// A WebRTC publisher is gone. Comes for every accepted offer, also when `PublisherStarted` never did.
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

/// Counters since the start, and gauges.
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
    /// Their payload bytes.
    pub bytes_in: u64,
    /// Datagrams sent: media to viewers, and what keeps sessions alive.
    pub packets_out: u64,
    /// Their bytes (UDP payload).
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
    /// Messages received on data channels.
    pub data_in: u64,
    /// Messages sent on data channels.
    pub data_out: u64,
    /// Messages of data channels that nobody took: no room listens.
    pub data_dropped: u64,
    /// TCP connections that carry sessions now.
    pub tcp_connections: u64,
}
