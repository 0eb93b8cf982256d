//! Where a broadcast's media goes when it comes out of a bridge worker.

use tokio::sync::watch;
use tracing::warn;
use weir_bridge::output::{StreamOutput, StreamSink};
use weir_media::{HlsOutput, RtpLayer, RtpPacket, RtpTracks, Thumbnail};
use weir_protocol::{Caption, finding::FindingReport};
use weir_signaling::{Services, hls::HlsWriter};

use super::{
    archive::ToArchive,
    captions::ToCaptions,
    findings::ToFindings,
    outlets::{Outlets, union},
    publisher::Publisher,
};

/// All of it: the SFU, the HLS origin, and whoever else uses what a worker makes.
pub struct StreamOutputs {
    /// The SFU's side; dropping it ends or interrupts the broadcast there.
    publisher: Box<dyn Publisher>,
    hls: HlsWriter,
    sinks: Vec<Box<dyn StreamSink>>,
    hls_demand: watch::Receiver<u8>,
    /// For logs.
    slug: String,
}

impl StreamOutputs {
    /// The rungs that are needed as CMAF, a bit for each: what players ask for, and what the sinks use.
    pub fn hls_demand(&self) -> watch::Receiver<u8> {
        self.hls_demand.clone()
    }

    /// Opens everything that a broadcast of this stream goes to.
    pub fn open(
        services: &Services,
        outlets: &Outlets,
        stream: &weir_db::Stream,
        publisher: Box<dyn Publisher>,
    ) -> Self {
        let hls = services.hls.open(&stream.slug);
        let mut demand = outlets.demand(stream);
        demand.push(hls.wanted());
        let mut sinks = outlets.open(stream);
        sinks.push(Box::new(ToFindings(services.live.findings().open(stream))));
        sinks.push(Box::new(ToCaptions(services.live.captions().open(stream))));
        if let Some(archive) = ToArchive::open(services, stream) {
            sinks.push(Box::new(archive));
        }
        Self {
            publisher,
            hls,
            hls_demand: union(demand),
            sinks,
            slug: stream.slug.to_string(),
        }
    }
}

impl StreamOutput for StreamOutputs {
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[RtpLayer]) {
        self.publisher.rtp_start(tracks, layers);
    }

    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool) {
        self.publisher.rtp(packet, last_of_batch);
    }

    fn hls(&mut self, output: HlsOutput) {
        for sink in &mut self.sinks {
            sink.hls(&output);
        }
        self.hls.push(output);
    }

    fn thumbnail(&mut self, thumbnail: Thumbnail) {
        for sink in &mut self.sinks {
            sink.thumbnail(&thumbnail);
        }
    }

    fn finding(&mut self, report: FindingReport) {
        for sink in &mut self.sinks {
            sink.finding(&report);
        }
    }

    fn caption(&mut self, caption: Caption) {
        for sink in &mut self.sinks {
            sink.caption(&caption);
        }
    }

    fn worker_restarted(&mut self, reason: &str) {
        warn!(slug = self.slug, reason, "media worker restarted");
        for sink in &mut self.sinks {
            sink.worker_restarted(reason);
        }
    }
}
