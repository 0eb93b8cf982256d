//! The two video elements: one for each transport, so that the next picture is there before the old one goes.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlVideoElement;

use super::words::Transport;
use crate::{dom, settings::Sound};

/// Where pictures are shown.
#[derive(Clone)]
pub struct Stage {
    /// For WebRTC.
    pub rtc: HtmlVideoElement,
    /// For HLS, live and past.
    pub hls: HtmlVideoElement,
}

impl Stage {
    /// The element of a transport.
    pub fn video(&self, transport: Transport) -> &HtmlVideoElement {
        match transport {
            Transport::WebRtc => &self.rtc,
            Transport::Hls | Transport::Dvr => &self.hls,
        }
    }

    /// Gives the sound to `front` and silences the other. `told` hears whether the browser refuses sound, as it does
    /// before the viewer has touched the page; then the picture plays on in silence.
    pub fn give_sound(&self, front: Transport, sound: Sound, told: impl FnOnce(bool) + 'static) {
        let (video, other) = match front {
            Transport::WebRtc => (&self.rtc, &self.hls),
            Transport::Hls | Transport::Dvr => (&self.hls, &self.rtc),
        };
        other.set_muted(true);
        video.set_volume(sound.volume);
        video.set_muted(sound.muted);
        if sound.muted {
            return;
        }
        let video = video.clone();
        spawn_local(async move {
            let Ok(promise) = video.play() else { return };
            match JsFuture::from(promise).await {
                Ok(_) => told(false),
                Err(error) if is_not_allowed(&error) => {
                    video.set_muted(true);
                    dom::call_quietly(&video, "play");
                    told(true);
                }
                Err(_) => {}
            }
        });
    }

    /// Moves a floating window from the other transport's element to this one's.
    pub fn keep_floating(&self, front: Transport) {
        let floating = dom::property(&dom::document(), "pictureInPictureElement");
        let video = self.video(front);
        if floating.is_some_and(|element| !js_sys::Object::is(&element, video)) {
            dom::call_quietly(video, "requestPictureInPicture");
        }
    }
}

/// Whether `play()` was refused for want of a gesture, and not because something else was loaded meanwhile.
fn is_not_allowed(error: &wasm_bindgen::JsValue) -> bool {
    let name = error
        .dyn_ref::<js_sys::Object>()
        .and_then(|error| dom::property(error, "name"));
    name.and_then(|name| name.as_string()).as_deref() == Some("NotAllowedError")
}
