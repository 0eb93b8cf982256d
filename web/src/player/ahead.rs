//! The session that a watch page begins before the client runs (`web/assets/ahead.js`).

use js_sys::{Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RtcPeerConnection, RtcRtpTransceiver};
use weir_protocol::StreamSlug;

use super::whep::Answered;
use crate::dom;

/// Where the page keeps it.
const NAME: &str = "weirAhead";

/// A connection whose offer is on its way to the server, or there.
pub struct Ahead {
    /// It.
    pub connection: RtcPeerConnection,
    /// For the picture.
    pub video: RtcRtpTransceiver,
    /// For [`answered`].
    pub begun: Promise,
}

/// What the page has begun, for whoever asks first; none when it is another stream's.
pub fn take(slug: &StreamSlug) -> Option<Ahead> {
    let window = dom::window();
    let ahead = dom::property(&window, NAME)?;
    if dom::property(&ahead, "slug")?.as_string()? != slug.as_str() {
        return None;
    }
    let connection: RtcPeerConnection = dom::property(&ahead, "connection")?.dyn_into().ok()?;
    let video = connection.get_transceivers().get(0).dyn_into().ok()?;
    let begun = dom::property(&ahead, "begun")?.dyn_into().ok()?;
    // From here on it is ours to end.
    Reflect::delete_property(&window, &NAME.into()).ok()?;
    Some(Ahead {
        connection,
        video,
        begun,
    })
}

/// What the server said; none where it could not be asked, and where it takes the page for somebody whose access token
/// has ended.
pub async fn answered(begun: Promise) -> Option<Answered> {
    let begun = JsFuture::from(begun).await.ok()?;
    let word = |name| dom::property(&begun, name).and_then(|it: JsValue| it.as_string());
    let number = |name| dom::property(&begun, name).and_then(|it| it.as_f64());
    let status = number("status")? as u16;
    (status != 401).then_some(Answered {
        status,
        location: word("location"),
        links: word("link").unwrap_or_default(),
        retry_after: word("retryAfter"),
        answer: word("answer")?,
        took_ms: number("tookMs")?,
    })
}
