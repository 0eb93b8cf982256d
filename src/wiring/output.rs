//! Where a broadcast's media goes when it comes out of a bridge worker.

use tracing::warn;
use weir_bridge::output::StreamOutput;
use weir_media::{HlsOutput, RtpPacket, RtpTracks};
use weir_sfu::Ingest;
use weir_signaling::{hls::HlsWriter, live::Broadcast};

/// Into the SFU and the HLS origin. Dropping it ends the broadcast everywhere.
pub struct RtmpOutput {
    pub ingest: Ingest,
    pub hls: HlsWriter,
    /// Held so that the stream is live for as long as its media has somewhere to go.
    pub _broadcast: Broadcast,
    /// For logs.
    pub slug: String,
}

impl StreamOutput for RtmpOutput {
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[String]) {
        self.ingest.start(tracks, layers);
    }

    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool) {
        self.ingest.send(packet, last_of_batch);
    }

    fn hls(&mut self, output: HlsOutput) {
        self.hls.push(output);
    }

    fn worker_restarted(&mut self, reason: &str) {
        warn!(slug = self.slug, reason, "media worker restarted");
    }
}

/// Into the HLS origin only: the SFU has a WHIP publisher's packets already.
pub struct WhipOutput {
    pub hls: HlsWriter,
    /// For logs.
    pub slug: String,
}

impl StreamOutput for WhipOutput {
    fn rtp_start(&mut self, _: RtpTracks, _: &[String]) {}

    fn rtp(&mut self, _: RtpPacket, _: bool) {}

    fn hls(&mut self, output: HlsOutput) {
        self.hls.push(output);
    }

    fn worker_restarted(&mut self, reason: &str) {
        warn!(slug = self.slug, reason, "media worker restarted");
    }
}
