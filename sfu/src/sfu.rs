//! The handle by which the rest of the server speaks to the media plane.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
};

use tokio::sync::mpsc;
use weir_media::{RtpPacket, RtpTracks};

use crate::{OfferError, Session, SessionId, SfuConfig, SfuEvent, SfuStats, StreamId};

/// Events that wait for the receiver.
const EVENT_CAPACITY: usize = 1024;

/// Packets that wait for a slow tap.
const TAP_CAPACITY: usize = 1024;

/// The media plane. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Sfu {
    inner: Arc<Inner>,
}

struct Inner {
    addr: SocketAddr,
    _events: mpsc::Sender<SfuEvent>,
}

impl Sfu {
    /// Binds the port and starts the shards.
    pub fn start(config: SfuConfig) -> io::Result<(Self, mpsc::Receiver<SfuEvent>)> {
        let socket = UdpSocket::bind(config.media_udp)?;
        let (events, rx) = mpsc::channel(EVENT_CAPACITY);
        let inner = Inner {
            addr: socket.local_addr()?,
            _events: events,
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            rx,
        ))
    }

    /// The bound address, with port 0 resolved.
    pub fn media_addr(&self) -> SocketAddr {
        self.inner.addr
    }

    /// A WHIP offer.
    pub async fn publish(&self, _stream: StreamId, _offer: String) -> Result<Session, OfferError> {
        Err(OfferError::Unavailable(
            "the media plane takes no publishers yet",
        ))
    }

    /// A WHEP offer.
    pub async fn view(&self, _stream: StreamId, _offer: String) -> Result<Session, OfferError> {
        Err(OfferError::NotLive)
    }

    /// Ends a session; false when there is no such session.
    pub async fn end_session(&self, _session: SessionId) -> bool {
        false
    }

    /// A source that is not WebRTC: the bridge. The newest source of a stream takes over.
    pub fn ingest(&self, _stream: StreamId, keyframes: mpsc::Sender<()>) -> Ingest {
        Ingest {
            _keyframes: keyframes,
        }
    }

    /// The RTP of a stream's WebRTC publisher.
    pub fn tap(&self, _stream: StreamId) -> Tap {
        Tap {
            packets: mpsc::channel(TAP_CAPACITY).1,
        }
    }

    /// Whether the stream has a source with media.
    pub fn is_live(&self, _stream: StreamId) -> bool {
        false
    }

    /// Counters and gauges.
    pub fn stats(&self) -> SfuStats {
        SfuStats::default()
    }

    /// Closes all sessions and joins the threads.
    pub async fn shutdown(&self) {}
}

/// The bridge's end of a source. Dropping it ends the source.
pub struct Ingest {
    _keyframes: mpsc::Sender<()>,
}

impl Ingest {
    /// Tracks are known and start now.
    pub fn start(&self, _tracks: RtpTracks) {}

    /// One packet; `flush` when nothing more waits right now.
    pub fn send(&self, _packet: RtpPacket, _flush: bool) {}
}

/// Receives the RTP of a WebRTC publisher.
pub struct Tap {
    packets: mpsc::Receiver<RtpPacket>,
}

impl Tap {
    /// The next packet; none when the SFU has stopped.
    pub async fn recv(&mut self) -> Option<RtpPacket> {
        self.packets.recv().await
    }

    /// Asks the publisher for a keyframe.
    pub fn request_keyframe(&self) {}
}
