//! A form that is being filled in: what is wrong with it, at which field, and whether it is being sent.

use std::future::Future;

use dioxus::{prelude::*, web::WebEventExt as _};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast as _;
use web_sys::{Element as DomElement, HtmlElement};

use crate::{
    api::ApiError,
    texts::{frame, people},
};

/// The name of no field: the whole form.
const WHOLE: &str = "";

/// Errors are drawn within a frame or two; so often, and as long between, is looked for them. Milliseconds.
const LOOKS: u32 = 10;
const LOOK_EVERY_MS: u32 = 16;

/// What the focus goes to. A group of ticks has no `aria-invalid`.
const INVALID: &str = "[aria-invalid=true], [data-invalid=true], .form-error";

/// Why a form is refused, and by which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    field: &'static str,
    text: String,
}

impl Wrong {
    /// At a field.
    pub fn at(field: &'static str, text: impl Into<String>) -> Self {
        Self {
            field,
            text: text.into(),
        }
    }

    /// With the form as a whole.
    pub fn whole(text: impl Into<String>) -> Self {
        Self::at(WHOLE, text)
    }

    /// Of a form that asks for the account's password in this field: the server forbids what comes with another one.
    pub fn of_password(field: &'static str) -> impl Fn(ApiError) -> Self {
        move |error| {
            if error.is_forbidden() {
                Self::at(field, people::wrong_password())
            } else {
                error.into()
            }
        }
    }
}

impl From<ApiError> for Wrong {
    fn from(error: ApiError) -> Self {
        Self::whole(error.text())
    }
}

/// The state of a form; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Form {
    wrong: Signal<Vec<Wrong>>,
    busy: Signal<bool>,
    element: Signal<Option<DomElement>>,
}

/// For as long as the component lives.
pub fn use_form() -> Form {
    Form {
        wrong: use_signal(Vec::new),
        busy: use_signal(|| false),
        element: use_signal(|| None),
    }
}

impl Form {
    /// What is wrong with a field; empty when nothing is.
    pub fn error(self, field: &'static str) -> String {
        let wrong = self.wrong.read();
        let first = wrong.iter().find(|wrong| wrong.field == field);
        first.map(|wrong| wrong.text.clone()).unwrap_or_default()
    }

    /// Whether it is being sent.
    pub fn busy(self) -> bool {
        (self.busy)()
    }

    /// Something is wrong.
    pub fn refuse(mut self, wrong: Wrong) {
        self.wrong.write().push(wrong);
    }

    /// Refuses a field that is empty.
    pub fn require(self, field: &'static str, value: &str) {
        if value.trim().is_empty() {
            self.refuse(Wrong::at(field, frame::required()));
        }
    }

    /// Refuses a password that the server would.
    pub fn require_password(self, field: &'static str, value: &str) {
        if value.chars().count() < PASSWORD_MIN {
            self.refuse(Wrong::at(field, people::password_short()));
        }
    }

    /// Refuses what can be no address. The server looks closer.
    pub fn require_address(self, field: &'static str, value: &str) {
        let (name, host) = value.trim().split_once('@').unwrap_or_default();
        if name.is_empty() || host.is_empty() {
            self.refuse(Wrong::at(field, people::email_bad()));
        }
    }

    /// Sends it, unless something is wrong already. The focus goes to the first error.
    pub fn send(mut self, work: impl Future<Output = Result<(), Wrong>> + 'static) {
        if !self.wrong.peek().is_empty() {
            self.show_errors();
            return;
        }
        self.busy.set(true);
        spawn(async move {
            if let Err(wrong) = work.await {
                self.refuse(wrong);
                self.show_errors();
            }
            self.busy.set(false);
        });
    }

    fn begin(mut self) -> bool {
        if *self.busy.peek() {
            return false;
        }
        self.wrong.write().clear();
        true
    }

    fn show_errors(self) {
        spawn(async move {
            for _ in 0..LOOKS {
                TimeoutFuture::new(LOOK_EVERY_MS).await;
                let element = self.element.peek().clone();
                let found = element.and_then(|form| form.query_selector(INVALID).ok()?);
                if let Some(first) = found.and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
                    let _ = first.focus();
                    return;
                }
            }
        });
    }
}

/// Shortest password that the server takes, in characters.
const PASSWORD_MIN: usize = 8;

/// The form itself. What is wrong with it as a whole stands in front.
#[component]
pub fn FormBody(form: Form, on_submit: EventHandler<()>, children: Element) -> Element {
    let whole = form.error(WHOLE);
    let mut element = form.element;
    rsx! {
        form {
            class: "form", novalidate: true,
            onmounted: move |event| element.set(event.try_as_web_event()),
            onsubmit: move |event| {
                event.prevent_default();
                if form.begin() {
                    on_submit.call(());
                }
            },
            if !whole.is_empty() {
                p { class: "form-error", role: "alert", tabindex: "-1", "{whole}" }
            }
            {children}
        }
    }
}
