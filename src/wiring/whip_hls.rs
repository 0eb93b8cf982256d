//! What a bridge worker makes of WHIP publishers: their packets go from the SFU through the worker to the
//! HLS origin, and smaller layers or a transcode back into the SFU.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tracing::info;
use weir_bridge::{
    output::{Requester, Requests},
    source::SourceFormat,
    supervisor::{Bridge, SourceUnit},
};
use weir_media::{Kind, VideoCodec};
use weir_sfu::{Ingest, Sfu};
use weir_signaling::{
    Services,
    live::{OnWhip, WhipBroadcast},
};

use super::{
    demand::steer,
    outlets::Outlets,
    outputs::StreamOutputs,
    publisher::{Additions, Transcode, WhipPublisher},
};

/// Starts a worker for each WHIP broadcast.
pub struct WhipToHls {
    pub bridge: Bridge,
    pub services: Arc<Services>,
    pub outlets: Outlets,
}

impl OnWhip for WhipToHls {
    fn started(&self, broadcast: WhipBroadcast) {
        let (sfu, media) = (&self.services.sfu, broadcast.media);
        let (Requester { keyframes, demand }, requests) = Requests::channel();
        // Also where there is no picture: nothing is transcoded then.
        let passes = matches!(broadcast.tracks.video, None | Some(VideoCodec::H264));
        let sound = Arc::new(OnceLock::new());
        let (publisher, needed) = if passes {
            // Viewers of an earlier publisher's transcode come again, and take this one's own.
            sfu.end_stream(media.transcoded());
            (additions(sfu, &broadcast, keyframes), sfu.needed(media))
        } else {
            let transcode = transcode(sfu, &broadcast, keyframes, sound.clone());
            (transcode, sfu.needed(media.transcoded()))
        };
        let output = StreamOutputs::open(
            &self.services,
            &self.outlets,
            &broadcast.stream,
            Box::new(publisher),
        );
        tokio::spawn(steer(demand, needed, output.hls_demand()));
        let source = Source {
            broadcast,
            bridge: self.bridge.clone(),
            sfu: sfu.clone(),
            transcode: sound,
        };
        tokio::spawn(source.follow(output, requests));
    }
}

fn additions(
    sfu: &Sfu,
    broadcast: &WhipBroadcast,
    keyframes: mpsc::Sender<Option<u8>>,
) -> WhipPublisher {
    WhipPublisher::Passed(Additions {
        sfu: sfu.clone(),
        media: broadcast.media,
        keyframes,
        joined: None,
    })
}

fn transcode(
    sfu: &Sfu,
    broadcast: &WhipBroadcast,
    keyframes: mpsc::Sender<Option<u8>>,
    ingest: Arc<OnceLock<Ingest>>,
) -> WhipPublisher {
    WhipPublisher::Transcoded(Transcode {
        sfu: sfu.clone(),
        media: broadcast.media,
        keyframes,
        audio: broadcast.tracks.audio,
        ingest,
    })
}

/// The way of a publisher's packets into the worker.
struct Source {
    broadcast: WhipBroadcast,
    bridge: Bridge,
    sfu: Sfu,
    /// Where the sound goes beside a transcoded picture, once there is one.
    transcode: Arc<OnceLock<Ingest>>,
}

impl Source {
    async fn follow(self, output: StreamOutputs, requests: Requests) {
        let Self {
            broadcast,
            bridge,
            sfu,
            transcode,
        } = self;
        let slug = broadcast.stream.slug.to_string();
        let source = bridge.open(&slug, Box::new(output), requests);
        if let Some(codec) = broadcast.tracks.video {
            source.push(SourceUnit::Format(SourceFormat::RtpVideo { codec }));
        }
        if broadcast.tracks.audio {
            source.push(SourceUnit::Format(SourceFormat::RtpAudio));
        }
        let mut tap = sfu.tap(broadcast.media);
        tap.request_keyframe();
        loop {
            tokio::select! {
                () = broadcast.over.cancelled() => break,
                () = source.keyframe_wanted() => tap.request_keyframe(),
                packet = tap.recv() => match packet {
                    Some(packet) => {
                        if packet.kind == Kind::Audio
                            && let Some(transcode) = transcode.get()
                        {
                            transcode.send(packet.clone(), true);
                        }
                        source.push(SourceUnit::Rtp(packet));
                    }
                    None => break,
                },
            }
        }
        info!(slug, "the WHIP publisher's worker ends");
    }
}
