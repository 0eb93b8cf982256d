//! What shards say to each other and to their shell.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use weir_media::RtpPacket;

use super::IngestId;
use crate::{
    DataEvent, SfuEvent, StreamId,
    packet::{LayerId, MediaPacket, SourceInfo},
};

/// From shard to shard. All shards of a process share memory, so packets go as `Arc`.
#[derive(Debug, Clone)]
pub enum ShardMessage {
    /// `shard` has viewers of the stream now.
    Subscribe {
        /// The stream.
        stream: StreamId,
        /// Who subscribes.
        shard: u16,
    },
    /// `shard` has no viewers of the stream any more.
    Unsubscribe {
        /// The stream.
        stream: StreamId,
        /// Who leaves.
        shard: u16,
    },
    /// The stream's source as it is now.
    Source {
        /// The stream.
        stream: StreamId,
        /// None: there is none.
        info: Option<SourceInfo>,
    },
    /// One packet. May be dropped under overload; the next that is delivered then says `gap`.
    Media {
        /// The stream.
        stream: StreamId,
        /// The packet.
        packet: Arc<MediaPacket>,
        /// Nothing more comes right now.
        flush: bool,
        /// Packets before this one were dropped on the way.
        gap: bool,
    },
    /// A viewer of another shard needs a keyframe.
    KeyframeRequest {
        /// The stream.
        stream: StreamId,
        /// Of which layer; none: of whatever there is.
        layer: Option<LayerId>,
    },
    /// A datagram that arrived at the wrong shard. May be dropped under overload.
    Datagram {
        /// Where it arrived.
        from: u16,
        /// Who sent it.
        source: SocketAddr,
        /// Our address that it was sent to.
        destination: SocketAddr,
        /// When.
        arrived: Instant,
        /// Its bytes.
        contents: Vec<u8>,
    },
    /// What the home shard's stores have, for a shard that has just subscribed: its first viewer
    /// starts at once too.
    Backlog {
        /// The stream.
        stream: StreamId,
        /// Each layer's packets since its newest keyframe, by the time of their capture.
        packets: Vec<Arc<MediaPacket>>,
    },
    /// Datagrams of this address belong to `shard`.
    Address {
        /// The peer.
        address: SocketAddr,
        /// Its shard.
        shard: u16,
    },
}

/// What the shard asks its shell to do.
#[derive(Debug)]
pub enum Output {
    /// Tell the server.
    Event(SfuEvent),
    /// Tell the room.
    Data(DataEvent),
    /// Close the TCP connection with this peer, after what is to be sent on it.
    CloseTcp {
        /// Where the peer connected from.
        peer: SocketAddr,
    },
    /// A stream became live, changed or ended (only from its home shard).
    Live {
        /// The stream.
        stream: StreamId,
        /// None: not live.
        info: Option<SourceInfo>,
    },
    /// Hand to another shard.
    Forward {
        /// To whom.
        shard: u16,
        /// What.
        message: ShardMessage,
    },
    /// Ask the bridge source for a keyframe.
    BridgeKeyframe {
        /// Which source.
        ingest: IngestId,
        /// Of which layer; none: of all.
        layer: Option<LayerId>,
    },
    /// A newer source took over from this bridge source.
    BridgeReplaced {
        /// Which source.
        ingest: IngestId,
    },
    /// Other layers than before are needed by this shard's viewers.
    Needed {
        /// The stream.
        stream: StreamId,
        /// A bit for each [`LayerId`] of those that were announced.
        layers: u8,
    },
    /// A packet of a tapped WebRTC publisher.
    Tap {
        /// The stream.
        stream: StreamId,
        /// The packet.
        packet: RtpPacket,
    },
}
