//! Where a broadcast's media goes when it comes out of a bridge worker.

use tokio_util::sync::CancellationToken;
use tracing::warn;
use weir_bridge::output::StreamOutput;
use weir_media::{HlsOutput, RtpPacket, RtpTracks};
use weir_sfu::Ingest;
use weir_signaling::{hls::HlsWriter, live::Broadcast};

/// Into the SFU and the HLS origin. Dropping it interrupts the broadcast everywhere, or ends it when
/// the publisher said goodbye or was sent away.
pub struct RtmpOutput {
    /// Always there until the drop.
    pub ingest: Option<Ingest>,
    pub hls: HlsWriter,
    /// Held so that the stream is live for as long as its media has somewhere to go. Always there until
    /// the drop.
    pub broadcast: Option<Broadcast>,
    /// The publisher closed the stream by command.
    pub goodbye: CancellationToken,
    /// The publisher was sent away: a newer one has the stream, or nobody may.
    pub cancelled: CancellationToken,
    /// For logs.
    pub slug: String,
}

impl Drop for RtmpOutput {
    fn drop(&mut self) {
        let goodbye = self.goodbye.is_cancelled();
        // Asked before the broadcast goes, which cancels whatever serves it.
        let for_good = goodbye || self.cancelled.is_cancelled();
        if let Some(broadcast) = self.broadcast.take()
            && goodbye
        {
            broadcast.end();
        }
        if let Some(ingest) = self.ingest.take()
            && for_good
        {
            ingest.finish();
        }
    }
}

impl StreamOutput for RtmpOutput {
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[String]) {
        if let Some(ingest) = &self.ingest {
            ingest.start(tracks, layers);
        }
    }

    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool) {
        if let Some(ingest) = &self.ingest {
            ingest.send(packet, last_of_batch);
        }
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
