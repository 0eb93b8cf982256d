//! When a plot must be drawn otherwise: its place has another width, or the page another theme.

use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{HtmlElement, MutationObserver, MutationObserverInit, ResizeObserver};

use crate::dom::{self, Listener};

/// Dropping it ends the watch.
pub struct Observers {
    resize: Option<(ResizeObserver, Closure<dyn FnMut()>)>,
    theme: Option<(MutationObserver, Closure<dyn FnMut()>)>,
    _system: Option<Listener>,
}

impl Observers {
    /// Calls `resized` for the element's size and `recoloured` for the theme, be it chosen here or in the system.
    pub fn new(
        element: &HtmlElement,
        resized: impl FnMut() + 'static,
        recoloured: impl Fn() + Clone + 'static,
    ) -> Self {
        let resized = Closure::<dyn FnMut()>::new(resized);
        let resize = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok();
        if let Some(observer) = &resize {
            observer.observe(element);
        }
        let system = dom::window().match_media("(prefers-color-scheme: dark)");
        let for_system = recoloured.clone();
        let system = system.ok().flatten();
        let system = system.map(|it| Listener::new(&it, "change", move |_| for_system()));

        let recoloured = Closure::<dyn FnMut()>::new(recoloured);
        let theme = MutationObserver::new(recoloured.as_ref().unchecked_ref()).ok();
        if let (Some(observer), Some(root)) = (&theme, dom::document().document_element()) {
            let what = MutationObserverInit::new();
            what.set_attributes(true);
            dom::set_property(
                &what,
                "attributeFilter",
                &js_sys::Array::of1(&"data-theme".into()),
            );
            // Refused only for options that make no sense.
            let _ = observer.observe_with_options(&root, &what);
        }
        Self {
            resize: resize.map(|it| (it, resized)),
            theme: theme.map(|it| (it, recoloured)),
            _system: system,
        }
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        if let Some((observer, _)) = &self.resize {
            observer.disconnect();
        }
        if let Some((observer, _)) = &self.theme {
            observer.disconnect();
        }
    }
}
