//! A part of the page in an organiser's colours. The policy of the page forbids style attributes, so they are set as
//! custom properties by script, each a number that was parsed: nothing that an organiser writes becomes CSS.

use dioxus::{prelude::*, web::WebEventExt as _};
use web_sys::Element as DomElement;
use weir_protocol::Branding;

use super::palette::{Palette, Rgb};
use crate::dom;

/// What is inside has the colours; without any, those of the client.
#[component]
pub fn Branded(
    branding: Branding,
    #[props(default)] class: &'static str,
    children: Element,
) -> Element {
    let mut root = use_signal(|| None::<DomElement>);
    let palette = Palette::of(&branding);
    use_effect(use_reactive!(|palette| {
        if let Some(element) = root.read().as_ref() {
            paint(element, palette.as_ref());
        }
    }));
    let branded = if palette.is_some() { "branded" } else { "" };
    rsx! {
        div { class: "{branded} {class}", onmounted: move |event| root.set(event.try_as_web_event()), {children} }
    }
}

/// Where an image of a branding is.
pub fn picture(id: &str) -> String {
    format!("/api/v1/images/{id}")
}

fn paint(element: &DomElement, palette: Option<&Palette>) {
    let colour = |of: fn(&Palette) -> Rgb| palette.map(|it| css(of(it)));
    let scheme = palette.map(|it| if it.dark { "dark" } else { "light" }.to_owned());
    set(element, "color-scheme", scheme);
    for (name, value) in [
        ("--ground", colour(|it| it.ground)),
        ("--raised", colour(|it| it.raised)),
        ("--raised-2", colour(|it| it.raised_2)),
        ("--line", colour(|it| it.line)),
        ("--edge", colour(|it| it.edge)),
        ("--text", colour(|it| it.text)),
        ("--text-soft", colour(|it| it.text_soft)),
        ("--accent", colour(|it| it.accent)),
        ("--accent-strong", colour(|it| it.button_hover)),
        ("--on-accent", colour(|it| it.on_button)),
        ("--brand", colour(|it| it.button)),
        ("--focus", colour(|it| it.text)),
        ("--error", colour(|it| it.error)),
    ] {
        set(element, name, value);
    }
}

fn css([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn set(element: &DomElement, name: &str, value: Option<String>) {
    let Some(style) = dom::property(element, "style") else {
        return;
    };
    match value {
        Some(value) => {
            dom::call_with_two(&style, "setProperty", &name.into(), &value.as_str().into())
        }
        None => dom::call_with(&style, "removeProperty", &name.into()),
    };
}
