//! Cameras, microphones and screens.

use std::{fmt, rc::Rc};

use js_sys::{Array, Object};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MediaStream, MediaStreamTrack};

use crate::dom::{self, Listener};

/// What is asked of a camera: 720p is what most uplinks carry in three sizes.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const FPS: u32 = 30;

/// Why nothing is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureError {
    /// The streamer or the browser said no.
    Denied,
    /// There is no such device.
    NotFound,
    /// Another program has it.
    Busy,
    /// The page did not come over HTTPS, or the browser cannot do this.
    Unsupported,
    /// Something else.
    Failed,
}

/// A track that is captured until the last copy is dropped.
#[derive(Clone)]
pub struct Track(Rc<Inner>);

struct Inner {
    track: MediaStreamTrack,
    _ended: Listener,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.track.stop();
    }
}

impl PartialEq for Track {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Track").field(&self.0.track.label()).finish()
    }
}

impl Track {
    fn new(track: MediaStreamTrack, ended: impl Fn() + 'static) -> Self {
        let listener = Listener::new(&track, "ended", move |_| ended());
        Self(Rc::new(Inner {
            track,
            _ended: listener,
        }))
    }

    /// The browser's own.
    pub fn raw(&self) -> &MediaStreamTrack {
        &self.0.track
    }

    /// Black, or silence, while it is off.
    pub fn turn(&self, on: bool) {
        self.0.track.set_enabled(on);
    }

    /// The device that it comes from, as lists of devices name it.
    pub fn device(&self) -> String {
        let settings = dom::call(&self.0.track, "getSettings");
        settings
            .and_then(|it| dom::property(&it, "deviceId")?.as_string())
            .unwrap_or_default()
    }

    /// A stream of this track alone.
    pub fn stream(&self) -> Option<MediaStream> {
        let stream = MediaStream::new().ok()?;
        stream.add_track(&self.0.track);
        Some(stream)
    }
}

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Camera,
    Microphone,
}

/// A camera or microphone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub kind: Kind,
    pub id: String,
    pub name: String,
}

/// Captures a device: this one, or with an empty id the browser's choice. `ended` is called when it is taken away.
pub async fn device(
    kind: Kind,
    id: &str,
    ended: impl Fn() + 'static,
) -> Result<Track, CaptureError> {
    let wanted = Object::new();
    if !id.is_empty() {
        dom::set_property(&wanted, "deviceId", &with("exact", id.into()));
    }
    let of_kind = match kind {
        Kind::Camera => {
            for (name, number) in [("width", WIDTH), ("height", HEIGHT), ("frameRate", FPS)] {
                dom::set_property(&wanted, name, &with("ideal", number.into()));
            }
            "video"
        }
        Kind::Microphone => "audio",
    };
    let constraints = with(of_kind, wanted.into());
    capture("getUserMedia", &constraints, ended).await
}

/// Captures a screen or window that the browser lets the streamer choose.
pub async fn screen(ended: impl Fn() + 'static) -> Result<Track, CaptureError> {
    let video = with("frameRate", with("ideal", FPS.into()).into());
    let track = capture("getDisplayMedia", &with("video", video.into()), ended).await?;
    // Text stays sharp, at fewer pictures a second where the uplink is short.
    dom::set_property(track.raw(), "contentHint", &"detail".into());
    Ok(track)
}

async fn capture(
    method: &str,
    constraints: &Object,
    ended: impl Fn() + 'static,
) -> Result<Track, CaptureError> {
    let devices = media_devices().ok_or(CaptureError::Unsupported)?;
    let promise = dom::call_with(&devices, method, constraints).ok_or(CaptureError::Unsupported)?;
    let stream = JsFuture::from(js_sys::Promise::resolve(&promise)).await;
    let stream: MediaStream = stream
        .map_err(|error| reason(&error))?
        .dyn_into()
        .map_err(|_| CaptureError::Failed)?;
    let track: MediaStreamTrack = stream
        .get_tracks()
        .get(0)
        .dyn_into()
        .map_err(|_| CaptureError::Failed)?;
    Ok(Track::new(track, ended))
}

/// The cameras and microphones; they have names only once one of them may be used.
pub async fn devices() -> Vec<Device> {
    let Some(promise) = media_devices().and_then(|it| dom::call(&it, "enumerateDevices")) else {
        return Vec::new();
    };
    let Ok(list) = JsFuture::from(js_sys::Promise::resolve(&promise)).await else {
        return Vec::new();
    };
    let word = |entry: &JsValue, name| dom::property(entry, name)?.as_string();
    let read = |entry: JsValue| {
        let kind = match word(&entry, "kind")?.as_str() {
            "videoinput" => Kind::Camera,
            "audioinput" => Kind::Microphone,
            _ => return None,
        };
        let (id, name) = (word(&entry, "deviceId")?, word(&entry, "label")?);
        (!id.is_empty()).then_some(Device { kind, id, name })
    };
    Array::from(&list).iter().filter_map(read).collect()
}

/// Whether this browser lets screens be shared; phones do not.
pub fn has_screens() -> bool {
    media_devices().is_some_and(|it| dom::property(&it, "getDisplayMedia").is_some())
}

fn media_devices() -> Option<JsValue> {
    dom::property(&dom::window().navigator(), "mediaDevices")
}

fn with(name: &str, value: JsValue) -> Object {
    let object = Object::new();
    dom::set_property(&object, name, &value);
    object
}

fn reason(error: &JsValue) -> CaptureError {
    let name = dom::property(error, "name").and_then(|name| name.as_string());
    by_name(&name.unwrap_or_default())
}

/// Names as Media Capture and Streams, section 10.2, has them.
fn by_name(name: &str) -> CaptureError {
    match name {
        "NotAllowedError" | "SecurityError" => CaptureError::Denied,
        "NotFoundError" | "OverconstrainedError" => CaptureError::NotFound,
        "NotReadableError" | "AbortError" => CaptureError::Busy,
        "TypeError" | "NotSupportedError" => CaptureError::Unsupported,
        _ => CaptureError::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart() {
        assert_eq!(by_name("NotAllowedError"), CaptureError::Denied);
        assert_eq!(by_name("OverconstrainedError"), CaptureError::NotFound);
        assert_eq!(by_name("NotReadableError"), CaptureError::Busy);
        assert_eq!(by_name(""), CaptureError::Failed);
    }
}
