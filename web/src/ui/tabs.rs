//! Parts of a page of which one is shown (ARIA's tabs pattern: arrow keys move, and what is moved to is shown).

use dioxus::prelude::*;

use super::use_id;
use crate::dom;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// For programs.
    pub key: &'static str,
    /// For people.
    pub name: String,
}

impl Tab {
    /// A tab.
    pub fn new(key: &'static str, name: impl Into<String>) -> Self {
        Self {
            key,
            name: name.into(),
        }
    }
}

/// The row of tabs, and below it the panel with `children`, which show what `chosen` says.
#[component]
pub fn Tabs(
    label: String,
    tabs: Vec<Tab>,
    chosen: Signal<&'static str>,
    children: Element,
) -> Element {
    let id = use_id("tabs");
    let keys: Vec<&'static str> = tabs.iter().map(|tab| tab.key).collect();
    let mut elements = use_signal(Vec::<(&'static str, std::rc::Rc<MountedData>)>::new);
    let walk = move |event: KeyboardEvent| {
        let at = keys.iter().position(|key| *key == chosen()).unwrap_or(0);
        let to = match event.key() {
            Key::ArrowRight => (at + 1) % keys.len(),
            Key::ArrowLeft => (at + keys.len() - 1) % keys.len(),
            Key::Home => 0,
            Key::End => keys.len() - 1,
            _ => return,
        };
        event.prevent_default();
        chosen.set(keys[to]);
        let found = elements
            .peek()
            .iter()
            .rev()
            .find(|(key, _)| *key == keys[to])
            .map(|(_, it)| it.clone());
        spawn(async move {
            if let Some(element) = found {
                reveal(&element);
                let _ = element.set_focus(true).await;
            }
        });
    };
    rsx! {
        div { class: "tabs", role: "tablist", "aria-label": "{label}", onkeydown: walk,
            for Tab { key, name } in tabs {
                button {
                    key: "{key}", id: "{id}-{key}", class: "tab", r#type: "button", role: "tab",
                    "aria-selected": if chosen() == key { "true" } else { "false" },
                    "aria-controls": "{id}-panel",
                    tabindex: if chosen() == key { "0" } else { "-1" },
                    onmounted: move |event| elements.write().push((key, event.data())),
                    onclick: move |_| {
                        chosen.set(key);
                        let all = elements.peek();
                        if let Some((_, element)) = all.iter().rev().find(|(of, _)| *of == key) {
                            reveal(element);
                        }
                    },
                    "{name}"
                }
            }
        }
        div { id: "{id}-panel", class: "tab-panel", role: "tabpanel", "aria-labelledby": "{id}-{chosen}", {children} }
    }
}

/// Where the row is wider than the page, what is chosen and its neighbours are seen.
fn reveal(tab: &MountedData) {
    if let Some(element) = tab.downcast::<web_sys::Element>() {
        let where_to = js_sys::Object::new();
        dom::set_property(&where_to, "inline", &"center".into());
        dom::set_property(&where_to, "block", &"nearest".into());
        let _ = dom::call_with(element, "scrollIntoView", &where_to);
    }
}
