//! HLS of WHIP publishers: their packets go from the SFU through a bridge worker to the origin.

use std::sync::Arc;

use tracing::info;
use weir_bridge::{
    output::Requests,
    source::SourceFormat,
    supervisor::{Bridge, SourceUnit},
};
use weir_sfu::Sfu;
use weir_signaling::{
    Services,
    live::{OnWhip, WhipBroadcast},
};

use super::{outlets::Outlets, outputs::StreamOutputs, publisher::WhipPublisher};

/// Starts a worker for each WHIP broadcast.
pub struct WhipToHls {
    pub bridge: Bridge,
    pub services: Arc<Services>,
    pub outlets: Outlets,
}

impl OnWhip for WhipToHls {
    fn started(&self, broadcast: WhipBroadcast) {
        let output = StreamOutputs::open(
            &self.services,
            &self.outlets,
            &broadcast.stream,
            Box::new(WhipPublisher),
        );
        let bridge = self.bridge.clone();
        let sfu = self.services.sfu.clone();
        tokio::spawn(follow(broadcast, output, bridge, sfu));
    }
}

async fn follow(broadcast: WhipBroadcast, output: StreamOutputs, bridge: Bridge, sfu: Sfu) {
    let slug = broadcast.stream.slug.to_string();
    // Nobody asks this worker for RTP keyframes: its viewers' requests go to the publisher.
    let (_no_requests, requests) = Requests::channel();
    let source = Arc::new(bridge.open(&slug, Box::new(output), requests));
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
                Some(packet) => source.push(SourceUnit::Rtp(packet)),
                None => break,
            },
        }
    }
    info!(slug, "HLS of the WHIP publisher ends");
}
