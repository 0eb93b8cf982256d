//! The few things that every part wants from the browser.

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{Document, Element, Event, EventTarget, HtmlMetaElement, Node, Window};

/// The window. The client only ever runs in a page.
pub fn window() -> Window {
    web_sys::window().expect("the client runs in a window")
}

/// The document.
pub fn document() -> Document {
    window().document().expect("a window has a document")
}

/// Milliseconds since the page was opened; never goes back.
pub fn now_ms() -> f64 {
    window()
        .performance()
        .map_or_else(js_sys::Date::now, |clock| clock.now())
}

/// Milliseconds since the Unix epoch by a clock that does not jump while the page is open.
pub fn wall_ms() -> f64 {
    window()
        .performance()
        .map_or_else(js_sys::Date::now, |clock| clock.time_origin() + clock.now())
}

/// Removes an element if it is there.
pub fn remove_by_id(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        element.remove();
    }
}

/// What the page says in `<meta name=… content=…>`.
pub fn meta(name: &str) -> Option<String> {
    let element = document()
        .query_selector(&format!("meta[name={name}]"))
        .ok()??;
    Some(element.dyn_into::<HtmlMetaElement>().ok()?.content())
}

#[wasm_bindgen(inline_js = "export function import_module(address) { return import(address); }")]
extern "C" {
    fn import_module(address: &str) -> js_sys::Promise;
}

/// Loads a script of ours that not every page needs; the browser does so once.
pub async fn import(address: &str) -> Result<JsValue, JsValue> {
    wasm_bindgen_futures::JsFuture::from(import_module(address)).await
}

/// The element that a node is.
pub fn as_element(node: Node) -> Option<Element> {
    node.dyn_into().ok()
}

/// A property of any object; none where it is missing or undefined.
pub fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into())
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}

/// Sets a property that not every browser has.
pub fn set_property(object: &JsValue, name: &str, value: &JsValue) {
    // A browser that does not take it plays on without.
    let _ = Reflect::set(object, &name.into(), value);
}

/// Calls a method that not every browser has.
pub fn call(object: &JsValue, method: &str) -> Option<JsValue> {
    let function: Function = property(object, method)?.dyn_into().ok()?;
    function.call0(object).ok()
}

/// As [`call`], with one argument.
pub fn call_with(object: &JsValue, method: &str, argument: &JsValue) -> Option<JsValue> {
    let function: Function = property(object, method)?.dyn_into().ok()?;
    function.call1(object, argument).ok()
}

/// Calls a method that returns a promise and lets the promise fail in silence.
pub fn call_quietly(object: &JsValue, method: &str) -> bool {
    let Some(result) = call(object, method) else {
        return false;
    };
    if let Ok(promise) = result.dyn_into::<js_sys::Promise>() {
        wasm_bindgen_futures::spawn_local(async move {
            let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
        });
    }
    true
}

/// An event listener that ends when it is dropped.
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Calls `handle` for every `name` event of `target`.
    pub fn new(
        target: &EventTarget,
        name: &'static str,
        handle: impl FnMut(Event) + 'static,
    ) -> Self {
        let closure = Closure::<dyn FnMut(Event)>::new(handle);
        // Fails for no target and no name that exists.
        let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        Self {
            target: target.clone(),
            name,
            closure,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self
            .target
            .remove_event_listener_with_callback(self.name, self.closure.as_ref().unchecked_ref());
    }
}

/// As [`call`], with two arguments.
pub fn call_with_two(
    object: &JsValue,
    method: &str,
    first: &JsValue,
    second: &JsValue,
) -> Option<JsValue> {
    let function: Function = property(object, method)?.dyn_into().ok()?;
    function.call2(object, first, second).ok()
}

/// Copies a text; whether that worked. Only secure pages have a clipboard.
pub async fn copy(text: &str) -> bool {
    let Some(clipboard) = property(&window().navigator(), "clipboard") else {
        return false;
    };
    let Some(written) = call_with(&clipboard, "writeText", &text.into()) else {
        return false;
    };
    wasm_bindgen_futures::JsFuture::from(js_sys::Promise::resolve(&written))
        .await
        .is_ok()
}

/// The page's title while it is shown.
pub fn set_title(title: &str) {
    if title.is_empty() {
        document().set_title("Weir");
    } else {
        document().set_title(&format!("{title} · Weir"));
    }
}
