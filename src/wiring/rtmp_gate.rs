//! Who may publish over RTMP.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use weir_bridge::output::{Admission, Gate, PublishRequest, Refusal, Requests};
use weir_db::{DbError, KeyHash, Stream};
use weir_protocol::{IngestProtocol, StreamSlug};
use weir_signaling::{Live, Services, keys, live};

use super::{demand::steer, outlets::Outlets, outputs::StreamOutputs, publisher::RtmpPublisher};

/// The RTMP application that publishers use: `rtmp://host/live`.
const APP: &str = "live";

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
    pub outlets: Outlets,
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

        let (requester, requests) = Requests::channel();
        let broadcast = self.services.live.begin(&stream, IngestProtocol::Rtmp);
        let cancel = broadcast.cancelled();
        let goodbye = CancellationToken::new();
        let (sfu, media) = (&self.services.sfu, live::media_id(&stream));
        let ingest = sfu.ingest(media, requester.keyframes);
        // What was made of an earlier publisher by WHIP: this one's viewers need none.
        sfu.end_stream(media.transcoded());
        Live::set_playout_delay(&self.services.sfu, &stream);
        tokio::spawn(end_when_taken_over(ingest.taken_over(), cancel.clone()));
        let publisher = RtmpPublisher {
            ingest: Some(ingest),
            broadcast: Some(broadcast),
            goodbye: goodbye.clone(),
            cancelled: cancel.clone(),
        };
        let output =
            StreamOutputs::open(&self.services, &self.outlets, &stream, Box::new(publisher));
        let needed = sfu.needed(media);
        tokio::spawn(steer(requester.demand, needed, output.hls_demand()));
        Ok(Admission {
            slug,
            output: Box::new(output),
            cancel,
            goodbye,
            requests,
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
