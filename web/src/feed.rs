//! The live state of one stream: pushed by server-sent events, polled where those do not come.

use std::{cell::Cell, rc::Rc};

use gloo_timers::callback::Interval;
use wasm_bindgen::JsCast;
use web_sys::{EventSource, MessageEvent};
use weir_protocol::{StreamEvent, StreamSlug, StreamSummary};

use crate::{
    api::{self, ApiError},
    dom::{self, Listener},
};

/// How often the feed looks after itself, and polls while no events come. Milliseconds.
const ROUND_MS: u32 = 2_500;
/// An event source that was silent for this long is checked by one question: a connection may be dead without an
/// error, behind a proxy that holds it open. Milliseconds.
const SILENCE_MS: f64 = 15_000.0;

/// What the feed tells.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedNews {
    /// The newest state.
    Stream(Box<StreamSummary>),
    /// There is no such stream.
    Missing,
    /// The server does not answer.
    Unreachable,
}

type Tell = Rc<dyn Fn(FeedNews)>;

/// Watches a stream until it is dropped.
pub struct Feed {
    _round: Interval,
    source: Rc<Source>,
}

struct Source {
    slug: StreamSlug,
    tell: Tell,
    open: std::cell::RefCell<Option<OpenSource>>,
    /// When something was last heard, by [`dom::now_ms`].
    heard_ms: Cell<f64>,
    asking: Cell<bool>,
    /// There was no such stream at the last look: events are not asked for until somebody makes it.
    missing: Cell<bool>,
}

struct OpenSource {
    events: EventSource,
    _listeners: [Listener; 2],
}

impl Drop for OpenSource {
    fn drop(&mut self) {
        self.events.close();
    }
}

impl Feed {
    /// Starts at once; `tell` is called with the first state as soon as the server says it.
    pub fn new(slug: StreamSlug, tell: impl Fn(FeedNews) + 'static) -> Self {
        let source = Rc::new(Source {
            slug,
            tell: Rc::new(tell),
            open: std::cell::RefCell::new(None),
            heard_ms: Cell::new(f64::NEG_INFINITY),
            asking: Cell::new(false),
            missing: Cell::new(false),
        });
        Source::open(&source);
        let for_round = Rc::downgrade(&source);
        let round = Interval::new(ROUND_MS, move || {
            if let Some(source) = for_round.upgrade() {
                Source::round(&source);
            }
        });
        Self {
            _round: round,
            source,
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.source.open.borrow_mut().take();
    }
}

impl Source {
    fn open(this: &Rc<Self>) {
        let Ok(events) = EventSource::new(&api::events_address(&this.slug)) else {
            return;
        };
        let weak = Rc::downgrade(this);
        let on_stream = Listener::new(&events, "stream", move |event| {
            let Some(source) = weak.upgrade() else { return };
            let text = event
                .dyn_into::<MessageEvent>()
                .ok()
                .and_then(|message| message.data().as_string());
            if let Some(Ok(state)) = text.as_deref().map(serde_json::from_str::<StreamEvent>) {
                source.heard_ms.set(dom::now_ms());
                (source.tell)(FeedNews::Stream(Box::new(state)));
            }
        });
        // An error does not say which: a question does, and the answer may be that there is no such stream.
        let weak = Rc::downgrade(this);
        let on_error = Listener::new(&events, "error", move |_| {
            if let Some(source) = weak.upgrade() {
                Self::ask(&source);
            }
        });
        *this.open.borrow_mut() = Some(OpenSource {
            events,
            _listeners: [on_stream, on_error],
        });
    }

    /// The browser reconnects by itself after a cut, but gives up after an error status.
    fn round(this: &Rc<Self>) {
        let state = this
            .open
            .borrow()
            .as_ref()
            .map_or(EventSource::CLOSED, |open| open.events.ready_state());
        if state == EventSource::CLOSED && !this.missing.get() {
            Self::open(this);
        }
        let silent = dom::now_ms() - this.heard_ms.get() > SILENCE_MS;
        if state != EventSource::OPEN || silent {
            Self::ask(this);
        }
    }

    /// One question at a time.
    fn ask(this: &Rc<Self>) {
        if this.asking.replace(true) {
            return;
        }
        let source = this.clone();
        let heard_ms = this.heard_ms.get();
        wasm_bindgen_futures::spawn_local(async move {
            let answer = api::stream(&source.slug).await;
            source.asking.set(false);
            source
                .missing
                .set(answer.as_ref().is_err_and(ApiError::is_not_found));
            if source.open.borrow().is_none() {
                return; // Dropped meanwhile.
            }
            // What was pushed since the question is newer than its answer.
            if source.heard_ms.get() != heard_ms && !source.missing.get() {
                return;
            }
            (source.tell)(match answer {
                Ok(state) => {
                    source.heard_ms.set(dom::now_ms());
                    FeedNews::Stream(Box::new(state))
                }
                Err(error) if error.is_not_found() => FeedNews::Missing,
                Err(_) => FeedNews::Unreachable,
            });
        });
    }
}
