//! A button that opens a menu. Arrow keys move in it, Escape and a step outside close it (ARIA's menu button pattern).

use dioxus::{prelude::*, web::WebEventExt as _};
use wasm_bindgen::JsCast as _;
use web_sys::{Element as DomElement, HtmlElement};

use super::use_id;
use crate::app::Route;

#[derive(Clone, Copy)]
struct Open(Signal<bool>);

/// The button holds `trigger`; `label` says what it opens. Children are [`MenuLink`], [`MenuButton`] and [`MenuLine`].
#[component]
pub fn Menu(
    label: String,
    trigger: Element,
    children: Element,
    #[props(default = "quiet")] class: &'static str,
) -> Element {
    let id = use_id("menu");
    let mut open = use_signal(|| false);
    use_context_provider(|| Open(open));
    let mut root = use_signal(|| None::<DomElement>);
    let mut close = move |and_return: bool| {
        open.set(false);
        if and_return && let Some(button) = root.peek().as_ref().and_then(|it| query(it, "button"))
        {
            let _ = button.focus();
        }
    };
    let keys = move |event: KeyboardEvent| {
        let Some(list) = root.peek().clone() else {
            return;
        };
        let step = match event.key() {
            Key::ArrowDown => Step::Next,
            Key::ArrowUp => Step::Previous,
            Key::Home => Step::First,
            Key::End => Step::Last,
            Key::Escape if open() => {
                event.prevent_default();
                event.stop_propagation();
                close(true);
                return;
            }
            _ => return,
        };
        if open() {
            event.prevent_default();
            walk(&list, step);
        } else if matches!(step, Step::Next) {
            event.prevent_default();
            open.set(true);
        }
    };
    rsx! {
        div { class: "menu", onmounted: move |event| root.set(event.try_as_web_event()), onkeydown: keys,
            // After the click on an entry has done its work.
            onfocusout: move |_| async move {
                gloo_timers::future::TimeoutFuture::new(0).await;
                let inside = root.peek().as_ref().is_none_or(|it| it.contains(crate::dom::document().active_element().as_deref()));
                if !inside {
                    open.set(false);
                }
            },
            button { class, r#type: "button", "aria-haspopup": "menu", "aria-expanded": "{open}", "aria-controls": "{id}", "aria-label": "{label}",
                onclick: move |_| open.toggle(),
                {trigger}
            }
            if open() {
                div { id: "{id}", class: "menu-list", role: "menu", "aria-label": "{label}",
                    onmounted: move |_| if let Some(list) = root.peek().as_ref() { walk(list, Step::First) },
                    {children}
                }
            }
        }
    }
}

/// Leads to a page.
#[component]
pub fn MenuLink(to: Route, children: Element) -> Element {
    let Open(mut open) = use_context();
    rsx! {
        Link { class: "menu-item", role: "menuitem", to, onclick: move |_| open.set(false), {children} }
    }
}

/// Does something. `checked` makes it one of some that are chosen from.
#[component]
pub fn MenuButton(
    on_press: EventHandler<()>,
    children: Element,
    #[props(default)] checked: Option<bool>,
    #[props(default)] danger: bool,
    #[props(default)] disabled: bool,
) -> Element {
    let Open(mut open) = use_context();
    rsx! {
        button {
            class: if danger { "menu-item menu-danger" } else { "menu-item" },
            r#type: "button",
            role: if checked.is_some() { "menuitemradio" } else { "menuitem" },
            "aria-checked": checked.map(|it| it.to_string()),
            disabled,
            onclick: move |_| {
                open.set(false);
                on_press.call(());
            },
            {children}
        }
    }
}

/// A line between groups.
#[component]
pub fn MenuLine() -> Element {
    rsx! { div { class: "menu-line", role: "separator" } }
}

#[derive(Clone, Copy)]
enum Step {
    First,
    Last,
    Next,
    Previous,
}

fn query(root: &DomElement, selector: &str) -> Option<HtmlElement> {
    root.query_selector(selector).ok()??.dyn_into().ok()
}

/// Moves the focus among the entries, around at the ends.
fn walk(root: &DomElement, step: Step) {
    let Ok(found) = root.query_selector_all("[role^=menuitem]:not([disabled])") else {
        return;
    };
    let items: Vec<HtmlElement> = (0..found.length())
        .filter_map(|n| found.get(n)?.dyn_into().ok())
        .collect();
    let focused = crate::dom::document().active_element();
    let at = items
        .iter()
        .position(|item| focused.as_ref().is_some_and(|it| *it == **item));
    let Some(to) = target(items.len(), at, step) else {
        return;
    };
    let _ = items[to].focus();
}

fn target(count: usize, at: Option<usize>, step: Step) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(match (step, at) {
        (Step::First, _) | (Step::Next, None) => 0,
        (Step::Last, _) | (Step::Previous, None | Some(0)) => last,
        (Step::Next, Some(at)) => (at + 1) % count,
        (Step::Previous, Some(at)) => at - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_go_around() {
        assert_eq!(target(0, None, Step::First), None);
        assert_eq!(target(3, None, Step::Next), Some(0));
        assert_eq!(target(3, Some(2), Step::Next), Some(0));
        assert_eq!(target(3, Some(0), Step::Previous), Some(2));
        assert_eq!(target(3, Some(1), Step::Last), Some(2));
    }
}
