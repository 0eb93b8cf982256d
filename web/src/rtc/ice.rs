//! Keeps a session's path: restarts ICE by PATCH (RFC 9725, section 4.3.3) where the path breaks, the network changes,
//! or there is no direct one. The session, and what plays of it, goes on meanwhile.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::{Rc, Weak},
};

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use gloo_net::http::{Method, RequestBuilder};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Object, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{EventTarget, RtcPeerConnection, RtcSdpType, RtcSessionDescriptionInit};

use super::{IceServer, fragment, relays};
use crate::dom::{self, Listener};

/// A direct path that has not been found after this long, or after so many times what the offer's answer took, is
/// looked for no longer: servers for ICE may know another. Milliseconds.
const DIRECT_MS: (f64, f64, f64) = (800.0, 4.0, 2_500.0);
/// How long the answer to a restart is waited for, at first and at most: the connection that it was sent over may be
/// of a network that is gone, and browsers keep several. Milliseconds.
const ANSWER_MS: (u32, u32) = (1_000, 4_000);
/// So many tries in a row before that grows.
const HASTY_TRIES: u32 = 3;
/// How long a restart has until another is tried, at first and at most. Milliseconds.
const AGAIN_MS: (u32, u32) = (2_500, 10_000);
/// How soon a server that could not be reached is asked again, at first and at most. Milliseconds.
const UNREACHED_MS: (u32, u32) = (300, 1_000);

/// A session on the server.
pub struct Session {
    /// Its address.
    pub location: String,
    /// What its requests are authorised by, where they must be.
    pub bearer: Option<String>,
    /// What it was answered with.
    pub answer: String,
    /// The servers that the answer told of.
    pub servers: Vec<IceServer>,
    /// What that took, in milliseconds.
    pub took_ms: f64,
}

/// Watches over the path of a session until it is dropped.
pub struct IceKeeper {
    _listeners: Vec<Listener>,
    _inner: Rc<Inner>,
}

struct Inner {
    connection: RtcPeerConnection,
    location: String,
    bearer: Option<String>,
    servers: Vec<IceServer>,
    /// The newest.
    answer: RefCell<String>,
    /// What the offer of a restart is made to be like: the first one.
    adapt: fn(&str) -> String,
    gone: Box<dyn Fn()>,
    /// There was no direct path at the start.
    indirect: Cell<bool>,
    /// Restarts are under way.
    busy: Cell<bool>,
    /// What ends the pause between two of them.
    hurry: RefCell<Option<oneshot::Sender<()>>>,
}

/// Why there was no restart.
enum Trouble {
    /// The server has no such session any more.
    Gone,
    /// It could not be reached, or has no time.
    Later,
}

impl IceKeeper {
    /// For a connection that has just taken its answer. `adapt` is what was done to its offer; `gone` is told when the
    /// server does not know the session any more.
    pub fn new(
        connection: &RtcPeerConnection,
        session: Session,
        adapt: fn(&str) -> String,
        gone: impl Fn() + 'static,
    ) -> Self {
        let (least, times, most) = DIRECT_MS;
        let patience = match relays::are_needed() {
            true => 0.0,
            false => (session.took_ms * times).clamp(least, most),
        };
        let inner = Rc::new(Inner {
            connection: connection.clone(),
            location: session.location,
            bearer: session.bearer,
            servers: session.servers,
            answer: RefCell::new(session.answer),
            adapt,
            gone: Box::new(gone),
            indirect: Cell::new(false),
            busy: Cell::new(false),
            hurry: RefCell::default(),
        });
        let weak = Rc::downgrade(&inner);
        spawn_local(async move {
            TimeoutFuture::new(patience as u32).await;
            if let Some(inner) = weak.upgrade()
                && !inner.has_path()
                && !inner.servers.is_empty()
            {
                inner.indirect.set(true);
                inner.restart();
            }
        });
        Self {
            _listeners: listen(&inner),
            _inner: inner,
        }
    }
}

/// To what tells of a path that broke, or of another network.
fn listen(inner: &Rc<Inner>) -> Vec<Listener> {
    let on = |target: &EventTarget, name, broken: fn(&Inner) -> bool| {
        let weak = Rc::downgrade(inner);
        Listener::new(target, name, move |_| {
            if let Some(inner) = weak.upgrade()
                && broken(&inner)
            {
                inner.restart();
            }
        })
    };
    let mut listeners = vec![
        on(&inner.connection, "iceconnectionstatechange", |inner| {
            matches!(inner.state().as_deref(), Some("disconnected" | "failed"))
        }),
        on(&dom::window(), "online", |_| true),
    ];
    // Where the kind of network is told, as on phones: from Wi-Fi to the mobile network. It also says when
    // the network is estimated anew, which is no change of it.
    let network = dom::property(&dom::window().navigator(), "connection");
    let kind = |network: &JsValue| dom::property(network, "type").and_then(|it| it.as_string());
    if let Some(network) = network
        && let (Some(first), Some(target)) = (kind(&network), network.dyn_ref::<EventTarget>())
    {
        let (weak, before) = (Rc::downgrade(inner), RefCell::new(first));
        let network = network.clone();
        listeners.push(Listener::new(target, "change", move |_| {
            if let (Some(inner), Some(now)) = (weak.upgrade(), kind(&network))
                && before.replace(now.clone()) != now
                && now != "none"
            {
                inner.restart();
            }
        }));
    }
    listeners
}

impl Inner {
    fn state(&self) -> Option<String> {
        dom::property(&self.connection, "iceConnectionState").and_then(|it| it.as_string())
    }

    fn has_path(&self) -> bool {
        matches!(self.state().as_deref(), Some("connected" | "completed"))
    }

    fn restart(self: &Rc<Self>) {
        if let Some(hurry) = self.hurry.take() {
            // Whoever waits no longer waits.
            let _ = hurry.send(());
        }
        if !self.busy.replace(true) {
            spawn_local(work(Rc::downgrade(self)));
        }
    }

    async fn restart_once(&self, patience_ms: u32) -> Result<(), Trouble> {
        relays::give(&self.connection, &self.servers);
        let options = Object::new();
        dom::set_property(&options, "iceRestart", &true.into());
        let offer = dom::call_with(&self.connection, "createOffer", &options);
        let offer = JsFuture::from(Promise::resolve(&offer.ok_or(Trouble::Gone)?)).await;
        let offer = offer.map_err(|_| Trouble::Gone)?;
        let offer = dom::property(&offer, "sdp").and_then(|sdp| sdp.as_string());
        let offer = (self.adapt)(&offer.ok_or(Trouble::Gone)?);
        // The server first: where it cannot be reached, everything is as it was.
        let answer = {
            let asked = pin!(self.ask(fragment::of_offer(&offer).ok_or(Trouble::Gone)?));
            match select(asked, TimeoutFuture::new(patience_ms)).await {
                Either::Left((answer, _)) => answer?,
                Either::Right(_) => return Err(Trouble::Later),
            }
        };
        let answer = fragment::renewed(&self.answer.borrow(), &answer).ok_or(Trouble::Gone)?;
        self.describe("setLocalDescription", RtcSdpType::Offer, &offer)
            .await?;
        self.describe("setRemoteDescription", RtcSdpType::Answer, &answer)
            .await?;
        self.answer.replace(answer);
        Ok(())
    }

    async fn ask(&self, fragment: String) -> Result<String, Trouble> {
        let mut request = RequestBuilder::new(&self.location)
            .method(Method::PATCH)
            .header("content-type", "application/trickle-ice-sdpfrag")
            .header("if-match", "*");
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", &format!("Bearer {bearer}"));
        }
        let request = request.body(fragment).map_err(|_| Trouble::Gone)?;
        let answer = request.send().await.map_err(|_| Trouble::Later)?;
        match answer.status() {
            200 => answer.text().await.map_err(|_| Trouble::Later),
            429 | 500.. => Err(Trouble::Later),
            _ => Err(Trouble::Gone),
        }
    }

    async fn describe(&self, method: &str, kind: RtcSdpType, sdp: &str) -> Result<(), Trouble> {
        let description = RtcSessionDescriptionInit::new(kind);
        description.set_sdp(sdp);
        let done = dom::call_with(&self.connection, method, &description);
        let done = Promise::resolve(&done.ok_or(Trouble::Gone)?);
        JsFuture::from(done).await.map_err(|_| Trouble::Gone)?;
        Ok(())
    }

    /// Waits, unless something happens.
    async fn pause(&self, ms: u32) {
        let (hurry, hurried) = oneshot::channel();
        self.hurry.replace(Some(hurry));
        select(hurried, TimeoutFuture::new(ms)).await;
        self.hurry.take();
    }
}

/// Restarts until there is a path, or nobody wants one any more.
async fn work(weak: Weak<Inner>) {
    let (mut again, mut unreached) = (AGAIN_MS.0, UNREACHED_MS.0);
    let (mut patience, mut tries) = (ANSWER_MS.0, 0);
    while let Some(inner) = weak.upgrade() {
        match inner.restart_once(patience).await {
            Ok(()) => {
                inner.pause(again).await;
                again = (again * 2).min(AGAIN_MS.1);
            }
            Err(Trouble::Later) => {
                inner.pause(unreached).await;
                unreached = (unreached * 2).min(UNREACHED_MS.1);
                tries += 1;
                if tries >= HASTY_TRIES {
                    patience = (patience * 2).min(ANSWER_MS.1);
                }
            }
            Err(Trouble::Gone) => {
                (inner.gone)();
                return;
            }
        }
        if inner.has_path() {
            if inner.indirect.take() {
                relays::remember();
            }
            inner.busy.set(false);
            return;
        }
    }
}
