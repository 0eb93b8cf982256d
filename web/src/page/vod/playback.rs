//! Gives a recording to a video element: by hls.js where scripts may feed it, else by the browser's own HLS.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlVideoElement;

use crate::player::{HlsJs, HlsPlayer};

/// Ends when it is dropped.
pub struct Playback {
    _held: Rc<Held>,
}

struct Held {
    video: HtmlVideoElement,
    script: RefCell<Option<HlsJs>>,
}

impl Playback {
    /// From the beginning; it plays when it is told to. `failed` is called for what cannot be mended.
    pub fn start(
        playlist: String,
        video: HtmlVideoElement,
        player: HlsPlayer,
        failed: impl Fn() + Clone + 'static,
    ) -> Self {
        let held = Rc::new(Held {
            video,
            script: RefCell::new(None),
        });
        match player {
            HlsPlayer::Native => held.video.set_src(&playlist),
            HlsPlayer::HlsJs => {
                let weak = Rc::downgrade(&held);
                let video = held.video.clone();
                spawn_local(async move {
                    let on_fatal = failed.clone();
                    match HlsJs::start_recorded(&playlist, &video, on_fatal).await {
                        Ok(script) => {
                            // Dropped meanwhile: then so is this.
                            if let Some(held) = weak.upgrade() {
                                *held.script.borrow_mut() = Some(script);
                            }
                        }
                        Err(_) => failed(),
                    }
                });
            }
        }
        Self { _held: held }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // hls.js leaves the element by itself; the native player is told by an empty source.
        if self.script.borrow().is_none() {
            let _ = self.video.remove_attribute("src");
            self.video.load();
        }
    }
}
