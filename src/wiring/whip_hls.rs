//! HLS of WHIP publishers: their packets go from the SFU through a bridge worker to the origin.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::info;
use weir_bridge::{
    source::SourceFormat,
    supervisor::{Bridge, SourceUnit},
};
use weir_sfu::Sfu;
use weir_signaling::{
    hls::Origin,
    live::{OnWhip, WhipBroadcast},
};

use super::output::WhipOutput;

/// Starts a worker for each WHIP broadcast.
pub struct WhipToHls {
    pub bridge: Bridge,
    pub sfu: Sfu,
    pub hls: Origin,
}

impl OnWhip for WhipToHls {
    fn started(&self, broadcast: WhipBroadcast) {
        let output = WhipOutput {
            hls: self.hls.open(&broadcast.stream.slug),
            slug: broadcast.stream.slug.to_string(),
        };
        let bridge = self.bridge.clone();
        let sfu = self.sfu.clone();
        tokio::spawn(follow(broadcast, output, bridge, sfu));
    }
}

async fn follow(broadcast: WhipBroadcast, output: WhipOutput, bridge: Bridge, sfu: Sfu) {
    let slug = output.slug.clone();
    // Nobody asks this worker for RTP keyframes: its viewers' requests go to the publisher.
    let (_no_requests, keyframes) = mpsc::channel(1);
    let source = Arc::new(bridge.open(&slug, Box::new(output), keyframes));
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
