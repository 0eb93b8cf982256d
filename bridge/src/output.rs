//! What the bridge gives to the rest of the server, and what it asks of it.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use weir_media::{HlsOutput, RtpPacket, RtpTracks};

/// Decides who may publish over RTMP. The root package implements it with the database.
#[async_trait::async_trait]
pub trait Gate: Send + Sync + 'static {
    /// Called once per `publish` command, before any media is taken.
    async fn admit(&self, request: PublishRequest) -> Result<Admission, Refusal>;
}

/// What an RTMP client said when it wanted to publish. Never logged: `key` is a secret.
pub struct PublishRequest {
    /// RTMP application, `live` in `rtmp://host/live`.
    pub app: String,
    /// The stream key.
    pub key: String,
    /// Where the client is.
    pub peer: SocketAddr,
}

/// A publisher that may send.
pub struct Admission {
    /// The stream's slug, for logs.
    pub slug: String,
    /// Where its media goes. Dropping it ends the broadcast.
    pub output: Box<dyn StreamOutput>,
    /// Cancelled by the server when the session must end: takeover by a newer one, key rotated, shutdown.
    pub cancel: CancellationToken,
    /// Cancelled by the bridge, before `output` is dropped, when the client closes the stream by command
    /// and does not merely vanish.
    pub goodbye: CancellationToken,
    /// Requests for keyframes from viewers: of which layer ([`RtpPacket::layer`]), or of all. The
    /// sender side is merged and throttled by the SFU.
    pub keyframes: tokio::sync::mpsc::Receiver<Option<u8>>,
}

/// Why a publisher may not send. Each becomes a `NetStream.Publish.BadName` with this description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No stream has this key.
    #[error("unknown stream key; copy it again from the stream's settings")]
    BadKey,
    /// The application is not the one that Weir serves.
    #[error("unknown application {0:?}; the server address ends in /live")]
    BadApp(String),
    /// The server cannot take a publisher now.
    #[error("the server is {0}; try again in a moment")]
    Unavailable(String),
}

/// Where a broadcast's media goes. Called from the supervisor's task; must not block.
pub trait StreamOutput: Send + 'static {
    /// RTP tracks are known and start now. Called again, with the same meaning, after a worker
    /// restart or when a codec changes: sequence numbers and timestamps start anew, and the
    /// receiver keeps its own viewers' numbering continuous. `layers` names the video's layers in the
    /// order of [`RtpPacket::layer`]; empty where there is but one.
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[String]);

    /// One RTP packet for viewers; its RTP timestamp is `time` at the track's clock rate, modulo 2³²,
    /// and it has at most 1,200 bytes. `last_of_batch` is true when nothing more waits to be
    /// delivered right now: the moment to send what was gathered.
    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool);

    /// One piece of CMAF for the HLS origin.
    fn hls(&mut self, output: HlsOutput);

    /// The worker died or was replaced; media resumes with `rtp_start` and `HlsOutput::Start`.
    fn worker_restarted(&mut self, reason: &str);
}
