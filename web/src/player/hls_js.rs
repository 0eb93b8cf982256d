//! The little of hls.js that the player uses. The script is ours to serve and is loaded when it is needed.

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::HtmlVideoElement;

use super::dvr::{self, Piece};
use crate::dom;

/// Seconds of played video that are kept for nothing but a short way back.
const BACK_BUFFER_S: f64 = 20.0;
/// The same in the past, where going to and fro is what people do.
const DVR_BACK_BUFFER_S: f64 = 60.0;
/// How much faster than real time the player may run to catch up with the live edge.
const CATCH_UP_RATE: f64 = 1.1;

#[wasm_bindgen]
extern "C" {
    type HlsInstance;
    #[wasm_bindgen(method, js_name = loadSource)]
    fn load_source(this: &HlsInstance, address: &str);
    #[wasm_bindgen(method, js_name = attachMedia)]
    fn attach_media(this: &HlsInstance, media: &HtmlVideoElement);
    #[wasm_bindgen(method)]
    fn on(this: &HlsInstance, event: &str, handle: &Function);
    #[wasm_bindgen(method, js_name = startLoad)]
    fn start_load(this: &HlsInstance, position: f64);
    #[wasm_bindgen(method)]
    fn destroy(this: &HlsInstance);
    #[wasm_bindgen(method, getter, js_name = playingDate)]
    fn playing_date(this: &HlsInstance) -> Option<js_sys::Date>;
    #[wasm_bindgen(method, getter, js_name = liveSyncPosition)]
    fn live_sync_position(this: &HlsInstance) -> Option<f64>;
    #[wasm_bindgen(method, getter, js_name = latestLevelDetails)]
    fn latest_level_details(this: &HlsInstance) -> Option<LevelDetails>;

    type LevelDetails;
    #[wasm_bindgen(method, getter)]
    fn fragments(this: &LevelDetails) -> Vec<Fragment>;

    type Fragment;
    #[wasm_bindgen(method, getter)]
    fn start(this: &Fragment) -> f64;
    #[wasm_bindgen(method, getter)]
    fn duration(this: &Fragment) -> f64;
    #[wasm_bindgen(method, getter, js_name = programDateTime)]
    fn program_date_time(this: &Fragment) -> Option<f64>;
}

/// Whether this browser can feed a video element by script at all.
pub fn has_media_source() -> bool {
    let window = dom::window();
    ["ManagedMediaSource", "MediaSource"]
        .iter()
        .any(|name| dom::property(&window, name).is_some())
}

/// A running hls.js. Dropping it ends it.
pub struct HlsJs {
    instance: Rc<HlsInstance>,
    _on_error: Handle,
    _on_playlist: Option<Handle>,
}

type Handle = Closure<dyn FnMut(JsValue, JsValue)>;

impl HlsJs {
    /// Loads the script, then the playlist, into `video`: what is live, or from the date that `from_ms` holds when
    /// the playlist is there. `failed` is called for errors that hls.js cannot mend.
    pub async fn start(
        playlist: &str,
        video: &HtmlVideoElement,
        from_ms: Option<Rc<Cell<f64>>>,
        failed: impl Fn() + 'static,
    ) -> Result<Self, JsValue> {
        Self::load(playlist, video, from_ms.is_some(), from_ms, failed).await
    }

    /// As [`Self::start`], for what was recorded: from its beginning.
    pub async fn start_recorded(
        playlist: &str,
        video: &HtmlVideoElement,
        failed: impl Fn() + 'static,
    ) -> Result<Self, JsValue> {
        Self::load(playlist, video, true, None, failed).await
    }

    async fn load(
        playlist: &str,
        video: &HtmlVideoElement,
        past: bool,
        from_ms: Option<Rc<Cell<f64>>>,
        failed: impl Fn() + 'static,
    ) -> Result<Self, JsValue> {
        let script = dom::meta("weir-hls").ok_or("the page names no hls.js")?;
        let module = dom::import(&script).await?;
        let class: Function = Reflect::get(&module, &"default".into())?.dyn_into()?;
        let instance: HlsInstance =
            Reflect::construct(&class, &Array::of1(&config(past)))?.unchecked_into();
        let instance = Rc::new(instance);
        let on_error = Handle::new(move |_, data: JsValue| {
            if dom::property(&data, "fatal").is_some_and(|fatal| fatal.is_truthy()) {
                failed();
            }
        });
        instance.on("hlsError", on_error.as_ref().unchecked_ref());
        let on_playlist = from_ms.map(|from_ms| begin_at(&instance, from_ms));
        instance.load_source(playlist);
        instance.attach_media(video);
        Ok(Self {
            instance,
            _on_error: on_error,
            _on_playlist: on_playlist,
        })
    }

    /// Goes to a date, once the playlist is there.
    pub fn seek(&self, date_ms: f64, video: &HtmlVideoElement) {
        let Some(position) = self.position(date_ms) else {
            return;
        };
        // Without media the element takes no position.
        if video.ready_state() == 0 {
            self.instance.start_load(position);
        } else {
            video.set_current_time(position);
        }
    }

    /// Where a date lies in the video's time, in seconds.
    pub fn position(&self, date_ms: f64) -> Option<f64> {
        position(&self.instance, date_ms)
    }

    /// The programme date of what is on screen, in Unix milliseconds.
    pub fn playing_date_ms(&self) -> Option<f64> {
        self.instance.playing_date().map(|date| date.get_time())
    }

    /// Where in the video's time the player wants to be, in seconds.
    pub fn live_position(&self) -> Option<f64> {
        self.instance.live_sync_position()
    }
}

impl Drop for HlsJs {
    fn drop(&mut self) {
        self.instance.destroy();
    }
}

/// Lets playback begin at a date. Only the first playlist says where that is in the player's time, and hls.js then has
/// not asked for media yet.
fn begin_at(instance: &Rc<HlsInstance>, from_ms: Rc<Cell<f64>>) -> Handle {
    let weak = Rc::downgrade(instance);
    let mut begun = false;
    let handle = Handle::new(move |_, _| {
        let Some(instance) = weak.upgrade().filter(|_| !begun) else {
            return;
        };
        if let Some(position) = position(&instance, from_ms.get()) {
            begun = true;
            instance.start_load(position);
        }
    });
    instance.on("hlsLevelUpdated", handle.as_ref().unchecked_ref());
    handle
}

fn position(instance: &HlsInstance, date_ms: f64) -> Option<f64> {
    let fragments = instance.latest_level_details()?.fragments();
    let dated = fragments.iter().filter_map(|fragment| {
        Some(Piece {
            start_s: fragment.start(),
            duration_s: fragment.duration(),
            date_ms: fragment.program_date_time()?,
        })
    });
    dvr::position(&dated.collect::<Vec<_>>(), date_ms)
}

fn config(past: bool) -> Object {
    let config = Object::new();
    dom::set_property(&config, "lowLatencyMode", &(!past).into());
    // CMAF needs no remultiplexing, so a worker would only cost a hop.
    dom::set_property(&config, "enableWorker", &false.into());
    let back_buffer_s = if past {
        DVR_BACK_BUFFER_S
    } else {
        dom::set_property(&config, "maxLiveSyncPlaybackRate", &CATCH_UP_RATE.into());
        BACK_BUFFER_S
    };
    dom::set_property(&config, "backBufferLength", &back_buffer_s.into());
    config
}
