//! What a worker's RTP is to the SFU.

use tokio_util::sync::CancellationToken;
use weir_media::{RtpLayer, RtpPacket, RtpTracks};
use weir_sfu::Ingest;
use weir_signaling::live::Broadcast;

/// Takes a worker's RTP. See [`StreamOutput`](weir_bridge::output::StreamOutput).
pub trait Publisher: Send + 'static {
    /// Tracks begin, or begin anew.
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[RtpLayer]);

    /// One packet.
    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool);
}

/// An RTMP publisher: all that viewers get comes from the worker. Dropping it interrupts the broadcast
/// everywhere, or ends it when the publisher said goodbye or was sent away.
pub struct RtmpPublisher {
    /// Always there until the drop.
    pub ingest: Option<Ingest>,
    /// Held so that the stream is live for as long as its media has somewhere to go. Always there until
    /// the drop.
    pub broadcast: Option<Broadcast>,
    /// The publisher closed the stream by command.
    pub goodbye: CancellationToken,
    /// The publisher was sent away: a newer one has the stream, or nobody may.
    pub cancelled: CancellationToken,
}

impl Publisher for RtmpPublisher {
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[RtpLayer]) {
        if let Some(ingest) = &self.ingest {
            let names: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
            ingest.start(tracks, &names);
        }
    }

    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool) {
        if let Some(ingest) = &self.ingest {
            ingest.send(packet, last_of_batch);
        }
    }
}

impl Drop for RtmpPublisher {
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

/// A WHIP publisher: the SFU has its packets already.
pub struct WhipPublisher;

impl Publisher for WhipPublisher {
    fn rtp_start(&mut self, _: RtpTracks, _: &[RtpLayer]) {}

    fn rtp(&mut self, _: RtpPacket, _: bool) {}
}
