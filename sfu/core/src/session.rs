//! The two kinds of session: a publisher and a viewer.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    EndReason, SessionId, StreamId,
    data::OpenChannel,
    egress::{Egress, EgressStats},
    ingest::PublisherIngest,
    transport::Transport,
};

/// From the answer to a finished DTLS handshake. OBS gives up after 8 s, browsers after 15–30 s.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// RFC 7675 section 5.1: consent expires 30 s after the last valid check.
pub(crate) const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// A publisher whose transport lives but that sends no media is gone after this many publisher timeouts.
const MEDIA_SILENCE: u32 = 3;

/// What both kinds have.
pub(crate) struct Common {
    pub(crate) id: SessionId,
    pub(crate) stream: StreamId,
    pub(crate) transport: Transport,
    pub(crate) ufrag: String,
    pub(crate) created: Instant,
    pub(crate) connected: bool,
    /// Last authentic sign of life: a STUN check or media.
    pub(crate) alive: Instant,
    pub(crate) armed: Option<Instant>,
    /// The data channel towards the room.
    pub(crate) channel: Option<OpenChannel>,
    /// The peer's TCP connection from there does not keep up.
    pub(crate) congested: Option<SocketAddr>,
}

impl Common {
    /// What waits for the path in use has grown too much: no video until that is over, then from a
    /// keyframe.
    pub(crate) fn is_congested(&self) -> bool {
        self.congested.is_some_and(|peer| {
            let path = self.transport.path();
            path.is_some_and(|path| path.tcp && path.destination == peer)
        })
    }
}

pub(crate) struct Publisher {
    pub(crate) common: Common,
    pub(crate) ingest: PublisherIngest,
    pub(crate) started: bool,
    pub(crate) last_media: Instant,
    pub(crate) timeout: Duration,
}

pub(crate) struct Viewer {
    pub(crate) common: Common,
    pub(crate) egress: Egress,
    pub(crate) connected_at: Option<Instant>,
    /// The tick of its egress that is in the timers.
    pub(crate) tick: Option<Instant>,
    /// Its counters that are in the shard's already.
    pub(crate) counted: EgressStats,
    /// For its bitrate: when and at how many octets it was asked last.
    pub(crate) asked: Option<(Instant, u64)>,
}

pub(crate) enum Session {
    Publisher(Box<Publisher>),
    Viewer(Box<Viewer>),
}

impl Session {
    pub(crate) fn common(&self) -> &Common {
        match self {
            Self::Publisher(publisher) => &publisher.common,
            Self::Viewer(viewer) => &viewer.common,
        }
    }

    pub(crate) fn common_mut(&mut self) -> &mut Common {
        match self {
            Self::Publisher(publisher) => &mut publisher.common,
            Self::Viewer(viewer) => &mut viewer.common,
        }
    }

    /// When the session is over unless it shows life, and why.
    pub(crate) fn expiry(&self) -> (Instant, EndReason) {
        let common = self.common();
        if !common.connected {
            return (common.created + CONNECT_TIMEOUT, EndReason::NeverConnected);
        }
        let at = match self {
            Self::Publisher(publisher) => {
                let silent = publisher.common.alive + publisher.timeout;
                let idle = publisher.last_media + publisher.timeout * MEDIA_SILENCE;
                silent.min(idle)
            }
            Self::Viewer(viewer) => viewer.common.alive + CONSENT_TIMEOUT,
        };
        (at, EndReason::TimedOut)
    }

    pub(crate) fn deadline(&self) -> Instant {
        let missing = match self {
            Self::Publisher(publisher) => publisher.ingest.deadline(),
            Self::Viewer(_) => None,
        };
        let at = self.expiry().0.min(self.common().transport.deadline);
        missing.map_or(at, |missing| missing.min(at))
    }
}
