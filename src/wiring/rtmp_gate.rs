//! Who may publish over RTMP.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use weir_bridge::output::{Admission, Gate, PublishRequest, Refusal};
use weir_db::{DbError, KeyHash, Stream};
use weir_protocol::{IngestProtocol, StreamSlug};
use weir_signaling::{Live, Services, keys, live};

use super::output::RtmpOutput;

/// The RTMP application that publishers use: `rtmp://host/live`.
const APP: &str = "live";

/// Keyframe requests on their way to a worker: one for each layer of a ladder, and one for all. When
/// full, a request is dropped; who misses the keyframe asks again.
const KEYFRAME_REQUESTS: usize = 5;

/// A key that is good for one stream while this process runs: the demo source's. The stream's own
/// key is known to nobody but its owner.
#[derive(Clone)]
pub struct DemoKey {
    pub hash: KeyHash,
    pub slug: StreamSlug,
}

/// Checks keys against the database and connects those who may publish.
pub struct RtmpGate {
    pub services: Arc<Services>,
    pub demo: Option<DemoKey>,
}

#[async_trait::async_trait]
impl Gate for RtmpGate {
    async fn admit(&self, request: PublishRequest) -> Result<Admission, Refusal> {
        // Some encoders leave a slash behind the application.
        if request.app.trim_end_matches('/') != APP {
            return Err(Refusal::BadApp(request.app));
        }
        if self.services.draining.is_cancelled() {
            return Err(Refusal::Unavailable("stopping".to_owned()));
        }
        let stream = self.stream_of(&request.key).await.map_err(|error| {
            error!(%error, "stream key could not be checked");
            Refusal::Unavailable("not able to check stream keys".to_owned())
        })?;
        let stream = stream.ok_or(Refusal::BadKey)?;
        let slug = stream.slug.to_string();
        info!(slug, peer = %request.peer, "RTMP publisher admitted");

        let (keyframe_wanted, keyframes) = mpsc::channel(KEYFRAME_REQUESTS);
        let broadcast = self.services.live.begin(&stream, IngestProtocol::Rtmp);
        let cancel = broadcast.cancelled();
        let goodbye = CancellationToken::new();
        let ingest = self
            .services
            .sfu
            .ingest(live::media_id(&stream), keyframe_wanted);
        Live::set_playout_delay(&self.services.sfu, &stream);
        tokio::spawn(end_when_taken_over(ingest.taken_over(), cancel.clone()));
        let output = RtmpOutput {
            ingest: Some(ingest),
            hls: self.services.hls.open(&stream.slug),
            broadcast: Some(broadcast),
            goodbye: goodbye.clone(),
            cancelled: cancel.clone(),
            slug: slug.clone(),
        };
        Ok(Admission {
            slug,
            output: Box::new(output),
            cancel,
            goodbye,
            keyframes,
        })
    }
}

impl RtmpGate {
    async fn stream_of(&self, key: &str) -> Result<Option<Stream>, DbError> {
        let hash = keys::hash(key);
        match &self.demo {
            Some(demo) if demo.hash == hash => self.services.db.stream_by_slug(&demo.slug).await,
            _ => self.services.db.stream_by_key_hash(hash).await,
        }
    }
}

/// A WHIP publisher with a valid key takes the stream over before its first packet makes it live.
async fn end_when_taken_over(taken_over: impl Future<Output = ()>, cancel: CancellationToken) {
    tokio::select! {
        () = taken_over => cancel.cancel(),
        () = cancel.cancelled() => {}
    }
}
