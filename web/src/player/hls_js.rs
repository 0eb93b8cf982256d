//! The little of hls.js that the player uses. The script is ours to serve and is loaded when it is needed.

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlVideoElement;

use crate::dom;

/// Seconds of played video that are kept for nothing but a short way back.
const BACK_BUFFER_S: f64 = 20.0;
/// How much faster than real time the player may run to catch up with the live edge.
const CATCH_UP_RATE: f64 = 1.1;

#[wasm_bindgen(inline_js = "export function import_module(address) { return import(address); }")]
extern "C" {
    fn import_module(address: &str) -> js_sys::Promise;
}

#[wasm_bindgen]
extern "C" {
    type HlsInstance;
    #[wasm_bindgen(method, js_name = loadSource)]
    fn load_source(this: &HlsInstance, address: &str);
    #[wasm_bindgen(method, js_name = attachMedia)]
    fn attach_media(this: &HlsInstance, media: &HtmlVideoElement);
    #[wasm_bindgen(method)]
    fn on(this: &HlsInstance, event: &str, handle: &Function);
    #[wasm_bindgen(method)]
    fn destroy(this: &HlsInstance);
    #[wasm_bindgen(method, getter, js_name = playingDate)]
    fn playing_date(this: &HlsInstance) -> Option<js_sys::Date>;
    #[wasm_bindgen(method, getter, js_name = liveSyncPosition)]
    fn live_sync_position(this: &HlsInstance) -> Option<f64>;
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
    instance: HlsInstance,
    _on_error: Closure<dyn FnMut(JsValue, JsValue)>,
}

impl HlsJs {
    /// Loads the script, then the playlist, into `video`. `failed` is called for errors that hls.js cannot mend.
    pub async fn start(
        playlist: &str,
        video: &HtmlVideoElement,
        failed: impl Fn() + 'static,
    ) -> Result<Self, JsValue> {
        let script = dom::meta("weir-hls").ok_or("the page names no hls.js")?;
        let module = JsFuture::from(import_module(&script)).await?;
        let class: Function = Reflect::get(&module, &"default".into())?.dyn_into()?;
        let instance: HlsInstance =
            Reflect::construct(&class, &Array::of1(&config()))?.unchecked_into();
        let on_error = Closure::<dyn FnMut(JsValue, JsValue)>::new(move |_, data: JsValue| {
            if dom::property(&data, "fatal").is_some_and(|fatal| fatal.is_truthy()) {
                failed();
            }
        });
        instance.on("hlsError", on_error.as_ref().unchecked_ref());
        instance.load_source(playlist);
        instance.attach_media(video);
        Ok(Self {
            instance,
            _on_error: on_error,
        })
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

fn config() -> Object {
    let config = Object::new();
    dom::set_property(&config, "lowLatencyMode", &true.into());
    // CMAF needs no remultiplexing, so a worker would only cost a hop.
    dom::set_property(&config, "enableWorker", &false.into());
    dom::set_property(&config, "backBufferLength", &BACK_BUFFER_S.into());
    dom::set_property(&config, "maxLiveSyncPlaybackRate", &CATCH_UP_RATE.into());
    config
}
