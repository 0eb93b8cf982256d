//! The layer resource of a WHEP session: asked and told, one request at a time.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_net::http::{Method, RequestBuilder, Response};
use wasm_bindgen_futures::spawn_local;
use weir_protocol::{LAYER_RELATION, SelectLayer, SessionLayers};

use crate::rtc;

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
                if let Some(layers) = inner.carry_out(wish).await {
                    (inner.tell)(layers);
                }
            }
            inner.busy.set(false);
        });
    }
}

impl Inner {
    /// A request that fails changes nothing: the session goes on as it is.
    async fn carry_out(&self, wish: Wish) -> Option<SessionLayers> {
        let request = RequestBuilder::new(&self.address);
        let answer: Response = match wish {
            Wish::Look => request.method(Method::GET).send().await.ok()?,
            Wish::Select(selection) => {
                let request = request.method(Method::POST).json(&selection).ok()?;
                request.send().await.ok()?
            }
        };
        if answer.status() != 200 {
            return None;
        }
        answer.json().await.ok()
    }
}
