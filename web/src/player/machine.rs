//! Which transport plays: a pure state machine.
//!
//! Input and the time go in by `handle_*`; what the page has to do comes out of [`Machine::poll_command`], to be
//! drained after every input. The machine reads no clock and touches no browser object, so all of its behaviour is
//! tested on the host. Times are milliseconds of one clock that never goes back.

use std::collections::VecDeque;

use super::backoff::{self, Meanwhile};

/// Without a media frame for this long, HLS takes over.
pub const FALL_BACK_MS: u64 = 3_000;
/// Without a frame for this long, the viewer is told that the picture stands still.
pub const INTERRUPTED_MS: u64 = 1_200;
/// How long a WebRTC session may stay without frames behind HLS before it is given up.
pub const GIVE_UP_MS: u64 = 10_000;
/// After a stream is live again, an old session has this long to bring frames before it is replaced.
pub const LIVE_AGAIN_MS: u64 = 1_500;
/// After a publisher whose connection broke is back, its viewers' sessions have this long to bring frames: the
/// publisher's first picture may have to be encoded again.
pub const BACK_AGAIN_MS: u64 = 4_000;
/// How long a session of a stream that ended is kept, since frames may come back on it.
pub const KEEP_OFFLINE_MS: u64 = 60_000;
/// A session that brought frames for this long was good, whatever happens to it later.
const GOOD_MS: u64 = 20_000;
/// This many stalls of a session that never was good end it, lest the picture jumps to and fro.
const MAX_STALLS: u32 = 2;
/// Pause before HLS is started again after an error.
const HLS_AGAIN_MS: u64 = 2_000;
/// HLS that shows nothing for this long is started afresh.
const HLS_STUCK_MS: u64 = 15_000;
/// A past that shows nothing for this long is left for what is live.
const DVR_STUCK_MS: u64 = 15_000;
/// A stream that is said to be live and not to be is asked for again this soon,
const SOON_MS: u64 = 400;
/// this many times; then the server's word counts.
const MAX_EARLY_ASKS: u32 = 6;
/// First new attempt after a session that had worked died.
const RTC_AGAIN_MS: u64 = 1_000;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Unknown {
        since: u64,
    },
    Missing,
    Offline {
        since: u64,
    },
    Live {
        since: u64,
        started_at: Option<i64>,
        hls_ready: bool,
        /// What `since` is the time of.
        by: LiveBy,
    },
}

/// How a broadcast came to where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LiveBy {
    /// It began, or this page did.
    Start,
    /// Its publisher was lost: no frames are to be expected, and nothing is to be given up for want of them.
    Loss,
    /// Its publisher came back.
    Return,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rtc {
    Idle,
    Waiting {
        until: u64,
    },
    Opening {
        id: RtcId,
        since: u64,
    },
    Flowing {
        id: RtcId,
        since: u64,
        last_frame: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hls {
    Off,
    Starting {
        since: u64,
    },
    Playing,
    Buffering {
        since: u64,
    },
    Waiting {
        until: u64,
    },
    /// It gave up while the publisher was away; its last picture is still there.
    Frozen,
}

/// Where in time the viewer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dvr {
    /// At what is live.
    Off,
    /// On the way into the past: what was shown before still is.
    Starting { since: u64 },
    /// In the past.
    Playing,
    /// In the past, without a picture that moves.
    Buffering { since: u64 },
    /// On the way back: the past plays on until there is a live picture.
    Leaving { since: u64 },
}

/// The player's mind.
#[derive(Debug)]
pub struct Machine {
    policy: Policy,
    stream: Stream,
    rtc: Rtc,
    hls: Hls,
    dvr: Dvr,
    shown: Option<Transport>,
    next_id: RtcId,
    /// Attempts in a row without a frame.
    failures: u32,
    /// Times that a session stalled since it last was good.
    stalls: u32,
    /// Early attempts in this broadcast.
    early_asks: u32,
    /// Whether WebRTC is known not to get through here: then HLS starts along with a stream, not 3 s later.
    rtc_distrusted: bool,
    /// HLS is asked for until WebRTC shows a frame.
    hls_wanted: bool,
    commands: VecDeque<Command>,
}

impl Machine {
    /// A player on a page that opened at `now`. WebRTC is tried before the server has said whether the stream is
    /// live: it saves a round trip, and a refusal costs nothing.
    pub fn new(policy: Policy, now: u64) -> Self {
        let mut machine = Self {
            policy,
            stream: Stream::Unknown { since: now },
            rtc: Rtc::Idle,
            hls: Hls::Off,
            dvr: Dvr::Off,
            shown: None,
            next_id: 0,
            failures: 0,
            stalls: 0,
            early_asks: 0,
            rtc_distrusted: false,
            hls_wanted: policy == Policy::Only(Transport::Hls),
            commands: VecDeque::new(),
        };
        machine.open_rtc(now);
        machine
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The server's newest word on the stream.
    pub fn handle_presence(&mut self, presence: Presence, now: u64) {
        match presence {
            Presence::Missing => {
                self.stream = Stream::Missing;
                self.end_hls();
                self.end_dvr();
                self.close_rtc(Rtc::Idle);
                self.shown = None;
            }
            Presence::Offline => {
                if !matches!(self.stream, Stream::Offline { .. }) {
                    self.stream = Stream::Offline { since: now };
                    self.end_hls();
                    // Who is in the past sees the rest of it.
                    if !self.is_in_past() {
                        self.end_dvr();
                    }
                    if self.shown != Some(Transport::Dvr) {
                        self.shown = None;
                    }
                    // A session that brought frames is kept: the publisher may come back on it.
                    if !matches!(self.rtc, Rtc::Flowing { .. }) {
                        self.close_rtc(Rtc::Idle);
                    }
                }
            }
            Presence::Live {
                started_at,
                hls_ready,
                reconnecting,
            } => {
                let before = match self.stream {
                    Stream::Live {
                        since,
                        started_at: old,
                        by,
                        ..
                    } if old == started_at => Some((since, by)),
                    Stream::Live { .. }
                    | Stream::Unknown { .. }
                    | Stream::Missing
                    | Stream::Offline { .. } => None,
                };
                let (since, by) = match (before, reconnecting) {
                    (Some((since, LiveBy::Loss)), true) => (since, LiveBy::Loss),
                    (Some(_), true) | (None, true) => (now, LiveBy::Loss),
                    (Some((_, LiveBy::Loss)), false) => (now, LiveBy::Return),
                    (Some((since, by)), false) => (since, by),
                    (None, false) => (now, LiveBy::Start),
                };
                self.stream = Stream::Live {
                    since,
                    started_at,
                    hls_ready,
                    by,
                };
                match before {
                    // The window is the new broadcast's.
                    None if self.is_in_past() => self.leave_dvr(now),
                    None => self.begin_broadcast(now),
                    Some((_, LiveBy::Loss)) if by == LiveBy::Return => self.go_on(now),
                    Some(_) => {}
                }
            }
        }
        self.handle_time(now);
    }

    /// News of a WebRTC session; those of a session that is not the current one are ignored.
    pub fn handle_rtc(&mut self, id: RtcId, news: RtcNews, now: u64) {
        let current = match self.rtc {
            Rtc::Opening { id, .. } | Rtc::Flowing { id, .. } => Some(id),
            Rtc::Idle | Rtc::Waiting { .. } => None,
        };
        if current != Some(id) {
            return;
        }
        match news {
            RtcNews::Frame => self.rtc_frame(id, now),
            RtcNews::NotLive { retry_ms } => {
                // In the moment of a start the listing may know of it before the media plane does.
                let soon = self.early_asks < MAX_EARLY_ASKS;
                self.early_asks += 1;
                self.rtc_refused(if soon { SOON_MS } else { retry_ms }, now);
            }
            RtcNews::Refused { retry_ms } => self.rtc_refused(retry_ms, now),
            RtcNews::Failed => self.rtc_failed(now),
        }
        self.handle_time(now);
    }

    /// News of the HLS player.
    pub fn handle_hls(&mut self, news: HlsNews, now: u64) {
        if matches!(self.hls, Hls::Off | Hls::Waiting { .. } | Hls::Frozen) {
            return;
        }
        match news {
            HlsNews::Playing => {
                // A restarted player is silent until it is shown again.
                let fresh = matches!(self.hls, Hls::Starting { .. });
                self.hls = Hls::Playing;
                if fresh || self.shown != Some(Transport::Hls) {
                    self.show(Transport::Hls);
                }
            }
            HlsNews::Buffering => {
                if self.hls == Hls::Playing {
                    self.hls = Hls::Buffering { since: now };
                }
            }
            // Its last picture is better than none.
            HlsNews::Failed if self.is_reconnecting() => self.hls = Hls::Frozen,
            HlsNews::Failed => self.restart_hls(now),
        }
        self.handle_time(now);
    }

    /// News of the player of the past.
    pub fn handle_dvr(&mut self, news: DvrNews, now: u64) {
        if !self.is_in_past() {
            return;
        }
        match news {
            DvrNews::Playing => {
                self.dvr = Dvr::Playing;
                if self.shown != Some(Transport::Dvr) {
                    self.show(Transport::Dvr);
                    // Two pictures would cost twice the bandwidth.
                    self.close_rtc(Rtc::Idle);
                }
            }
            DvrNews::Buffering => {
                if self.dvr == Dvr::Playing {
                    self.dvr = Dvr::Buffering { since: now };
                }
            }
            DvrNews::Ended | DvrNews::Failed => self.leave_dvr(now),
        }
        self.handle_time(now);
    }

    /// The viewer wants to be at another moment.
    pub fn handle_seek(&mut self, seek: Seek, now: u64) {
        match (seek, self.dvr) {
            (Seek::Live, Dvr::Off | Dvr::Leaving { .. }) => {}
            (Seek::Live, _) => self.leave_dvr(now),
            (Seek::To(date), Dvr::Off) => {
                if matches!(self.stream, Stream::Live { .. }) {
                    self.end_hls();
                    self.dvr = Dvr::Starting { since: now };
                    self.commands.push_back(Command::StartDvr(date));
                }
            }
            (Seek::To(date), Dvr::Starting { .. }) => {
                self.commands.push_back(Command::SeekDvr(date));
            }
            (Seek::To(date), Dvr::Playing | Dvr::Buffering { .. } | Dvr::Leaving { .. }) => {
                self.end_hls();
                self.close_rtc(Rtc::Idle);
                self.dvr = Dvr::Buffering { since: now };
                self.commands.push_back(Command::SeekDvr(date));
            }
        }
        self.handle_time(now);
    }

    /// The network changed or the page came back: what was put off is tried now.
    pub fn handle_wake(&mut self, now: u64) {
        self.failures = 0;
        if matches!(self.rtc, Rtc::Waiting { .. }) {
            self.rtc = Rtc::Waiting { until: now };
        }
        self.handle_time(now);
    }

    /// Time has passed. To be called a few times a second.
    pub fn handle_time(&mut self, now: u64) {
        match self.stream {
            Stream::Missing => {}
            Stream::Offline { since } => {
                if now.saturating_sub(since) >= KEEP_OFFLINE_MS && self.rtc != Rtc::Idle {
                    self.close_rtc(Rtc::Idle);
                }
                self.drive_dvr(now);
            }
            Stream::Unknown { since } => self.drive(since, false, now),
            Stream::Live { since, .. } => self.drive(since, true, now),
        }
    }

    /// What the viewer is told at `now`.
    pub fn phase(&self, now: u64) -> Phase {
        match self.stream {
            Stream::Missing => return Phase::Missing,
            Stream::Offline { .. } if self.shown == Some(Transport::Dvr) => {}
            Stream::Offline { .. } => return Phase::Offline,
            Stream::Unknown { .. } | Stream::Live { .. } => {}
        }
        // What was on its way when the publisher was lost still plays.
        let still = if self.is_reconnecting() {
            Phase::Reconnecting
        } else {
            Phase::Interrupted
        };
        match (self.shown, self.rtc, self.hls) {
            (Some(Transport::WebRtc), Rtc::Flowing { last_frame, .. }, _) => {
                if now.saturating_sub(last_frame) < INTERRUPTED_MS {
                    Phase::Playing
                } else {
                    still
                }
            }
            (Some(Transport::WebRtc), _, _) => still,
            (Some(Transport::Hls), _, Hls::Playing) => Phase::Playing,
            (Some(Transport::Hls), _, _) => still,
            (Some(Transport::Dvr), _, _) => match self.dvr {
                Dvr::Playing => Phase::Playing,
                Dvr::Leaving { .. } if !self.is_reconnecting() => Phase::Playing,
                _ => still,
            },
            (None, _, _) if self.is_reconnecting() => Phase::Reconnecting,
            (None, _, _) if matches!(self.stream, Stream::Unknown { .. }) => Phase::Loading,
            (None, _, _) => Phase::Connecting,
        }
    }

    /// Whether the viewer is in the past, or on the way there.
    pub fn is_in_past(&self) -> bool {
        matches!(
            self.dvr,
            Dvr::Starting { .. } | Dvr::Playing | Dvr::Buffering { .. }
        )
    }

    /// Whose picture is in front.
    pub fn shown(&self) -> Option<Transport> {
        self.shown
    }

    /// A broadcast was announced that was not known before.
    fn begin_broadcast(&mut self, now: u64) {
        self.failures = 0;
        self.stalls = 0;
        self.early_asks = 0;
        self.hls_wanted = match self.policy {
            Policy::Auto => self.rtc_distrusted,
            Policy::Only(transport) => transport == Transport::Hls,
        };
        match self.rtc {
            Rtc::Idle | Rtc::Waiting { .. } => self.open_rtc(now),
            // Frames may come on the session that is there; `drive` replaces it if they do not.
            Rtc::Opening { .. } | Rtc::Flowing { .. } => {}
        }
    }

    /// The publisher is back. What shows its broadcast is kept: frames come on it.
    fn go_on(&mut self, now: u64) {
        self.failures = 0;
        self.stalls = 0;
        self.early_asks = 0;
        if let Rtc::Waiting { until } = self.rtc
            && !self.rtc_distrusted
        {
            self.rtc = Rtc::Waiting {
                until: until.min(now),
            };
        }
        match self.hls {
            Hls::Frozen => {
                self.commands.push_back(Command::StopHls);
                self.hls = Hls::Waiting { until: now };
            }
            Hls::Buffering { .. } => self.hls = Hls::Buffering { since: now },
            Hls::Starting { .. } => self.hls = Hls::Starting { since: now },
            Hls::Off | Hls::Playing | Hls::Waiting { .. } => {}
        }
        if let Dvr::Starting { since } | Dvr::Buffering { since } = &mut self.dvr {
            *since = now;
        }
    }

    fn is_reconnecting(&self) -> bool {
        matches!(
            self.stream,
            Stream::Live {
                by: LiveBy::Loss,
                ..
            }
        )
    }

    /// Back to what is live, or to the end of the show.
    fn leave_dvr(&mut self, now: u64) {
        if matches!(self.stream, Stream::Offline { .. } | Stream::Missing) {
            self.end_dvr();
            return;
        }
        if self.shown == Some(Transport::Dvr) {
            self.dvr = Dvr::Leaving { since: now };
        } else {
            self.end_dvr();
            // HLS was shown, and was ended for the past.
            if self.shown == Some(Transport::Hls) {
                self.shown = None;
            }
        }
        self.begin_broadcast(now);
    }

    fn end_dvr(&mut self) {
        if self.dvr != Dvr::Off {
            self.commands.push_back(Command::StopDvr);
        }
        self.dvr = Dvr::Off;
        if self.shown == Some(Transport::Dvr) {
            self.shown = None;
        }
    }

    /// Gives a past up that does not come.
    fn drive_dvr(&mut self, now: u64) {
        if let Dvr::Starting { since } | Dvr::Buffering { since } = self.dvr
            && !self.is_reconnecting()
            && now.saturating_sub(since) >= DVR_STUCK_MS
        {
            self.leave_dvr(now);
        }
    }

    /// Moves both transports on, for a stream that is live (or may be, before the server has answered) since `since`.
    fn drive(&mut self, since: u64, live: bool, now: u64) {
        self.drive_dvr(now);
        if self.is_in_past() {
            return; // Nothing live is wanted.
        }
        let since = match self.dvr {
            Dvr::Leaving { since: left } => since.max(left),
            _ => since,
        };
        let silent_since = match self.rtc {
            Rtc::Flowing { last_frame, .. } => last_frame.max(since),
            Rtc::Idle | Rtc::Waiting { .. } | Rtc::Opening { .. } => since,
        };
        match self.rtc {
            Rtc::Idle if live => self.open_rtc(now),
            Rtc::Waiting { until } if live && now >= until => self.open_rtc(now),
            Rtc::Idle | Rtc::Waiting { .. } => {}
            Rtc::Opening { .. } | Rtc::Flowing { .. } if self.is_reconnecting() => {}
            Rtc::Opening { since: opened, .. } => {
                if now.saturating_sub(opened.max(since)) >= GIVE_UP_MS {
                    self.rtc_failed(now);
                }
            }
            Rtc::Flowing {
                last_frame,
                since: flowing,
                ..
            } => {
                if last_frame < since && flowing < since {
                    // An old session after the publisher's return.
                    let patience = match self.stream {
                        Stream::Live {
                            by: LiveBy::Return, ..
                        } => BACK_AGAIN_MS,
                        _ => LIVE_AGAIN_MS,
                    };
                    if now.saturating_sub(since) >= patience {
                        self.close_rtc(Rtc::Idle);
                        self.open_rtc(now);
                    }
                } else if now.saturating_sub(last_frame) >= GIVE_UP_MS {
                    self.rtc_failed(now);
                }
            }
        }
        // Until HLS is there, silence counts from the start of the broadcast or from the last frame.
        let rtc_serves = self.shown != Some(Transport::Hls);
        if self.policy == Policy::Auto
            && !self.hls_wanted
            && !self.is_reconnecting()
            && rtc_serves
            && now.saturating_sub(silent_since) >= FALL_BACK_MS
        {
            self.hls_wanted = true;
            if let Rtc::Flowing { .. } = self.rtc {
                self.stalls += 1;
                if self.stalls >= MAX_STALLS {
                    self.rtc_failed(now);
                }
            }
        }
        self.drive_hls(now);
    }

    fn drive_hls(&mut self, now: u64) {
        let ready = match self.stream {
            Stream::Live { hls_ready, .. } => hls_ready,
            Stream::Unknown { .. } => true,
            Stream::Missing | Stream::Offline { .. } => false,
        };
        match self.hls {
            Hls::Off if self.hls_wanted && ready => self.start_hls(now),
            Hls::Waiting { until } if now >= until && ready => self.start_hls(now),
            Hls::Starting { .. } | Hls::Buffering { .. } if self.is_reconnecting() => {}
            Hls::Starting { since } | Hls::Buffering { since }
                if now.saturating_sub(since) >= HLS_STUCK_MS =>
            {
                self.restart_hls(now);
            }
            Hls::Off
            | Hls::Waiting { .. }
            | Hls::Starting { .. }
            | Hls::Buffering { .. }
            | Hls::Playing
            | Hls::Frozen => {}
        }
    }

    fn rtc_frame(&mut self, id: RtcId, now: u64) {
        let (since, fresh) = match self.rtc {
            Rtc::Flowing { since, .. } => (since, false),
            Rtc::Opening { .. } | Rtc::Idle | Rtc::Waiting { .. } => (now, true),
        };
        self.rtc = Rtc::Flowing {
            id,
            since,
            last_frame: now,
        };
        self.rtc_distrusted = false;
        if now - since >= GOOD_MS {
            self.failures = 0;
            self.stalls = 0;
        }
        let over = matches!(self.stream, Stream::Offline { .. } | Stream::Missing);
        if !over && !self.is_in_past() && self.policy != Policy::Only(Transport::Hls) {
            // A new session is silent until it is shown.
            if fresh || self.shown != Some(Transport::WebRtc) {
                self.show(Transport::WebRtc);
            }
            self.end_hls();
            self.end_dvr();
        }
    }

    fn rtc_refused(&mut self, retry_ms: u64, now: u64) {
        let live = matches!(self.stream, Stream::Live { .. });
        self.close_rtc(if live {
            Rtc::Waiting {
                until: now + retry_ms,
            }
        } else {
            Rtc::Idle
        });
    }

    /// The session is of no use any more.
    fn rtc_failed(&mut self, now: u64) {
        let worked = matches!(self.rtc, Rtc::Flowing { .. }) && self.stalls < MAX_STALLS;
        self.rtc_distrusted = !worked;
        self.failures += 1;
        let meanwhile = match self.policy {
            Policy::Only(Transport::WebRtc) => Meanwhile::Nothing,
            Policy::Auto | Policy::Only(_) => Meanwhile::Hls,
        };
        let wait = if worked && self.failures == 1 {
            RTC_AGAIN_MS
        } else {
            backoff::wait_ms(self.failures, meanwhile)
        };
        self.close_rtc(Rtc::Waiting { until: now + wait });
        self.stalls = 0;
        if self.policy == Policy::Auto {
            self.hls_wanted = true;
        }
    }

    fn open_rtc(&mut self, now: u64) {
        if self.policy == Policy::Only(Transport::Hls) {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.rtc = Rtc::Opening { id, since: now };
        self.commands.push_back(Command::OpenRtc(id));
    }

    fn close_rtc(&mut self, next: Rtc) {
        if let Rtc::Opening { id, .. } | Rtc::Flowing { id, .. } = self.rtc {
            self.commands.push_back(Command::CloseRtc(id));
        }
        self.rtc = next;
    }

    fn start_hls(&mut self, now: u64) {
        // They have one element.
        self.end_dvr();
        self.hls = Hls::Starting { since: now };
        self.commands.push_back(Command::StartHls);
    }

    fn restart_hls(&mut self, now: u64) {
        self.commands.push_back(Command::StopHls);
        self.hls = Hls::Waiting {
            until: now + HLS_AGAIN_MS,
        };
    }

    /// Ends HLS and forgets that it was wanted, unless it is the only way.
    fn end_hls(&mut self) {
        if matches!(
            self.hls,
            Hls::Starting { .. } | Hls::Playing | Hls::Buffering { .. } | Hls::Frozen
        ) {
            self.commands.push_back(Command::StopHls);
        }
        self.hls = Hls::Off;
        self.hls_wanted = self.policy == Policy::Only(Transport::Hls);
    }

    fn show(&mut self, transport: Transport) {
        self.shown = Some(transport);
        self.commands.push_back(Command::Show(transport));
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
