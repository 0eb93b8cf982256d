//! Short news that go by themselves.

use dioxus::{core::spawn_forever, prelude::*};
use gloo_timers::future::TimeoutFuture;

use crate::{api::ApiError, icon, texts::frame};

/// How long news stay: to be read twice. Milliseconds.
const NEWS_MS: u32 = 6_000;
/// Errors stay longer. Milliseconds.
const ERROR_MS: u32 = 15_000;

#[derive(Debug, Clone, PartialEq)]
struct Toast {
    id: u32,
    text: String,
    error: bool,
}

/// The news of the page; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct News {
    list: Signal<Vec<Toast>>,
    next: Signal<u32>,
}

/// For the whole client.
pub fn provide_toasts() {
    use_context_provider(|| News {
        list: Signal::new(Vec::new()),
        next: Signal::new(0),
    });
}

/// To tell news.
pub fn use_toasts() -> News {
    use_context()
}

impl News {
    /// Something was done.
    pub fn say(self, text: impl Into<String>) {
        self.push(text.into(), false);
    }

    /// Something went wrong.
    pub fn fail(self, text: impl Into<String>) {
        self.push(text.into(), true);
    }

    /// Tells of the error, if it is one.
    pub fn outcome(self, outcome: &Result<(), ApiError>, done: impl Into<String>) {
        match outcome {
            Ok(()) => self.say(done),
            Err(error) => self.fail(error.text()),
        }
    }

    fn push(mut self, text: String, error: bool) {
        let id = *self.next.peek();
        self.next.set(id.wrapping_add(1));
        let mut list = self.list;
        // Said again it is read again, and stands there once.
        let said = |toast: &Toast| toast.text == text && toast.error == error;
        list.write().retain(|toast| !said(toast));
        list.write().push(Toast { id, text, error });
        // Whoever said it may be gone before it goes.
        spawn_forever(async move {
            TimeoutFuture::new(if error { ERROR_MS } else { NEWS_MS }).await;
            list.write().retain(|toast| toast.id != id);
        });
    }
}

/// Where they appear; once in the frame.
#[component]
pub fn Toasts() -> Element {
    let News { mut list, .. } = use_toasts();
    rsx! {
        div { class: "toasts",
            // Two regions that are always there: what appears in them is read out.
            div { role: "status", "aria-live": "polite",
                for toast in list().into_iter().filter(|toast| !toast.error) {
                    div { key: "{toast.id}", class: "toast", "{toast.text}" }
                }
            }
            div { role: "alert",
                for toast in list().into_iter().filter(|toast| toast.error) {
                    div { key: "{toast.id}", class: "toast toast-error",
                        span { "{toast.text}" }
                        button { class: "quiet", r#type: "button", "aria-label": frame::close(),
                            onclick: move |_| list.write().retain(|it| it.id != toast.id), icon::Cross {} }
                    }
                }
            }
        }
    }
}
