//! One WHEP session: offer, answer, tracks, statistics, and its end.

use std::{cell::RefCell, rc::Rc};

use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    HtmlVideoElement, MediaStream, RtcPeerConnection, RtcPeerConnectionState, RtcRtpTransceiver,
    RtcRtpTransceiverDirection, RtcRtpTransceiverInit, RtcSdpType, RtcSessionDescriptionInit,
};
use weir_protocol::{Layer, SelectLayer, StreamSlug};

use super::{
    ahead,
    carrier::{Carrier, Pairs},
    health::Counts,
    layer_resource::LayerResource,
    qoe::Freezes,
    sdp,
};
use crate::{
    api,
    dom::{self, Listener},
    rtc::{self, IceKeeper},
};

/// Where the server names no time, this is when to ask again. Milliseconds.
const DEFAULT_RETRY_MS: u64 = 2_000;
/// A server that says "at once" is asked no more often than this. Milliseconds.
const MIN_RETRY_MS: u64 = 500;

/// How long the answer to `DELETE` is waited for before the connection goes anyway. Milliseconds.
const DELETE_MS: u32 = 1_000;

/// News from a session.
#[derive(Debug, Clone, PartialEq)]
pub enum WhepNews {
    /// Nobody publishes.
    NotLive {
        /// When to ask again.
        retry_ms: u64,
    },
    /// The server has no room.
    Refused {
        /// When to ask again.
        retry_ms: u64,
    },
    /// It cannot be made, or died for good.
    Failed,
    /// The server has answered; whether it lets a layer be chosen is known.
    Open,
    /// The first frame is there.
    FirstFrame,
    /// An answer to [`WhepSession::ask_stats`].
    Stats(RtcStats),
    /// An answer to [`WhepSession::ask_layers`] or [`WhepSession::select`].
    Layers(Vec<Layer>),
}

/// What the receivers count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RtcStats {
    /// Whether the transport is up.
    pub connected: bool,
    /// Whether the answer promised video.
    pub has_video: bool,
    /// Decoded video frames.
    pub frames: f64,
    /// Received packets of sound.
    pub audio_packets: f64,
    /// Sender's NTP time of what is on screen, in milliseconds.
    pub playout_ntp_ms: Option<f64>,
    /// What carries it.
    pub carrier: Option<Carrier>,
    /// For the numbers that people may look at.
    pub counts: Counts,
}

/// A session from its offer to its `DELETE`. Dropping it ends it.
pub struct WhepSession {
    shared: Rc<Shared>,
    _listeners: [Listener; 2],
}

struct Shared {
    connection: RtcPeerConnection,
    video: HtmlVideoElement,
    video_transceiver: RtcRtpTransceiver,
    media: MediaStream,
    progress: RefCell<Progress>,
    /// From the answer on.
    keeper: RefCell<Option<IceKeeper>>,
    tell: Box<dyn Fn(WhepNews)>,
}

/// What the server says to an offer.
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Where the session is.
    pub location: Option<String>,
    /// All of its `Link` fields.
    pub links: String,
    /// When to ask again, in seconds.
    pub retry_after: Option<String>,
    /// The body: of a session, its SDP.
    pub answer: String,
    /// What asking took.
    pub took_ms: f64,
}

enum Progress {
    /// The answer is not here yet.
    Negotiating,
    /// The server keeps a session under this address.
    Open {
        location: String,
        layers: Option<LayerResource>,
    },
    /// Nothing more is told.
    Closed,
}

impl WhepSession {
    /// Asks for the stream and plays it in `video`, without sound until the element is unmuted.
    pub fn open(
        slug: &StreamSlug,
        video: &HtmlVideoElement,
        tell: impl Fn(WhepNews) + 'static,
    ) -> Result<Self, JsValue> {
        let (connection, video_transceiver, begun) = match ahead::take(slug) {
            Some(it) => (it.connection, it.video, Some(it.begun)),
            None => {
                let (connection, video) = receiver()?;
                (connection, video, None)
            }
        };
        let shared = Rc::new(Shared {
            connection,
            video: video.clone(),
            video_transceiver,
            media: MediaStream::new()?,
            progress: RefCell::new(Progress::Negotiating),
            keeper: RefCell::default(),
            tell: Box::new(tell),
        });
        let listeners = [
            Listener::new(&shared.connection, "connectionstatechange", {
                let weak = Rc::downgrade(&shared);
                move |_| {
                    if let Some(shared) = weak.upgrade() {
                        match shared.connection.connection_state() {
                            // Another path is looked for; how long, the player's machine says.
                            RtcPeerConnectionState::Failed if shared.lacks_path() => {}
                            RtcPeerConnectionState::Failed | RtcPeerConnectionState::Closed => {
                                shared.tell(WhepNews::Failed);
                            }
                            _ => {}
                        }
                    }
                }
            }),
            Listener::new(video, "loadeddata", {
                let weak = Rc::downgrade(&shared);
                move |_| {
                    if let Some(shared) = weak.upgrade()
                        && shared.is_on_screen()
                        && (shared.video.video_width() > 0 || !shared.wants_video())
                    {
                        shared.tell(WhepNews::FirstFrame);
                    }
                }
            }),
        ];
        let endpoint = format!("/whep/{slug}");
        let negotiating = shared.clone();
        spawn_local(async move {
            match negotiating.negotiate(&endpoint, begun).await {
                Ok(()) => {}
                Err(Refusal::NotLive { retry_ms }) => {
                    negotiating.tell(WhepNews::NotLive { retry_ms })
                }
                Err(Refusal::Later { retry_ms }) => {
                    negotiating.tell(WhepNews::Refused { retry_ms })
                }
                Err(Refusal::Broken) => negotiating.tell(WhepNews::Failed),
            }
        });
        Ok(Self {
            shared,
            _listeners: listeners,
        })
    }

    /// Reads the statistics; they are told as [`WhepNews::Stats`].
    pub fn ask_stats(&self) {
        let shared = self.shared.clone();
        let wants_video = shared.wants_video();
        let promise = shared.connection.get_stats();
        spawn_local(async move {
            if let Ok(report) = JsFuture::from(promise).await {
                let connected =
                    shared.connection.connection_state() == RtcPeerConnectionState::Connected;
                shared.tell(WhepNews::Stats(RtcStats {
                    connected,
                    has_video: wants_video,
                    ..read_stats(&report, wants_video)
                }));
            }
        });
    }

    /// Asks which layers there are; they are told as [`WhepNews::Layers`], where the server has them.
    pub fn ask_layers(&self) {
        if let Progress::Open {
            layers: Some(layers),
            ..
        } = &*self.shared.progress.borrow()
        {
            layers.look();
        }
    }

    /// Tells the server what to send. False when it does not take that, or not yet.
    pub fn select(&self, selection: SelectLayer) -> bool {
        match &*self.shared.progress.borrow() {
            Progress::Open {
                layers: Some(layers),
                ..
            } => {
                layers.select(selection);
                true
            }
            Progress::Open { layers: None, .. } | Progress::Negotiating | Progress::Closed => false,
        }
    }

    /// By which the server knows it: the last part of its address.
    pub fn name(&self) -> Option<String> {
        match &*self.shared.progress.borrow() {
            Progress::Open { location, .. } => location.rsplit('/').next().map(str::to_owned),
            Progress::Negotiating | Progress::Closed => None,
        }
    }

    /// The size of the picture on screen.
    pub fn size(&self) -> (u32, u32) {
        let video = &self.shared.video;
        (video.video_width(), video.video_height())
    }
}

impl Drop for WhepSession {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Why there is no session.
enum Refusal {
    NotLive { retry_ms: u64 },
    Later { retry_ms: u64 },
    Broken,
}

impl From<JsValue> for Refusal {
    fn from(_: JsValue) -> Self {
        Self::Broken
    }
}

impl Shared {
    fn tell(&self, news: WhepNews) {
        if !matches!(*self.progress.borrow(), Progress::Closed) {
            (self.tell)(news);
        }
    }

    /// RFC 9725, section 4.2, with the roles of WHEP. The offer has no candidates: the server is ICE-lite in effect,
    /// its own candidates stand in the answer, and it learns ours from the first check.
    async fn negotiate(
        self: &Rc<Self>,
        endpoint: &str,
        begun: Option<Promise>,
    ) -> Result<(), Refusal> {
        let begun = match begun {
            Some(begun) => ahead::answered(begun).await,
            None => None,
        };
        let answered = match begun {
            Some(answered) => answered,
            None => self.ask(endpoint).await?,
        };
        match answered.status {
            201 => {}
            status @ (409 | 429 | 503) => {
                let seconds = answered
                    .retry_after
                    .and_then(|text| text.trim().parse::<u64>().ok());
                let retry_ms = seconds
                    .map_or(DEFAULT_RETRY_MS, |s| s.saturating_mul(1_000))
                    .max(MIN_RETRY_MS);
                return Err(if status == 409 {
                    Refusal::NotLive { retry_ms }
                } else {
                    Refusal::Later { retry_ms }
                });
            }
            _ => return Err(Refusal::Broken),
        }
        let location = answered.location.ok_or(Refusal::Broken)?;
        if matches!(*self.progress.borrow(), Progress::Closed) {
            // The viewer left while the server was answering.
            delete(&location).await;
            return Ok(());
        }
        let weak = Rc::downgrade(self);
        let layers = LayerResource::of(&answered.links, move |state| {
            if let Some(shared) = weak.upgrade() {
                shared.tell(WhepNews::Layers(state.layers));
            }
        });
        *self.progress.borrow_mut() = Progress::Open {
            location: location.clone(),
            layers,
        };
        self.tell(WhepNews::Open);
        if dom::property(&self.connection, "remoteDescription").is_none() {
            let answer = description(RtcSdpType::Answer, &answered.answer);
            JsFuture::from(self.connection.set_remote_description(&answer)).await?;
        }
        if matches!(*self.progress.borrow(), Progress::Open { .. }) {
            self.take_tracks();
            let session = rtc::Session {
                location,
                bearer: None,
                answer: answered.answer,
                servers: rtc::ice_servers(&answered.links),
                took_ms: answered.took_ms,
            };
            let weak = Rc::downgrade(self);
            let gone = move || {
                if let Some(shared) = weak.upgrade() {
                    shared.tell(WhepNews::Failed);
                }
            };
            let keeper = IceKeeper::new(&self.connection, session, sdp::with_stereo_opus, gone);
            *self.keeper.borrow_mut() = Some(keeper);
        }
        Ok(())
    }

    async fn ask(&self, endpoint: &str) -> Result<Answered, Refusal> {
        let offer = JsFuture::from(self.connection.create_offer()).await?;
        let offer = dom::property(&offer, "sdp")
            .and_then(|sdp| sdp.as_string())
            .ok_or(Refusal::Broken)?;
        let offer = sdp::with_stereo_opus(&offer);
        JsFuture::from(
            self.connection
                .set_local_description(&description(RtcSdpType::Offer, &offer)),
        )
        .await?;

        let asked_ms = dom::now_ms();
        // The session's cookie goes along, and with it the token against forged requests.
        let response = api::post(endpoint)
            .raw(offer.into(), "application/sdp")
            .response()
            .await
            .map_err(|_| Refusal::Broken)?;
        let field = |name| response.headers().get(name);
        Ok(Answered {
            status: response.status(),
            location: field("location"),
            links: field("link").unwrap_or_default(),
            retry_after: field("retry-after"),
            answer: response.text().await.map_err(|_| Refusal::Broken)?,
            took_ms: dom::now_ms() - asked_ms,
        })
    }

    /// Whether what failed is the path, and something is done about it.
    fn lacks_path(&self) -> bool {
        let state = dom::property(&self.connection, "iceConnectionState");
        let failed = state.and_then(|it| it.as_string()).as_deref() == Some("failed");
        failed && self.keeper.borrow().is_some()
    }

    /// Those that the answer promised are shown.
    fn take_tracks(&self) {
        for transceiver in self.connection.get_transceivers() {
            let transceiver: RtcRtpTransceiver = transceiver.unchecked_into();
            if transceiver.current_direction() == Some(RtcRtpTransceiverDirection::Recvonly) {
                ask_for_least_delay(&transceiver.receiver());
                self.media.add_track(&transceiver.receiver().track());
            }
        }
        self.video.set_src_object(Some(&self.media));
        // Muted playback is always allowed; sound is the driver's business.
        dom::call_quietly(&self.video, "play");
    }

    /// Whether the answer promised video; a stream may be sound alone.
    fn wants_video(&self) -> bool {
        self.video_transceiver.current_direction() == Some(RtcRtpTransceiverDirection::Recvonly)
    }

    fn is_on_screen(&self) -> bool {
        self.video
            .src_object()
            .is_some_and(|shown| shown.id() == self.media.id())
    }

    fn close(&self) {
        let before = self.progress.replace(Progress::Closed);
        self.keeper.take();
        if self.is_on_screen() {
            self.video.set_src_object(None);
        }
        match before {
            Progress::Open { location, .. } => {
                // The server hears of the end from the request rather than from the connection, so that the request
                // finds what it ends; but a server that does not answer keeps nothing open here.
                let (connection, ended) = (self.connection.clone(), delete(&location));
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

/// Ends the session on the server. The request leaves at once, and `keepalive` lets it outlive the page.
fn delete(location: &str) -> impl Future<Output = ()> + 'static {
    let init = js_sys::Object::new();
    dom::set_property(&init, "method", &"DELETE".into());
    dom::set_property(&init, "keepalive", &true.into());
    let window = dom::window();
    let fetch = dom::property(&window, "fetch").and_then(|fetch| fetch.dyn_into::<Function>().ok());
    let answer = fetch.and_then(|fetch| fetch.call2(&window, &location.into(), &init).ok());
    async move {
        if let Some(answer) = answer {
            // A server that is gone has no session to end.
            let _ = JsFuture::from(js_sys::Promise::resolve(&answer)).await;
        }
    }
}

/// A connection that takes one picture and one sound, and the picture's part of it.
fn receiver() -> Result<(RtcPeerConnection, RtcRtpTransceiver), JsValue> {
    let connection = RtcPeerConnection::new_with_configuration(&rtc::configuration())?;
    let receive = RtcRtpTransceiverInit::new();
    receive.set_direction(RtcRtpTransceiverDirection::Recvonly);
    let [video, _audio] = ["video", "audio"].map(|kind| {
        let transceiver = connection.add_transceiver_with_str_and_init(kind, &receive);
        ask_for_least_delay(&transceiver.receiver());
        transceiver
    });
    Ok((connection, video))
}

/// Play what arrives at once: the standard's name, and the older one of Chromium.
fn ask_for_least_delay(receiver: &JsValue) {
    dom::set_property(receiver, "jitterBufferTarget", &0.into());
    dom::set_property(receiver, "playoutDelayHint", &0.into());
}

fn description(kind: RtcSdpType, sdp: &str) -> RtcSessionDescriptionInit {
    let description = RtcSessionDescriptionInit::new(kind);
    description.set_sdp(sdp);
    description
}

fn read_counts(entry: &JsValue) -> Counts {
    let known = |name: &str| dom::property(entry, name).and_then(|value| value.as_f64());
    let number = |name: &str| known(name).unwrap_or(0.0);
    Counts {
        at_ms: number("timestamp"),
        bytes: number("bytesReceived"),
        packets: number("packetsReceived"),
        lost: number("packetsLost"),
        frames: number("framesDecoded"),
        dropped: number("framesDropped"),
        buffer_s: number("jitterBufferDelay"),
        emitted: number("jitterBufferEmittedCount"),
        trip_s: None,
        freezes: known("freezeCount").map(|count| Freezes {
            count,
            seconds: number("totalFreezesDuration"),
        }),
    }
}

fn read_stats(report: &JsValue, wants_video: bool) -> RtcStats {
    let mut stats = RtcStats::default();
    let number =
        |entry: &JsValue, name: &str| dom::property(entry, name).and_then(|value| value.as_f64());
    let mut pairs = Pairs::default();
    let mut read = |entry: JsValue| {
        let word = |name: &str| dom::property(&entry, name).and_then(|value| value.as_string());
        pairs.take(word, |name| {
            dom::property(&entry, name).is_some_and(|it| it.is_truthy())
        });
        let is_pair = word("type").as_deref() == Some("candidate-pair");
        if is_pair && dom::property(&entry, "nominated").is_some_and(|it| it.is_truthy()) {
            stats.counts.trip_s = number(&entry, "currentRoundTripTime");
        }
        if word("type").as_deref() != Some("inbound-rtp") {
            return;
        }
        let is_video = word("kind").as_deref() == Some("video");
        if is_video {
            stats.frames = number(&entry, "framesDecoded").unwrap_or(0.0);
        } else {
            // Samples are counted also where none came: they are made up.
            stats.audio_packets = number(&entry, "packetsReceived").unwrap_or(0.0);
        }
        if is_video == wants_video {
            stats.counts = Counts {
                trip_s: stats.counts.trip_s,
                ..read_counts(&entry)
            };
            stats.playout_ntp_ms =
                number(&entry, "estimatedPlayoutTimestamp").filter(|ms| *ms > 0.0);
        }
    };
    // A report is a map; its entries are walked by the map's own iterator.
    let Some(values) = dom::call(report, "values") else {
        return stats;
    };
    let Ok(from) =
        Reflect::get(&values, &"next".into()).and_then(|next| next.dyn_into::<Function>())
    else {
        return stats;
    };
    while let Ok(step) = from.call0(&values) {
        if dom::property(&step, "done").is_some_and(|done| done.is_truthy()) {
            break;
        }
        match dom::property(&step, "value") {
            Some(entry) => read(entry),
            None => break,
        }
    }
    stats.carrier = pairs.carrier();
    stats
}
