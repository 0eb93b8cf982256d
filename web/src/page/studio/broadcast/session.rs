//! One WHIP session (RFC 9725): offer, answer, tracks, statistics, and its end.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_net::http::{Method, RequestBuilder};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Object};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    MediaStreamTrack, RtcPeerConnection, RtcPeerConnectionState, RtcRtpSender,
    RtcRtpTransceiverDirection, RtcRtpTransceiverInit, RtcSdpType, RtcSessionDescriptionInit,
};

use super::{
    capture::Track,
    machine::{Failure, Lost},
};
use crate::{
    dom::{self, Listener},
    rtc::{self, IceKeeper},
};

const ENDPOINT: &str = "/whip";

/// What is sent: three sizes of the picture, so that each viewer gets one that fits. Name, divisor of the size, bits
/// a second.
const LAYERS: [(&str, f64, f64); 3] = [
    ("q", 4.0, 150_000.0),
    ("h", 2.0, 500_000.0),
    ("f", 1.0, 2_500_000.0),
];

/// A connection that has had no path for so long is given up: ICE was restarted several times, and the server
/// keeps the session no longer than 30 s. Milliseconds.
const SILENT_MS: u32 = 12_000;
/// An answer that takes longer will not come. Milliseconds.
const CONNECT_MS: u32 = 15_000;
/// Where a busy server names no time. Seconds.
const RETRY_S: u64 = 2;
/// How long the answer to `DELETE` is waited for before the connection goes anyway. Milliseconds.
const DELETE_MS: u32 = 1_000;

/// News from a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Media can go out.
    Up,
    /// It is no more.
    Down(Lost),
}

/// What is sent, all sizes together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sent {
    /// Bytes of pictures so far.
    pub bytes: f64,
    /// Of the largest picture, each second.
    pub fps: f64,
    /// Lines of the largest picture.
    pub lines: f64,
}

/// A session from its offer to its `DELETE`. Dropping it ends it.
pub struct WhipSession {
    shared: Rc<Shared>,
    _listener: Listener,
}

struct Shared {
    connection: RtcPeerConnection,
    key: String,
    video: Option<RtcRtpSender>,
    audio: Option<RtcRtpSender>,
    progress: RefCell<Progress>,
    /// How often a path was found.
    paths: Cell<u32>,
    /// From the answer on.
    keeper: RefCell<Option<IceKeeper>>,
    tell: Box<dyn Fn(News)>,
}

enum Progress {
    Negotiating,
    /// The server keeps the session under this address.
    Open(String),
    Closed,
}

impl WhipSession {
    /// Publishes these tracks under the key.
    pub fn open(
        key: &str,
        video: Option<&Track>,
        audio: Option<&Track>,
        tell: impl Fn(News) + 'static,
    ) -> Result<Self, JsValue> {
        let connection = RtcPeerConnection::new_with_configuration(&rtc::configuration())?;
        let video = video.map(|track| add_video(&connection, track.raw()));
        let audio = audio.map(|track| {
            let init = RtcRtpTransceiverInit::new();
            init.set_direction(RtcRtpTransceiverDirection::Sendonly);
            let transceiver =
                connection.add_transceiver_with_media_stream_track_and_init(track.raw(), &init);
            transceiver.sender()
        });
        let shared = Rc::new(Shared {
            connection,
            key: key.to_owned(),
            video,
            audio,
            progress: RefCell::new(Progress::Negotiating),
            paths: Cell::new(0),
            keeper: RefCell::default(),
            tell: Box::new(tell),
        });
        let weak = Rc::downgrade(&shared);
        let listener = Listener::new(&shared.connection, "connectionstatechange", move |_| {
            if let Some(shared) = weak.upgrade() {
                shared.look();
            }
        });
        let negotiating = shared.clone();
        spawn_local(async move {
            if let Err(lost) = negotiating.negotiate().await {
                negotiating.tell(News::Down(lost));
            }
        });
        let weak = Rc::downgrade(&shared);
        spawn_local(async move {
            TimeoutFuture::new(CONNECT_MS).await;
            if let Some(shared) = weak.upgrade()
                && shared.connection.connection_state() != RtcPeerConnectionState::Connected
            {
                shared.tell(News::Down(Lost::Broken));
            }
        });
        Ok(Self {
            shared,
            _listener: listener,
        })
    }

    /// From now on this picture is sent, or none. False where the session sends no pictures.
    pub fn set_video(&self, track: Option<&Track>) -> bool {
        replace(self.shared.video.as_ref(), track)
    }

    /// The same of sound.
    pub fn set_audio(&self, track: Option<&Track>) -> bool {
        replace(self.shared.audio.as_ref(), track)
    }

    /// What has been sent.
    pub fn sent(&self) -> impl Future<Output = Option<Sent>> + 'static {
        let report = self.shared.connection.get_stats();
        async move { Some(read(&JsFuture::from(report).await.ok()?)) }
    }
}

impl Drop for WhipSession {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// A change of track needs no word with the server.
fn replace(sender: Option<&RtcRtpSender>, track: Option<&Track>) -> bool {
    let Some(sender) = sender else {
        return track.is_none();
    };
    let promise = sender.replace_track(track.map(Track::raw));
    spawn_local(async move {
        // Refused by a connection that is closed meanwhile.
        let _ = JsFuture::from(promise).await;
    });
    true
}

fn add_video(connection: &RtcPeerConnection, track: &MediaStreamTrack) -> RtcRtpSender {
    let encodings = Array::new();
    for (name, divisor, bits) in LAYERS {
        let encoding = Object::new();
        dom::set_property(&encoding, "rid", &name.into());
        dom::set_property(&encoding, "scaleResolutionDownBy", &divisor.into());
        dom::set_property(&encoding, "maxBitrate", &bits.into());
        dom::set_property(&encoding, "maxFramerate", &30.into());
        encodings.push(&encoding);
    }
    let init = RtcRtpTransceiverInit::new();
    init.set_direction(RtcRtpTransceiverDirection::Sendonly);
    dom::set_property(&init, "sendEncodings", &encodings);
    let transceiver = connection.add_transceiver_with_media_stream_track_and_init(track, &init);
    if let Some(codecs) = h264_first() {
        // A browser that cannot choose sends what it likes best.
        let _ = dom::call_with(&transceiver, "setCodecPreferences", &codecs);
    }
    transceiver.sender()
}

/// What every player and every other site takes, in front of the rest.
fn h264_first() -> Option<Array> {
    let sender = dom::property(&dom::window(), "RTCRtpSender")?;
    let known = dom::call_with(&sender, "getCapabilities", &"video".into())?;
    let known = Array::from(&dom::property(&known, "codecs")?);
    let is_h264 = |codec: &JsValue| {
        let name = dom::property(codec, "mimeType").and_then(|name| name.as_string());
        name.is_some_and(|name| name.eq_ignore_ascii_case("video/h264"))
    };
    let (first, rest): (Vec<JsValue>, Vec<JsValue>) = known.iter().partition(is_h264);
    Some(first.into_iter().chain(rest).collect())
}

impl Shared {
    fn tell(&self, news: News) {
        if !matches!(*self.progress.borrow(), Progress::Closed) {
            (self.tell)(news);
        }
    }

    fn look(self: &Rc<Self>) {
        match self.connection.connection_state() {
            RtcPeerConnectionState::Connected => {
                self.paths.set(self.paths.get() + 1);
                self.tell(News::Up);
            }
            RtcPeerConnectionState::Closed => self.tell(News::Down(Lost::Broken)),
            RtcPeerConnectionState::Failed if !self.lacks_path() => {
                self.tell(News::Down(Lost::Broken));
            }
            // Another path is looked for.
            RtcPeerConnectionState::Failed | RtcPeerConnectionState::Disconnected => {
                let (weak, paths) = (Rc::downgrade(self), self.paths.get());
                spawn_local(async move {
                    TimeoutFuture::new(SILENT_MS).await;
                    // One that was found and lost again since has a time of its own.
                    if let Some(shared) = weak.upgrade()
                        && shared.connection.connection_state() != RtcPeerConnectionState::Connected
                        && shared.paths.get() == paths
                    {
                        shared.tell(News::Down(Lost::Broken));
                    }
                });
            }
            _ => {}
        }
    }

    /// The offer has no candidates: the server's stand in the answer, and it learns ours from the first check.
    async fn negotiate(self: &Rc<Self>) -> Result<(), Lost> {
        let broken = |_| Lost::Broken;
        let offer = JsFuture::from(self.connection.create_offer())
            .await
            .map_err(broken)?;
        let offer = dom::property(&offer, "sdp").and_then(|sdp| sdp.as_string());
        let offer = offer.ok_or(Lost::Broken)?;
        let local = description(RtcSdpType::Offer, &offer);
        JsFuture::from(self.connection.set_local_description(&local))
            .await
            .map_err(broken)?;
        let asked_ms = dom::now_ms();
        let answer = RequestBuilder::new(ENDPOINT)
            .method(Method::POST)
            .header("content-type", "application/sdp")
            .header("authorization", &format!("Bearer {}", self.key))
            .body(offer)
            .map_err(|_| Lost::Broken)?
            .send()
            .await
            .map_err(|_| Lost::Broken)?;
        let retry = answer.headers().get("retry-after");
        if let Some(lost) = refusal(answer.status(), retry.as_deref()) {
            return Err(lost);
        }
        let location = answer.headers().get("location").ok_or(Lost::Broken)?;
        if matches!(*self.progress.borrow(), Progress::Closed) {
            // The streamer stopped while the server was answering.
            delete(&location, &self.key).await;
            return Ok(());
        }
        *self.progress.borrow_mut() = Progress::Open(location.clone());
        let links = answer.headers().get("link").unwrap_or_default();
        let sdp = answer.text().await.map_err(|_| Lost::Broken)?;
        let remote = description(RtcSdpType::Answer, &sdp);
        JsFuture::from(self.connection.set_remote_description(&remote))
            .await
            .map_err(broken)?;
        if matches!(*self.progress.borrow(), Progress::Open(_)) {
            let session = rtc::Session {
                location,
                bearer: Some(self.key.clone()),
                answer: sdp,
                servers: rtc::ice_servers(&links),
                took_ms: dom::now_ms() - asked_ms,
            };
            let weak = Rc::downgrade(self);
            let gone = move || {
                if let Some(shared) = weak.upgrade() {
                    shared.tell(News::Down(Lost::Broken));
                }
            };
            let keeper = IceKeeper::new(&self.connection, session, str::to_owned, gone);
            *self.keeper.borrow_mut() = Some(keeper);
        }
        Ok(())
    }

    /// Whether what failed is the path, and something is done about it.
    fn lacks_path(&self) -> bool {
        let state = dom::property(&self.connection, "iceConnectionState");
        let failed = state.and_then(|it| it.as_string()).as_deref() == Some("failed");
        failed && self.keeper.borrow().is_some()
    }

    fn close(&self) {
        self.keeper.take();
        match self.progress.replace(Progress::Closed) {
            Progress::Open(location) => {
                let (connection, ended) = (self.connection.clone(), delete(&location, &self.key));
                spawn_local(async move {
                    let patience = TimeoutFuture::new(DELETE_MS);
                    futures_util::future::select(std::pin::pin!(ended), patience).await;
                    connection.close();
                });
            }
            Progress::Negotiating | Progress::Closed => self.connection.close(),
        }
    }
}

/// What an answer without a session means.
fn refusal(status: u16, retry_after: Option<&str>) -> Option<Lost> {
    match status {
        201 => None,
        401 | 403 => Some(Lost::Failed(Failure::BadKey)),
        429 | 503 => {
            let seconds = retry_after.and_then(|text| text.trim().parse().ok());
            Some(Lost::Busy(seconds.unwrap_or(RETRY_S).saturating_mul(1_000)))
        }
        400 | 406 | 415 | 422 => Some(Lost::Failed(Failure::Rejected)),
        _ => Some(Lost::Broken),
    }
}

/// Ends the session on the server. The request leaves at once, and `keepalive` lets it outlive the page.
fn delete(location: &str, key: &str) -> impl Future<Output = ()> + 'static {
    let headers = Object::new();
    dom::set_property(&headers, "Authorization", &format!("Bearer {key}").into());
    let init = Object::new();
    dom::set_property(&init, "method", &"DELETE".into());
    dom::set_property(&init, "keepalive", &true.into());
    dom::set_property(&init, "headers", &headers);
    let window = dom::window();
    let fetch = dom::property(&window, "fetch").and_then(|it| it.dyn_into::<Function>().ok());
    let answer = fetch.and_then(|fetch| fetch.call2(&window, &location.into(), &init).ok());
    async move {
        if let Some(answer) = answer {
            // A server that is gone has no session to end.
            let _ = JsFuture::from(js_sys::Promise::resolve(&answer)).await;
        }
    }
}

fn description(kind: RtcSdpType, sdp: &str) -> RtcSessionDescriptionInit {
    let description = RtcSessionDescriptionInit::new(kind);
    description.set_sdp(sdp);
    description
}

fn read(report: &JsValue) -> Sent {
    let mut sent = Sent::default();
    // A report is a map; its entries are walked by the map's own iterator.
    let Some(values) = dom::call(report, "values") else {
        return sent;
    };
    let Ok(Some(values)) = js_sys::try_iter(&values) else {
        return sent;
    };
    for entry in values.flatten() {
        let word = |name| dom::property(&entry, name).and_then(|it| it.as_string());
        let number = |name| dom::property(&entry, name).and_then(|it| it.as_f64());
        let is_video = word("kind").as_deref() == Some("video");
        if word("type").as_deref() != Some("outbound-rtp") || !is_video {
            continue;
        }
        sent.bytes += number("bytesSent").unwrap_or(0.0);
        let lines = number("frameHeight").unwrap_or(0.0);
        if lines >= sent.lines {
            sent.lines = lines;
            sent.fps = number("framesPerSecond").unwrap_or(0.0);
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_whether_another_try_helps() {
        assert_eq!(refusal(201, None), None);
        assert_eq!(refusal(401, None), Some(Lost::Failed(Failure::BadKey)));
        assert_eq!(refusal(422, None), Some(Lost::Failed(Failure::Rejected)));
        assert_eq!(refusal(503, Some("7")), Some(Lost::Busy(7_000)));
        assert_eq!(refusal(429, Some("soon")), Some(Lost::Busy(2_000)));
        assert_eq!(refusal(500, None), Some(Lost::Broken));
    }
}
