//! What goes into the player's mind, what comes out of it, and what the viewer is told.

/// The way media takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// WHEP.
    WebRtc,
    /// Low-latency HLS.
    Hls,
    /// What is past, by HLS from the server's disk.
    Dvr,
}

impl Transport {
    /// The word in `data-transport`.
    pub fn word(self) -> &'static str {
        match self {
            Self::WebRtc => "webrtc",
            Self::Hls => "hls",
            Self::Dvr => "dvr",
        }
    }
}

/// Which transports may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// WebRTC first, HLS when it must be.
    #[default]
    Auto,
    /// `?transport=…`, for tests and support.
    Only(Transport),
}

/// What the server says about the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// There is no such stream.
    Missing,
    /// It exists and nobody publishes.
    Offline,
    /// Media arrives.
    Live {
        /// When this broadcast started; another value is another broadcast.
        started_at: Option<i64>,
        /// Whether the HLS playlist exists yet.
        hls_ready: bool,
        /// The publisher's connection broke, and the server waits for it.
        reconnecting: bool,
    },
}

/// Names a WebRTC session, so that late news of a closed one are told apart.
pub type RtcId = u32;

/// News of a WebRTC session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcNews {
    /// Frames were decoded since the last look.
    Frame,
    /// The server said that nobody publishes: try again after so long.
    NotLive {
        /// From `Retry-After`.
        retry_ms: u64,
    },
    /// The server said that it has no room: try again after so long.
    Refused {
        /// From `Retry-After`.
        retry_ms: u64,
    },
    /// It cannot be made, or died for good.
    Failed,
}

/// News of the HLS player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HlsNews {
    /// The picture moves.
    Playing,
    /// It waits for data.
    Buffering,
    /// It gave up.
    Failed,
}

/// News of the player of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DvrNews {
    /// The picture moves.
    Playing,
    /// It waits for data.
    Buffering,
    /// It played to the end of what there will ever be.
    Ended,
    /// It gave up.
    Failed,
}

/// Where the viewer wants to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seek {
    /// At what is live.
    Live,
    /// At this moment, in Unix milliseconds.
    To(f64),
}

/// What the page has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// Start a WHEP session.
    OpenRtc(RtcId),
    /// End it.
    CloseRtc(RtcId),
    /// Start the HLS player.
    StartHls,
    /// End it.
    StopHls,
    /// Start to play what is past, from this moment on. It uses the element of HLS, which has ended by then.
    StartDvr(f64),
    /// Go on from this moment.
    SeekDvr(f64),
    /// End it.
    StopDvr,
    /// Bring this transport's picture to the front and its sound to the ears.
    Show(Transport),
}

/// What the viewer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The server has not answered yet.
    Loading,
    /// No such stream.
    Missing,
    /// Nobody publishes.
    Offline,
    /// Live; media is on its way.
    Connecting,
    /// The picture moves.
    Playing,
    /// The picture stands still.
    Interrupted,
    /// The picture stands still until the publisher is back.
    Reconnecting,
}

impl Phase {
    /// The word in `data-state`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Missing => "missing",
            Self::Offline => "offline",
            Self::Connecting => "connecting",
            Self::Playing => "playing",
            Self::Interrupted => "interrupted",
            Self::Reconnecting => "reconnecting",
        }
    }
}
