//! Which transport plays: a pure state machine.
//!
//! Input and the time go in by `handle_*`; what the page has to do comes out of [`Machine::poll_command`], to be
//! drained after every input. The machine reads no clock and touches no browser object, so all of its behaviour is
//! tested on the host. Times are milliseconds of one clock that never goes back.

mod dvr;
mod hls;
mod rtc;

use std::collections::VecDeque;

use super::words::{Command, Phase, Policy, Presence, RtcId, Transport};

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
/// This many stalls of a session that never was good end it, lest the picture jumps to and fro.
const MAX_STALLS: u32 = 2;

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

    fn show(&mut self, transport: Transport) {
        self.shown = Some(transport);
        self.commands.push_back(Command::Show(transport));
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
