//! What a worker's RTP is to the SFU.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use weir_media::{Kind, RtpLayer, RtpPacket, RtpTracks};
use weir_sfu::{Ingest, Joined, Sfu, StreamId};
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
            ingest.start(tracks, layers);
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

/// A WHIP publisher: the SFU has its packets already. Where viewers can take them as they are, the
/// worker's smaller layers join them; else the worker makes a transcode for who cannot.
pub enum WhipPublisher {
    /// H.264.
    Passed(Additions),
    /// Another codec.
    Transcoded(Transcode),
}

/// What a worker makes of a publisher's H.264.
pub struct Additions {
    /// The media plane.
    pub sfu: Sfu,
    /// The stream there.
    pub media: StreamId,
    /// Where its viewers' requests go.
    pub keyframes: mpsc::Sender<Option<u8>>,
    /// From the first time that there is something to add.
    pub joined: Option<Joined>,
}

/// What a worker makes of a publisher's other codec.
pub struct Transcode {
    /// The media plane.
    pub sfu: Sfu,
    /// The stream there.
    pub media: StreamId,
    /// Where its viewers' requests go.
    pub keyframes: mpsc::Sender<Option<u8>>,
    /// Whether the publisher sends sound.
    pub audio: bool,
    /// From the first time that the worker has something. The publisher's own sound goes there too.
    pub ingest: Arc<OnceLock<Ingest>>,
}

impl Publisher for WhipPublisher {
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[RtpLayer]) {
        match self {
            Self::Passed(Additions {
                sfu,
                media,
                keyframes,
                joined,
            }) => {
                // The first is the publisher's own, and alone it adds nothing.
                if layers.len() > 1 || joined.is_some() {
                    joined
                        .get_or_insert_with(|| sfu.join(*media, keyframes.clone()))
                        .start(layers);
                }
            }
            Self::Transcoded(Transcode {
                sfu,
                media,
                keyframes,
                audio,
                ingest,
            }) if tracks.video.is_some() => {
                let stream = media.transcoded();
                let ingest = ingest.get_or_init(|| sfu.ingest(stream, keyframes.clone()));
                let audio = *audio;
                ingest.start(RtpTracks { audio, ..tracks }, layers);
            }
            Self::Transcoded(_) => {}
        }
    }

    fn rtp(&mut self, packet: RtpPacket, last_of_batch: bool) {
        // The publisher's own sound is in the SFU already, or goes there by itself.
        if packet.kind == Kind::Audio {
            return;
        }
        match self {
            Self::Passed(additions) => {
                if let Some(joined) = &additions.joined {
                    joined.send(packet, last_of_batch);
                }
            }
            Self::Transcoded(transcode) => {
                if let Some(ingest) = transcode.ingest.get() {
                    ingest.send(packet, last_of_batch);
                }
            }
        }
    }
}
