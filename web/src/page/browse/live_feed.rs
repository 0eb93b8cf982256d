//! The list of live streams as the server pushes it. A page that cannot have events asks again and again instead.

use dioxus::prelude::*;
use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::{
    StreamExt as _,
    future::{Either, select},
};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast as _;
use web_sys::{EventSource, MessageEvent};
use weir_protocol::LiveChanges;

use super::listing::Listing;
use crate::{
    api::{self, ApiError},
    dom::{self, Listener},
};

const EVENTS: &str = "/api/v1/streams/events";

/// How often it is looked at whether events come, and the list is asked for where they do not. Milliseconds.
const ROUND_MS: u32 = 4_000;
/// Events tell of live streams only: when the others are asked for anew. Milliseconds.
const REFRESH_MS: f64 = 60_000.0;

/// What is known of the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Streams {
    /// Nothing yet.
    Loading,
    /// The server does not answer.
    Unreachable,
    /// The server speaks newer than this page.
    Outdated,
    /// This.
    Known(Listing),
}

/// All public streams, live and offline, for as long as the component lives.
pub fn use_streams() -> Signal<Streams> {
    let streams = use_signal(|| Streams::Loading);
    use_future(move || follow(streams));
    streams
}

async fn follow(mut streams: Signal<Streams>) {
    ask(&mut streams).await;
    let mut source = Source::open();
    let mut asked_ms = dom::now_ms();
    loop {
        let Some(open) = source.as_mut() else {
            TimeoutFuture::new(ROUND_MS).await;
            ask(&mut streams).await;
            source = Source::open();
            continue;
        };
        let mut due = dom::now_ms() - asked_ms > REFRESH_MS;
        let heard = match select(open.news.next(), TimeoutFuture::new(ROUND_MS)).await {
            Either::Left((news, _)) => news,
            Either::Right(_) => None,
        };
        match heard {
            Some(News { changes, first }) => due |= take(&mut streams, changes, first),
            None => {
                let state = open.events.ready_state();
                due |= state != EventSource::OPEN;
                // The browser reconnects by itself after a cut, but gives up after an error status.
                if state == EventSource::CLOSED {
                    source = Source::open();
                }
            }
        }
        if due {
            ask(&mut streams).await;
            asked_ms = dom::now_ms();
        }
    }
}

/// Whether the whole list must be asked for.
fn take(streams: &mut Signal<Streams>, changes: LiveChanges, first: bool) -> bool {
    let mut listing = match &*streams.peek() {
        Streams::Known(listing) => listing.clone(),
        Streams::Loading | Streams::Unreachable | Streams::Outdated => return true,
    };
    let ended = listing.apply(changes, first);
    show(streams, Streams::Known(listing));
    ended
}

async fn ask(streams: &mut Signal<Streams>) {
    let answer = api::streams().await;
    let next = match answer {
        Ok(now) => {
            let mut listing = match &*streams.peek() {
                Streams::Known(listing) => listing.clone(),
                Streams::Loading | Streams::Unreachable | Streams::Outdated => Listing::default(),
            };
            listing.replace(now);
            Streams::Known(listing)
        }
        Err(ApiError::Unreadable) => Streams::Outdated,
        // What was known stays on the page; the next round may succeed.
        Err(ApiError::Unreachable | ApiError::Status(_) | ApiError::Refused(_)) => {
            if matches!(*streams.peek(), Streams::Known(_)) {
                return;
            }
            Streams::Unreachable
        }
    };
    show(streams, next);
}

fn show(streams: &mut Signal<Streams>, next: Streams) {
    if *streams.peek() != next {
        streams.set(next);
    }
}

struct News {
    changes: LiveChanges,
    /// The first of this connection.
    first: bool,
}

/// A connection that ends when it is dropped.
struct Source {
    events: EventSource,
    news: UnboundedReceiver<News>,
    _listeners: [Listener; 2],
}

impl Source {
    fn open() -> Option<Self> {
        let events = EventSource::new(EVENTS).ok()?;
        let (tell, news) = unbounded();
        let first = std::rc::Rc::new(std::cell::Cell::new(true));
        let again = first.clone();
        // After a cut everything is told anew.
        let on_open = Listener::new(&events, "open", move |_| again.set(true));
        let on_live = Listener::new(&events, "live", move |event| {
            let text = event
                .dyn_into::<MessageEvent>()
                .ok()
                .and_then(|message| message.data().as_string());
            if let Some(Ok(changes)) = text.as_deref().map(serde_json::from_str) {
                let first = first.replace(false);
                // The page that followed may be gone.
                let _ = tell.unbounded_send(News { changes, first });
            }
        });
        Some(Self {
            events,
            news,
            _listeners: [on_open, on_live],
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.events.close();
    }
}
