//! Lists that come in pages.

use std::{future::Future, rc::Rc};

use dioxus::{
    core::{Runtime, current_scope_id},
    prelude::*,
};
use futures_util::future::LocalBoxFuture;
use weir_protocol::Page;

use super::{Failure, Skeleton};
use crate::{api::ApiError, texts::frame};

type Load<T> = Rc<dyn Fn(Option<String>) -> LocalBoxFuture<'static, Result<Page<T>, ApiError>>>;

/// What has been loaded of a list.
pub struct Paged<T: 'static> {
    /// The entries.
    pub items: Signal<Vec<T>>,
    next: Signal<Option<String>>,
    /// A further page is on its way.
    busy: Signal<bool>,
    /// What was refused, and from which cursor on it was asked for.
    refused: Signal<Option<(ApiError, Option<String>)>>,
    loaded: Signal<bool>,
    /// Whether more than the first page has been loaded.
    further: Signal<bool>,
    order: CopyValue<Order>,
    load: CopyValue<Load<T>>,
    /// The component whose list this is. Questions are its tasks, whoever asks: a dialog that closes when an entry is
    /// saved would take a task of its own with it.
    owner: CopyValue<ScopeId>,
}

/// The first pages that were asked for, counted.
#[derive(Default)]
struct Order {
    asked: u64,
    /// The newest one that was answered: an older one that comes after it is out of date.
    answered: u64,
    under_way: u32,
}

impl<T> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Paged<T> {}

impl<T> PartialEq for Paged<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

/// Loads the first page at once. `load` asks for the page that begins at a cursor.
pub fn use_paged<T: 'static, F>(load: impl Fn(Option<String>) -> F + 'static) -> Paged<T>
where
    F: Future<Output = Result<Page<T>, ApiError>> + 'static,
{
    let load: Load<T> = Rc::new(move |cursor| Box::pin(load(cursor)));
    let list = Paged {
        items: use_signal(Vec::new),
        next: use_signal(|| None),
        busy: use_signal(|| false),
        refused: use_signal(|| None),
        loaded: use_signal(|| false),
        further: use_signal(|| false),
        order: use_hook(|| CopyValue::new(Order::default())),
        load: use_hook(|| CopyValue::new(load)),
        owner: use_hook(|| CopyValue::new(current_scope_id())),
    };
    use_hook(|| list.again());
    list
}

impl<T: 'static> Paged<T> {
    /// From the beginning, for example after an entry changed.
    pub fn again(self) {
        self.spawn(self.ask_first());
    }

    /// Whether the first page has come.
    pub fn is_loaded(self) -> bool {
        (self.loaded)()
    }

    /// Whether all of the list is there with its first page, and nothing on its way: asking again loses nothing.
    pub fn is_whole(self) -> bool {
        *self.loaded.peek()
            && self.next.peek().is_none()
            && !*self.further.peek()
            && self.order.peek().under_way == 0
    }

    /// Loaded, and nothing there.
    pub fn is_empty(self) -> bool {
        self.is_loaded() && self.items.read().is_empty()
    }

    /// Whether it goes on behind what has come.
    pub fn has_more(self) -> bool {
        self.next.read().is_some()
    }

    fn spawn(self, task: impl Future<Output = ()> + 'static) {
        Runtime::current().spawn(self.owner.cloned(), task);
    }

    async fn ask_first(mut self) {
        let number = {
            let mut order = self.order.write();
            order.asked += 1;
            order.under_way += 1;
            order.asked
        };
        let load = self.load.cloned();
        let answer = load(None).await;
        {
            let mut order = self.order.write();
            order.under_way -= 1;
            if number < order.answered {
                return;
            }
            order.answered = number;
        }
        match answer {
            Ok(page) => {
                self.items.set(page.items);
                self.further.set(false);
                self.next.set(page.next);
                self.refused.set(None);
                self.loaded.set(true);
            }
            Err(error) => self.refused.set(Some((error, None))),
        }
    }

    /// A further page.
    async fn ask_more(mut self, cursor: String) {
        if self.busy.replace(true) {
            return;
        }
        let since = self.order.peek().answered;
        let load = self.load.cloned();
        let answer = load(Some(cursor.clone())).await;
        self.busy.set(false);
        // It continues a list that is there no more.
        if self.order.peek().answered != since {
            return;
        }
        match answer {
            Ok(page) => {
                self.items.write().extend(page.items);
                self.further.set(true);
                self.next.set(page.next);
                self.refused.set(None);
            }
            Err(error) => self.refused.set(Some((error, Some(cursor)))),
        }
    }
}

/// Stands below the list: the wait for the first page, an error, or the button for the next page.
#[component]
pub fn More<T: 'static>(list: Paged<T>) -> Element {
    if let Some((error, cursor)) = list.refused.cloned() {
        return rsx! {
            Failure { error, on_retry: move |()| match cursor.clone() {
                Some(cursor) => list.spawn(list.ask_more(cursor)),
                None => list.again(),
            } }
        };
    }
    if !list.is_loaded() {
        return rsx! { Skeleton { lines: 4 } };
    }
    let Some(next) = (list.next)() else {
        return rsx! {};
    };
    rsx! {
        button { class: "action action-soft more", r#type: "button", "aria-busy": "{list.busy}",
            onclick: move |_| list.spawn(list.ask_more(next.clone())),
            "{frame::more()}"
        }
    }
}
