//! A colour: chosen by hand or by its number, or none.

use dioxus::prelude::*;

use crate::{
    event::parse,
    texts::{frame, organiser as said},
    ui::use_id,
};

/// What the picker shows while nothing is chosen; it has no way to show nothing.
const NOTHING: &str = "#808080";

/// `value` is empty for none.
#[component]
pub fn ColourField(label: String, value: Signal<String>, hint: String) -> Element {
    let id = use_id("colour");
    let text = value();
    let is_bad = !text.trim().is_empty() && parse(text.trim()).is_none();
    let picked = parse(text.trim()).map_or_else(
        || NOTHING.to_owned(),
        |[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}"),
    );
    rsx! {
        div { class: "field",
            label { class: "field-label", r#for: "{id}", "{label}" span { class: "field-optional", " {frame::optional()}" } }
            div { class: "colour-row",
                input { class: "colour-pick", r#type: "color", "aria-label": "{label}: {said::choose()}", value: "{picked}",
                    oninput: move |event| value.set(event.value()) }
                input { id: "{id}", class: "input input-mono", r#type: "text", maxlength: "7", placeholder: "#1a2b3c", spellcheck: "false", autocomplete: "off",
                    value: "{text}", "aria-describedby": "{id}-hint {id}-error", "aria-invalid": "{is_bad}",
                    oninput: move |event| value.set(event.value()) }
                if !text.is_empty() {
                    button { class: "action action-soft", r#type: "button", "aria-label": "{said::remove()}: {label}", onclick: move |_| value.set(String::new()), "{said::remove()}" }
                }
            }
            p { id: "{id}-hint", class: "field-hint", "{hint}" }
            p { id: "{id}-error", class: "field-error", role: "alert", if is_bad { "{said::bad_colour()}" } }
        }
    }
}
