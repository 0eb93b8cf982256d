//! One HLS playback: by hls.js where scripts may feed the video element, else by the browser itself.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlVideoElement;
use weir_protocol::StreamSlug;

use super::hls_js::{self, HlsJs};
use crate::dom::{self, Listener};

/// How far from the end of what is buffered a resumed native player starts, in seconds.
const NATIVE_EDGE_S: f64 = 1.5;

/// Further from where it was sent a player is somewhere else. Seconds.
const MISS_S: f64 = 3.0;

/// Which HLS player is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HlsPlayer {
    /// hls.js, which knows low latency wherever there is MSE.
    HlsJs,
    /// The browser's own: iPhones.
    Native,
}

impl HlsPlayer {
    /// The word in `data-player`.
    pub fn word(self) -> &'static str {
        match self {
            Self::HlsJs => "hlsjs",
            Self::Native => "native",
        }
    }

    /// What fits this browser.
    pub fn fitting() -> Self {
        if hls_js::has_media_source() {
            Self::HlsJs
        } else {
            Self::Native
        }
    }
}

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Show {
    /// What is live, as near as can be.
    Live,
    /// What is past, from this date on, in Unix milliseconds.
    Past(f64),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HlsEvent {
    /// The picture moves.
    Playing,
    /// It waits for data.
    Buffering,
    /// Nothing more comes.
    Ended,
    /// It gave up.
    Failed,
}

/// A playback from its playlist to its end. Dropping it ends it.
pub struct HlsSession {
    player: HlsPlayer,
    video: HtmlVideoElement,
    engine: Rc<RefCell<Engine>>,
    /// The date that was asked for last, in the past.
    from_ms: Option<Rc<Cell<f64>>>,
    _listeners: Vec<Listener>,
}

enum Engine {
    /// The script is loading.
    Loading,
    Script(HlsJs),
    Native,
    Ended,
}

impl HlsSession {
    /// Starts to play in `video`, without sound until the element is unmuted.
    pub fn start(
        slug: &StreamSlug,
        video: &HtmlVideoElement,
        player: HlsPlayer,
        show: Show,
        tell: impl Fn(HlsEvent) + 'static,
    ) -> Self {
        let (file, from_ms) = match show {
            Show::Live => ("master.m3u8", None),
            Show::Past(date_ms) => ("dvr.m3u8", Some(Rc::new(Cell::new(date_ms)))),
        };
        let playlist = format!("/hls/{slug}/{file}");
        let tell = Rc::new(tell);
        let mut listeners: Vec<Listener> = [
            ("playing", HlsEvent::Playing),
            ("timeupdate", HlsEvent::Playing),
            ("waiting", HlsEvent::Buffering),
            ("error", HlsEvent::Failed),
            ("ended", HlsEvent::Ended),
        ]
        .into_iter()
        .map(|(name, news)| {
            let (tell, element) = (tell.clone(), video.clone());
            Listener::new(video, name, move |_| {
                // Time also "updates" on seeking, before there is a picture.
                if news != HlsEvent::Playing
                    || (element.ready_state() >= 3
                        && element.current_time() > 0.0
                        && !element.seeking())
                {
                    tell(news);
                }
            })
        })
        .collect();
        let engine = Rc::new(RefCell::new(Engine::Loading));
        match player {
            HlsPlayer::Native => {
                *engine.borrow_mut() = Engine::Native;
                if let Some(from_ms) = from_ms.clone() {
                    let element = video.clone();
                    listeners.push(Listener::new(video, "loadedmetadata", move |_| {
                        seek_native(&element, from_ms.get());
                    }));
                }
                video.set_src(&playlist);
                dom::call_quietly(video, "play");
            }
            HlsPlayer::HlsJs => {
                let (engine, video, from_ms) = (engine.clone(), video.clone(), from_ms.clone());
                spawn_local(async move {
                    let on_fatal = tell.clone();
                    let failed = move || on_fatal(HlsEvent::Failed);
                    let started = HlsJs::start(&playlist, &video, from_ms, failed).await;
                    if matches!(*engine.borrow(), Engine::Ended) {
                        return; // Dropped meanwhile.
                    }
                    match started {
                        Ok(script) => {
                            *engine.borrow_mut() = Engine::Script(script);
                            dom::call_quietly(&video, "play");
                        }
                        Err(_) => tell(HlsEvent::Failed),
                    }
                });
            }
        }
        Self {
            player,
            video: video.clone(),
            engine,
            from_ms,
            _listeners: listeners,
        }
    }

    /// Which player plays.
    pub fn player(&self) -> HlsPlayer {
        self.player
    }

    /// The programme date of what is on screen, in Unix milliseconds.
    pub fn playing_date_ms(&self) -> Option<f64> {
        match &*self.engine.borrow() {
            Engine::Script(script) => script.playing_date_ms(),
            Engine::Native => {
                let past = self.from_ms.is_some();
                let start_ms = native_start_ms(&self.video)
                    .or_else(|| native_start_guessed_ms(&self.video).filter(|_| past))?;
                Some(start_ms + self.video.current_time() * 1_000.0)
            }
            Engine::Loading | Engine::Ended => None,
        }
    }

    /// Whether it plays somewhere else than at a date that it was sent to.
    pub fn misses(&self, date_ms: f64) -> bool {
        match &*self.engine.borrow() {
            Engine::Script(script) => script
                .position(date_ms)
                .is_some_and(|position| (position - self.video.current_time()).abs() > MISS_S),
            Engine::Native | Engine::Loading | Engine::Ended => false,
        }
    }

    /// Goes to a date in the past.
    pub fn seek(&self, date_ms: f64) {
        if let Some(from_ms) = &self.from_ms {
            from_ms.set(date_ms);
        }
        match &*self.engine.borrow() {
            Engine::Script(script) => script.seek(date_ms, &self.video),
            Engine::Native => seek_native(&self.video, date_ms),
            Engine::Loading | Engine::Ended => {}
        }
    }

    /// Jumps to what is live now.
    pub fn go_live(&self) {
        let position = match &*self.engine.borrow() {
            Engine::Script(script) => script.live_position(),
            Engine::Native => {
                let seekable = self.video.seekable();
                let last = seekable.length().checked_sub(1);
                last.and_then(|last| seekable.end(last).ok())
                    .map(|end| end - NATIVE_EDGE_S)
            }
            Engine::Loading | Engine::Ended => None,
        };
        if let Some(position) = position.filter(|position| *position > self.video.current_time()) {
            self.video.set_current_time(position);
        }
    }
}

/// The date of the video's second 0, from the programme dates of the playlist.
fn native_start_ms(video: &HtmlVideoElement) -> Option<f64> {
    let start = dom::call(video, "getStartDate")?;
    let start_ms = dom::call(&start, "getTime")?.as_f64();
    start_ms.filter(|ms| ms.is_finite())
}

/// The same where a browser tells no dates: what can be reached ends about now.
fn native_start_guessed_ms(video: &HtmlVideoElement) -> Option<f64> {
    let seekable = video.seekable();
    let ends_s = seekable.end(seekable.length().checked_sub(1)?).ok()?;
    Some(dom::wall_ms() - ends_s * 1_000.0).filter(|ms| ms.is_finite())
}

fn seek_native(video: &HtmlVideoElement, date_ms: f64) {
    let start_ms = native_start_ms(video).or_else(|| native_start_guessed_ms(video));
    if let Some(start_ms) = start_ms {
        let begins_s = video.seekable().start(0).unwrap_or(0.0);
        video.set_current_time(((date_ms - start_ms) / 1_000.0).max(begins_s));
    }
}

impl Drop for HlsSession {
    fn drop(&mut self) {
        // hls.js leaves the element by itself; the native player is told by an empty source.
        let engine = self.engine.replace(Engine::Ended);
        if matches!(engine, Engine::Native) {
            let _ = self.video.remove_attribute("src");
            self.video.load();
        }
    }
}
