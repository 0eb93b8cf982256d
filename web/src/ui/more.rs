//! Lists that come in pages.

use std::{future::Future, rc::Rc};

use dioxus::prelude::*;
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
    busy: Signal<bool>,
    error: Signal<Option<ApiError>>,
    loaded: Signal<bool>,
    /// Whether more than the first page has been loaded.
    further: Signal<bool>,
    load: CopyValue<Load<T>>,
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
        error: use_signal(|| None),
        loaded: use_signal(|| false),
        further: use_signal(|| false),
        load: use_hook(|| CopyValue::new(load)),
    };
    use_future(move || list.again());
    list
}

impl<T: 'static> Paged<T> {
    /// From the beginning, for example after an entry changed.
    pub async fn again(self) {
        self.ask(None).await;
    }

    /// Whether the first page has come.
    pub fn is_loaded(self) -> bool {
        (self.loaded)()
    }

    /// Whether all of the list is there with its first page, so that asking again loses nothing.
    pub fn is_whole(self) -> bool {
        *self.loaded.peek() && self.next.peek().is_none() && !*self.further.peek()
    }

    /// Loaded, and nothing there.
    pub fn is_empty(self) -> bool {
        self.is_loaded() && self.items.read().is_empty()
    }

    /// Whether it goes on behind what has come.
    pub fn has_more(self) -> bool {
        self.next.read().is_some()
    }

    async fn ask(mut self, cursor: Option<String>) {
        if *self.busy.peek() {
            return;
        }
        self.busy.set(true);
        let first = cursor.is_none();
        let load = self.load.cloned();
        match load(cursor).await {
            Ok(page) => {
                if first {
                    self.items.set(page.items);
                } else {
                    self.items.write().extend(page.items);
                }
                self.further.set(!first);
                self.next.set(page.next);
                self.error.set(None);
                self.loaded.set(true);
            }
            Err(error) => self.error.set(Some(error)),
        }
        self.busy.set(false);
    }
}

/// Stands below the list: the wait for the first page, an error, or the button for the next page.
#[component]
pub fn More<T: 'static>(list: Paged<T>) -> Element {
    if let Some(error) = list.error.read().as_ref() {
        let next = (list.next)();
        return rsx! {
            Failure { error: error.clone(), on_retry: move |()| { let next = next.clone(); spawn(async move { list.ask(next).await }); } }
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
            onclick: move |_| { let next = next.clone(); async move { list.ask(Some(next)).await } },
            "{frame::more()}"
        }
    }
}
