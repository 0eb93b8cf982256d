//! From a stream to those who watch it.
//!
//! A stream has one home shard, where its source is; a shard with viewers has a route too and is
//! subscribed at the home. So a packet goes once to each shard, and from there to each viewer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    bridge_ingest::BridgeIngest,
    layers::Layers,
    packet::{MediaPacket, SourceInfo},
    shard::{IngestId, SessionKey},
    tap::TapOrder,
    throttle::{KEYFRAME_FORWARD_INTERVAL, KEYFRAME_REQUEST_INTERVAL, KeyframeThrottle},
};

/// How long packets wait for the rest of their frame, so that they leave in one send.
pub(crate) const GATHER: Duration = Duration::from_millis(2);

/// How long sound waits for a frame to ride with, as the short last datagram of its send: one send less
/// for each that does. Far below what is heard, and less than any player's buffer for sound.
pub(crate) const GATHER_SOUND: Duration = Duration::from_millis(5);

/// Where a stream's media comes from, at its home shard.
#[derive(Debug)]
pub(crate) enum Source {
    /// A WebRTC publisher of this shard.
    Publisher(SessionKey),
    /// The bridge; media only after it named its tracks.
    Bridge {
        id: IngestId,
        ingest: Option<BridgeIngest>,
    },
}

/// What joins a publisher's own layer; media only after it named its layers.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) id: IngestId,
    pub(crate) ingest: Option<BridgeIngest>,
}

#[derive(Debug)]
pub(crate) struct Route {
    /// Only at the home shard.
    pub(crate) source: Option<Source>,
    /// The publisher that was the source until nothing came of it any more, and that may come back.
    pub(crate) lost: Option<SessionKey>,
    /// Layers that the bridge adds to those of a WebRTC publisher. Only at the home shard.
    pub(crate) joined: Option<Joined>,
    /// The source that is live, known wherever there are viewers. Stays through an interruption.
    pub(crate) info: Option<SourceInfo>,
    /// The source is gone, and the stream with it unless another comes before this.
    pub(crate) over_at: Option<Instant>,
    /// The video's layers and their packets.
    pub(crate) layers: Layers,
    /// What was gathered for the viewers.
    pub(crate) batch: Vec<Arc<MediaPacket>>,
    pub(crate) viewers: Vec<SessionKey>,
    /// Other shards with viewers of this stream.
    pub(crate) subscribers: Vec<u16>,
    pub(crate) tap: Option<TapOrder>,
    /// The layers that viewers of this shard need, as was told, and when they are looked at next.
    pub(crate) needed: u8,
    pub(crate) look_at: Option<Instant>,
    /// Requests for a keyframe while no layer is known.
    pub(crate) throttle: KeyframeThrottle,
    /// When what was gathered must leave.
    pub(crate) flush_at: Option<Instant>,
    pub(crate) armed: Option<Instant>,
}

impl Route {
    pub(crate) fn new(home: bool) -> Self {
        let interval = if home {
            KEYFRAME_REQUEST_INTERVAL
        } else {
            KEYFRAME_FORWARD_INTERVAL
        };
        Self {
            source: None,
            lost: None,
            joined: None,
            info: None,
            over_at: None,
            layers: Layers::new(interval),
            batch: Vec::new(),
            viewers: Vec::new(),
            subscribers: Vec::new(),
            tap: None,
            needed: 0,
            look_at: None,
            throttle: KeyframeThrottle::new(interval),
            flush_at: None,
            armed: None,
        }
    }

    /// Nothing holds the route any more.
    pub(crate) fn is_idle(&self) -> bool {
        self.source.is_none()
            && self.lost.is_none()
            && self.over_at.is_none()
            && self.viewers.is_empty()
            && self.subscribers.is_empty()
            && self.tap.is_none()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let requests = self
            .layers
            .iter()
            .map(|(_, layer)| layer.throttle.deadline());
        let own = [self.flush_at, self.over_at, self.look_at];
        own.into_iter()
            .chain([self.throttle.deadline()])
            .chain(requests)
            .flatten()
            .min()
    }
}
