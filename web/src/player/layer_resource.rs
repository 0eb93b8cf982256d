//! The layer resource of a WHEP session: asked and told, one request at a time.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_net::http::{Method, RequestBuilder, Response};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen_futures::spawn_local;
use weir_protocol::{LAYER_RELATION, SelectLayer, SessionLayers};

use crate::rtc;

/// A selection that did not get through is told again after this time. Milliseconds.
const AGAIN_MS: u32 = 1_000;

/// Where a session's layers are asked and told.
#[derive(Clone)]
pub struct LayerResource(Rc<Inner>);

struct Inner {
    address: String,
    busy: Cell<bool>,
    /// What comes after the request that is under way: the newest wish only.
    next: RefCell<Option<Wish>>,
    tell: Box<dyn Fn(SessionLayers)>,
}

enum Wish {
    Look,
    Select(SelectLayer),
}

enum Outcome {
    Layers(SessionLayers),
    /// The session goes on as it is.
    Refused,
    /// No answer, or none that says what will be.
    Unheard,
}

impl LayerResource {
    /// The resource that the `Link` header of a session's `201` names; `tell` gets each answer.
    pub fn of(links: &str, tell: impl Fn(SessionLayers) + 'static) -> Option<Self> {
        Some(Self(Rc::new(Inner {
            address: rtc::with_relation(links, LAYER_RELATION)?,
            busy: Cell::new(false),
            next: RefCell::new(None),
            tell: Box::new(tell),
        })))
    }

    /// Asks which layers there are.
    pub fn look(&self) {
        let mut next = self.0.next.borrow_mut();
        // The answer to a selection says as much.
        if next.is_none() {
            *next = Some(Wish::Look);
        }
        drop(next);
        self.work();
    }

    /// Tells what the viewer wants.
    pub fn select(&self, selection: SelectLayer) {
        *self.0.next.borrow_mut() = Some(Wish::Select(selection));
        self.work();
    }

    fn work(&self) {
        if self.0.busy.replace(true) {
            return;
        }
        let inner = self.0.clone();
        spawn_local(async move {
            loop {
                let Some(wish) = inner.next.borrow_mut().take() else {
                    break;
                };
                match inner.carry_out(&wish).await {
                    Outcome::Layers(layers) => (inner.tell)(layers),
                    Outcome::Unheard if matches!(wish, Wish::Select(_)) => {
                        TimeoutFuture::new(AGAIN_MS).await;
                        // Nobody else holds it: the session is over.
                        if Rc::strong_count(&inner) == 1 {
                            break;
                        }
                        let mut next = inner.next.borrow_mut();
                        if !matches!(*next, Some(Wish::Select(_))) {
                            *next = Some(wish);
                        }
                    }
                    Outcome::Refused | Outcome::Unheard => {}
                }
            }
            inner.busy.set(false);
        });
    }
}

impl Inner {
    async fn carry_out(&self, wish: &Wish) -> Outcome {
        let request = RequestBuilder::new(&self.address);
        let request = match wish {
            Wish::Look => request.method(Method::GET).build(),
            Wish::Select(selection) => request.method(Method::POST).json(selection),
        };
        let Ok(request) = request else {
            return Outcome::Refused;
        };
        let answer: Response = match request.send().await {
            Ok(answer) => answer,
            Err(_) => return Outcome::Unheard,
        };
        match answer.status() {
            200 => answer
                .json()
                .await
                .map_or(Outcome::Unheard, Outcome::Layers),
            429 | 500.. => Outcome::Unheard,
            _ => Outcome::Refused,
        }
    }
}
