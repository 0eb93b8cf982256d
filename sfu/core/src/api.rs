//! What the media plane says to those who use it: errors, events, counters.

use std::time::Duration;

use weir_media::RtpTracks;

use crate::{SessionId, StreamId, Via};

/// Why an offer was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not a session description, or one that breaks the rules. HTTP 400.
    #[error("the offer is not usable SDP: {0}")]
    Malformed(String),
    /// Understood but cannot be served: wrong direction, two video tracks, no common codec. HTTP 422.
    #[error("the offer cannot be served: {0}")]
    Unprocessable(String),
    /// Understood, but of another form than one answer can serve: media on several ports, several tracks
    /// of a kind. A client may still answer an offer of ours. HTTP 422, or WHEP's 406.
    #[error("the offer cannot be served: {0}")]
    Form(String),
    /// A viewer cannot decode what the stream has, and there is no transcode that it can. HTTP 422: the
    /// 406 of WHEP means a counter-offer.
    #[error("the offer cannot be served: {0}")]
    OtherCodec(String),
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
    /// A WebRTC publisher's first media packet arrived: the stream is live. Comes again when it was lost
    /// and is back.
    PublisherStarted {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
        /// What it sends.
        tracks: RtpTracks,
    },
    /// Nothing comes of a WebRTC publisher that had started. Its session is kept for as long as consent
    /// lasts (RFC 7675), and the stream for the time of grace.
    PublisherLost {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
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

/// What a viewer wants to get of a stream's video.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LayerChoice {
    /// The best that its path carries.
    #[default]
    Auto,
    /// The simulcast layer of this name (rid), whatever the path carries; as [`Auto`](Self::Auto)
    /// while the source does not send it.
    Layer(String),
    /// The best that its path carries, but no picture higher than this in pixels. The least layer
    /// when all are higher.
    MaxHeight(u16),
    /// Sound alone.
    AudioOnly,
    /// Sound alone for now: nobody looks.
    Paused,
}

/// One viewer now.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewerStats {
    /// Its session.
    pub session: SessionId,
    /// It gets the stream's transcode ([`StreamId::transcoded`]).
    pub transcoded: bool,
    /// Since its transport is up.
    pub connected_for: Duration,
    /// What carries its media; none before it has chosen a path.
    pub via: Option<Via>,
    /// Media sent over the time since the figures were asked for last, in bit/s of RTP payload.
    pub bitrate: u64,
    /// Name of the layer that it gets; none without video.
    pub layer: Option<String>,
    /// What it asked for.
    pub choice: LayerChoice,
    /// Width of that layer's picture in pixels, when known.
    pub width: Option<u16>,
    /// Its height.
    pub height: Option<u16>,
    /// Share of packets lost by its newest report, 0 to 1.
    pub loss: f32,
    /// Round trip, once reported.
    pub rtt: Option<Duration>,
    /// What its path is thought to carry, in bit/s.
    pub estimate: u64,
    /// Packets that it asked for again.
    pub nacks: u64,
    /// Packets sent again.
    pub retransmissions: u64,
    /// Keyframes that it asked for.
    pub keyframe_requests: u64,
    /// Packets that it did not get because its path, or a queue, was full.
    pub dropped: u64,
}

/// One layer of a stream now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerStats {
    /// Its name (rid); empty where there is but one.
    pub name: String,
    /// Width of its picture in pixels, once seen.
    pub width: Option<u16>,
    /// Its height.
    pub height: Option<u16>,
    /// Measured over the last seconds, in bit/s of RTP payload.
    pub bitrate: u64,
    /// It arrives now.
    pub active: bool,
    /// It is made as soon as a viewer needs it. Its figures are what its maker has said then.
    pub on_demand: bool,
    /// Viewers who get it.
    pub viewers: u64,
}

/// One stream now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamStats {
    /// Its layers, the best first.
    pub layers: Vec<LayerStats>,
    /// Its connected viewers.
    pub viewers: Vec<ViewerStats>,
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
    /// Video packets that single viewers did not get because their paths do not carry them.
    pub viewer_drops: u64,
    /// Keyframes that viewers asked for.
    pub viewer_keyframe_requests: u64,
    /// Packets that viewers asked for again.
    pub nacks: u64,
    /// Messages received on data channels.
    pub data_in: u64,
    /// Messages sent on data channels.
    pub data_out: u64,
    /// Messages of data channels that nobody took: no room listens.
    pub data_dropped: u64,
    /// TCP connections that carry sessions now.
    pub tcp_connections: u64,
}
