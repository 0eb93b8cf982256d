//! One HLS playback: by hls.js where scripts may feed the video element, else by the browser itself.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlVideoElement;
use weir_protocol::StreamSlug;

use super::hls_js::{self, HlsJs};
use crate::dom::{self, Listener};

/// How far from the end of what is buffered a resumed native player starts, in seconds.
const NATIVE_EDGE_S: f64 = 1.5;

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

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HlsEvent {
    /// The picture moves.
    Playing,
    /// It waits for data.
    Buffering,
    /// It gave up.
    Failed,
}

/// A playback from its playlist to its end. Dropping it ends it.
pub struct HlsSession {
    player: HlsPlayer,
    video: HtmlVideoElement,
    engine: Rc<RefCell<Engine>>,
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
        tell: impl Fn(HlsEvent) + 'static,
    ) -> Self {
        let playlist = format!("/hls/{slug}/master.m3u8");
        let tell = Rc::new(tell);
        let listeners = [
            ("playing", HlsEvent::Playing),
            ("timeupdate", HlsEvent::Playing),
            ("waiting", HlsEvent::Buffering),
            ("error", HlsEvent::Failed),
            ("ended", HlsEvent::Failed),
        ]
        .into_iter()
        .map(|(name, news)| {
            let (tell, element) = (tell.clone(), video.clone());
            Listener::new(video, name, move |_| {
                // Time also "updates" on seeking, before there is a picture.
                if news != HlsEvent::Playing
                    || (element.ready_state() >= 3 && element.current_time() > 0.0)
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
                video.set_src(&playlist);
                dom::call_quietly(video, "play");
            }
            HlsPlayer::HlsJs => {
                let (engine, video) = (engine.clone(), video.clone());
                spawn_local(async move {
                    let on_fatal = tell.clone();
                    let started =
                        HlsJs::start(&playlist, &video, move || on_fatal(HlsEvent::Failed)).await;
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
                // `getStartDate()` is the date of the video's second 0, from the programme dates of the playlist.
                let start = dom::call(&self.video, "getStartDate")?;
                let start_ms = dom::call(&start, "getTime")?
                    .as_f64()
                    .filter(|ms| ms.is_finite())?;
                Some(start_ms + self.video.current_time() * 1_000.0)
            }
            Engine::Loading | Engine::Ended => None,
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
