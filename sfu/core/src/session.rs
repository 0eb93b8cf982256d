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
    outbox::Via,
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
            path.is_some_and(|path| path.via == Via::Tcp && path.destination == peer)
        })
    }
}

pub(crate) struct Publisher {
    pub(crate) common: Common,
    pub(crate) ingest: PublisherIngest,
    /// Its media is the stream's. Not while it is lost.
    pub(crate) started: bool,
    /// Nothing came of it for its timeout: the stream waits for a publisher, and this one may be it.
    pub(crate) lost: bool,
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
        let consent = common.alive + CONSENT_TIMEOUT;
        let at = match self {
            Self::Publisher(publisher) => consent.min(publisher.media_expiry()),
            Self::Viewer(_) => consent,
        };
        (at, EndReason::TimedOut)
    }

    pub(crate) fn deadline(&self) -> Instant {
        let (missing, silent) = match self {
            Self::Publisher(publisher) => (publisher.ingest.deadline(), publisher.lost_at()),
            Self::Viewer(_) => (None, None),
        };
        let at = self.expiry().0.min(self.common().transport.deadline);
        [missing, silent]
            .into_iter()
            .flatten()
            .fold(at, Instant::min)
    }
}

impl Publisher {
    /// When its stream goes on without it, unless it shows life. The session does not end with that: a
    /// client whose network changed restarts ICE, and its media comes from elsewhere.
    pub(crate) fn lost_at(&self) -> Option<Instant> {
        let at = self.common.alive + self.timeout;
        (self.started && self.common.connected).then_some(at)
    }

    /// When its session is over unless it sends media.
    fn media_expiry(&self) -> Instant {
        let idle = self.timeout * MEDIA_SILENCE;
        if self.lost {
            self.last_media + idle.max(CONSENT_TIMEOUT)
        } else if self.started {
            self.last_media + idle
        } else {
            // Nobody waits for one that never began.
            (self.common.alive + self.timeout).min(self.last_media + idle)
        }
    }
}
