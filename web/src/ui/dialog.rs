//! What must be answered before the page goes on. The browser's own dialog keeps the focus inside.

use std::{cell::RefCell, rc::Rc};

use dioxus::{
    core::{Runtime, current_scope_id},
    prelude::*,
    web::WebEventExt as _,
};
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlDialogElement, HtmlElement};

use super::use_id;
use crate::{
    dom::{self, Listener},
    icon,
    texts::frame,
};

/// Is open as long as it is rendered; `on_close` is asked for by Escape, the cross and a click beside it.
#[component]
pub fn Dialog(
    title: String,
    on_close: EventHandler<()>,
    children: Element,
    #[props(default)] wide: bool,
) -> Element {
    let id = use_id("dialog");
    let mut listeners = use_signal(Vec::<Rc<Listener>>::new);
    // Where the focus was goes on having it afterwards.
    let before = use_hook(|| dom::document().active_element());
    let shown = use_hook(|| Rc::new(RefCell::new(None::<HtmlDialogElement>)));
    let for_drop = shown.clone();
    use_drop(move || {
        // As long as it is open nothing else takes the focus.
        if let Some(dialog) = for_drop.take() {
            dialog.close();
        }
        if let Some(element) = before.and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
    let mounted = move |event: MountedEvent| {
        let Some(element) = event
            .try_as_web_event()
            .and_then(|it| it.dyn_into::<HtmlDialogElement>().ok())
        else {
            return;
        };
        let (runtime, scope) = (Runtime::current(), current_scope_id());
        let close = Rc::new(move || runtime.in_scope(scope, || on_close.call(())));
        let closed = {
            let close = close.clone();
            // Escape.
            Listener::new(&element, "cancel", move |event| {
                event.prevent_default();
                close();
            })
        };
        let own: web_sys::EventTarget = element.clone().into();
        let beside = Listener::new(&element, "mousedown", move |event| {
            if event.target().is_some_and(|target| target == own) {
                close();
            }
        });
        listeners.set(vec![Rc::new(closed), Rc::new(beside)]);
        let _ = element.show_modal();
        shown.replace(Some(element));
    };
    rsx! {
        dialog { class: if wide { "dialog dialog-wide" } else { "dialog" }, "aria-labelledby": "{id}", onmounted: mounted,
            div { class: "dialog-body",
                header { class: "dialog-head",
                    h2 { id: "{id}", class: "dialog-title", "{title}" }
                    button { class: "quiet", r#type: "button", "aria-label": frame::close(), onclick: move |_| on_close.call(()), icon::Cross {} }
                }
                {children}
            }
        }
    }
}

/// Asks before something that cannot be taken back.
#[component]
pub fn Confirm(
    title: String,
    text: String,
    /// What the button does, as a verb.
    action: String,
    on_confirm: EventHandler<()>,
    on_close: EventHandler<()>,
    #[props(default)] busy: bool,
) -> Element {
    rsx! {
        Dialog { title, on_close,
            p { "{text}" }
            div { class: "dialog-actions",
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                button { class: "action action-danger", r#type: "button", disabled: busy, onclick: move |_| on_confirm.call(()), "{action}" }
            }
        }
    }
}
