//! Between the player and its view: what is shown, and what the viewer does.

use weir_protocol::Layer;

use super::{
    carrier::Carrier,
    health::Health,
    hls::HlsPlayer,
    quality::Quality,
    words::{Phase, Transport},
};
use crate::settings::Sound;

/// What the view shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Ui {
    /// What the viewer is told.
    pub phase: Phase,
    /// Whose picture is in front.
    pub transport: Option<Transport>,
    /// What carries the media of WebRTC.
    pub carrier: Option<Carrier>,
    /// Which HLS player is in use, if any.
    pub hls_player: Option<HlsPlayer>,
    /// Measured distance to the publisher.
    pub delay_ms: Option<u32>,
    /// The viewer pressed pause.
    pub paused: bool,
    /// Volume and mute as the viewer wants them.
    pub sound: Sound,
    /// The browser refused sound until the viewer touches the page.
    pub sound_blocked: bool,
    /// The server does not answer.
    pub unreachable: bool,
    /// What the viewer wants to receive.
    pub quality: Quality,
    /// What there is to choose from, over WebRTC.
    pub layers: Vec<Layer>,
    /// Lines of the picture, over WebRTC.
    pub lines: Option<u32>,
    /// What one can go back to, if anything.
    pub past: Option<Past>,
    /// How well it plays over WebRTC, while somebody looks.
    pub health: Option<Health>,
    /// The picture's width and height, while somebody looks.
    pub size: Option<(u32, u32)>,
}

/// The window of the past, and where in it the viewer is. Seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// How far one can go back.
    pub reach_s: u32,
    /// How far behind what is live the viewer is, or goes; 0 for who is live.
    pub behind_s: u32,
}

impl Ui {
    /// Before anything is known.
    pub fn new(sound: Sound) -> Self {
        Self {
            phase: Phase::Loading,
            transport: None,
            carrier: None,
            hls_player: None,
            delay_ms: None,
            paused: false,
            sound,
            sound_blocked: false,
            unreachable: false,
            quality: Quality::load(),
            layers: Vec::new(),
            lines: None,
            past: None,
            health: None,
            size: None,
        }
    }

    /// Whether the viewer is in the past, or on the way there.
    pub fn is_in_past(&self) -> bool {
        self.past.is_some_and(|past| past.behind_s > 0)
    }
}

/// What the viewer does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Pause, or back to live.
    TogglePause,
    /// Silence, or sound again.
    ToggleMute,
    /// 0–1.
    SetVolume(f64),
    /// A step up or down.
    NudgeVolume(f64),
    /// A quality.
    Choose(Quality),
    /// The menu of qualities was opened.
    LookAtLayers,
    /// So many seconds on, or back.
    Skip(f64),
    /// So many seconds behind what is live.
    GoBehind(f64),
    /// Back to what is live.
    GoLive,
    /// Looks at the numbers, or does no longer.
    WatchStats(bool),
}
