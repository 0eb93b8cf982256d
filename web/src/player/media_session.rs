//! What the system shows of the stream beside the page, and its keys: on a keyboard, headphones, a locked phone.

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use weir_protocol::StreamSummary;

use super::{driver::Remote, seek_bar::SKIP_S, ui::Action};
use crate::dom;

/// Handlers of the system's keys. Dropping it gives them back.
pub struct MediaSession {
    session: JsValue,
    _handlers: Vec<Closure<dyn FnMut()>>,
}

/// Play and pause work by themselves: the elements tell of it.
const KEYS: [(&str, Action); 2] = [
    ("seekbackward", Action::Skip(-SKIP_S)),
    ("seekforward", Action::Skip(SKIP_S)),
];

impl MediaSession {
    /// Takes the keys; `None` where the browser has no such thing.
    pub fn take(remote: &Remote) -> Option<Self> {
        let session = dom::property(&dom::window().navigator(), "mediaSession")?;
        let mut handlers = Vec::new();
        for (key, action) in KEYS {
            let remote = remote.clone();
            let handler = Closure::<dyn FnMut()>::new(move || remote.act(action));
            dom::call_with_two(&session, "setActionHandler", &key.into(), handler.as_ref());
            handlers.push(handler);
        }
        Some(Self {
            session,
            _handlers: handlers,
        })
    }

    /// What is on.
    pub fn show(&self, stream: &StreamSummary) {
        let about = Object::new();
        dom::set_property(&about, "title", &stream.title.as_str().into());
        if let Some(owner) = &stream.owner {
            let name = owner.display_name.as_ref().unwrap_or(&owner.name);
            dom::set_property(&about, "artist", &name.as_str().into());
        }
        if let Some(picture) = &stream.thumbnail_url {
            let artwork = Object::new();
            dom::set_property(&artwork, "src", &picture.as_str().into());
            dom::set_property(&about, "artwork", &Array::of1(&artwork));
        }
        let maker = dom::property(&dom::window(), "MediaMetadata")
            .and_then(|maker| maker.dyn_into::<Function>().ok());
        let made = maker.and_then(|maker| Reflect::construct(&maker, &Array::of1(&about)).ok());
        if let Some(made) = made {
            dom::set_property(&self.session, "metadata", &made);
        }
    }
}

impl Drop for MediaSession {
    fn drop(&mut self) {
        for (key, _) in KEYS {
            dom::call_with_two(
                &self.session,
                "setActionHandler",
                &key.into(),
                &JsValue::NULL,
            );
        }
        dom::set_property(&self.session, "metadata", &JsValue::NULL);
    }
}
