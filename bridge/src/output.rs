//! What the bridge gives to the rest of the server, and what it asks of it.

use std::net::SocketAddr;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use weir_media::{Demand, HlsOutput, RtpLayer, RtpPacket, RtpTracks, Thumbnail};
use weir_protocol::{Caption, finding::FindingReport};

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
    /// What viewers ask of the stream's worker.
    pub requests: Requests,
}

/// What viewers ask of a stream's worker. Whoever has the sending ends may drop them: nothing more is
/// asked then.
#[derive(Debug)]
pub struct Requests {
    /// Keyframes: of which layer ([`RtpPacket::layer`]), or of all. Merged and throttled by the SFU.
    pub keyframes: mpsc::Receiver<Option<u8>>,
    /// Which rungs are needed.
    pub demand: watch::Receiver<Demand>,
}

/// The sending ends of [`Requests`].
#[derive(Debug)]
pub struct Requester {
    /// For [`Requests::keyframes`].
    pub keyframes: mpsc::Sender<Option<u8>>,
    /// For [`Requests::demand`].
    pub demand: watch::Sender<Demand>,
}

/// Keyframe requests on their way to a worker: one for each layer of a ladder, and one for all. When
/// full, a request is dropped; who misses the keyframe asks again.
const KEYFRAME_REQUESTS: usize = 5;

impl Requests {
    /// Both ends.
    pub fn channel() -> (Requester, Self) {
        let (keyframes, keyframe_requests) = mpsc::channel(KEYFRAME_REQUESTS);
        let (demand, wanted) = watch::channel(Demand::default());
        let requester = Requester { keyframes, demand };
        let requests = Self {
            keyframes: keyframe_requests,
            demand: wanted,
        };
        (requester, requests)
    }
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
    /// receiver keeps its own viewers' numbering continuous. `layers` are the video's in the order of
    /// [`RtpPacket::layer`]; empty where there is but one. Some may have no packets for now.
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[RtpLayer]);

    /// One RTP packet for viewers; its RTP timestamp is `time` at the track's clock rate, modulo 2³²,
    /// and it has at most 1,200 bytes. `last_of_batch` is true when nothing more waits to be
    /// delivered right now: the moment to send what was gathered.
    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool);

    /// One piece of CMAF for the HLS origin.
    fn hls(&mut self, output: HlsOutput);

    /// A small picture of the stream.
    fn thumbnail(&mut self, thumbnail: Thumbnail);

    /// Something about the source that its streamer should know.
    fn finding(&mut self, report: FindingReport);

    /// What is to be read with the pictures from now on.
    fn caption(&mut self, caption: Caption);

    /// The worker died or was replaced; media resumes with `rtp_start` and `HlsOutput::Start`.
    fn worker_restarted(&mut self, reason: &str);
}

/// Somebody who uses what a worker makes, beside the viewers: a recording, a restream, the findings
/// of a stream. Called from the supervisor's task; must not block.
pub trait StreamSink: Send + 'static {
    /// A piece of CMAF.
    fn hls(&mut self, output: &HlsOutput) {
        let _ = output;
    }

    /// A small picture.
    fn thumbnail(&mut self, thumbnail: &Thumbnail) {
        let _ = thumbnail;
    }

    /// Something about the source.
    fn finding(&mut self, report: &FindingReport) {
        let _ = report;
    }

    /// What is to be read with the pictures from now on.
    fn caption(&mut self, caption: &Caption) {
        let _ = caption;
    }

    /// See [`StreamOutput::worker_restarted`].
    fn worker_restarted(&mut self, reason: &str) {
        let _ = reason;
    }
}
