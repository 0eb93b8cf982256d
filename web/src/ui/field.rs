//! Fields of forms: each with its label, a hint, and what is wrong with it.

use dioxus::prelude::*;

use super::use_id;
use crate::texts::frame;

#[component]
fn Labelled(
    id: String,
    label: String,
    hint: String,
    error: String,
    optional: bool,
    children: Element,
) -> Element {
    rsx! {
        div { class: "field",
            label { class: "field-label", r#for: "{id}",
                "{label}"
                if optional { span { class: "field-optional", " {frame::optional()}" } }
            }
            {children}
            if !hint.is_empty() { p { id: "{id}-hint", class: "field-hint", "{hint}" } }
            // Always there, so that what appears in it is read out.
            p { id: "{id}-error", class: "field-error", role: "alert", "{error}" }
        }
    }
}

/// What describes a field, for `aria-describedby`.
fn described(id: &str, hint: &str) -> String {
    if hint.is_empty() {
        format!("{id}-error")
    } else {
        format!("{id}-hint {id}-error")
    }
}

/// One line.
#[component]
pub fn TextField(
    label: String,
    value: Signal<String>,
    #[props(default)] hint: String,
    #[props(default)] error: String,
    /// As of `<input>`.
    #[props(default = "text")]
    kind: &'static str,
    #[props(default = "off")] autocomplete: &'static str,
    #[props(default)] required: bool,
    /// Says that it may be left empty.
    #[props(default)]
    optional: bool,
    #[props(default = 1000)] maxlength: u32,
    #[props(default)] placeholder: String,
    #[props(default)] inputmode: Option<&'static str>,
    #[props(default)] autofocus: bool,
    #[props(default)] disabled: bool,
) -> Element {
    let id = use_id("field");
    rsx! {
        Labelled { id: "{id}", label, hint: hint.clone(), error: error.clone(), optional,
            input {
                id: "{id}", class: "input", r#type: kind, autocomplete, required, maxlength: "{maxlength}",
                placeholder: "{placeholder}", inputmode, disabled, value: "{value}",
                spellcheck: if kind == "text" { "true" } else { "false" },
                "aria-describedby": described(&id, &hint),
                "aria-invalid": if error.is_empty() { "false" } else { "true" },
                oninput: move |event| value.set(event.value()),
                onmounted: move |event| async move {
                    if autofocus {
                        let _ = event.set_focus(true).await;
                    }
                },
            }
        }
    }
}

/// Many lines.
#[component]
pub fn TextArea(
    label: String,
    value: Signal<String>,
    #[props(default)] hint: String,
    #[props(default)] error: String,
    #[props(default)] optional: bool,
    #[props(default = 4)] rows: u32,
    #[props(default = 5000)] maxlength: u32,
) -> Element {
    let id = use_id("field");
    rsx! {
        Labelled { id: "{id}", label, hint: hint.clone(), error: error.clone(), optional,
            textarea {
                id: "{id}", class: "input", rows: "{rows}", maxlength: "{maxlength}", value: "{value}",
                "aria-describedby": described(&id, &hint),
                "aria-invalid": if error.is_empty() { "false" } else { "true" },
                oninput: move |event| value.set(event.value()),
            }
        }
    }
}

/// One of some; the options are value and name.
#[component]
pub fn Choice(
    label: String,
    value: Signal<String>,
    options: Vec<(String, String)>,
    #[props(default)] hint: String,
    #[props(default)] error: String,
    #[props(default)] disabled: bool,
) -> Element {
    let id = use_id("field");
    rsx! {
        Labelled { id: "{id}", label, hint: hint.clone(), error, optional: false,
            select {
                id: "{id}", class: "input", disabled, "aria-describedby": described(&id, &hint),
                onchange: move |event| value.set(event.value()),
                for (key, name) in options {
                    option { key: "{key}", value: "{key}", selected: value() == key, "{name}" }
                }
            }
        }
    }
}

/// Yes or no, as a part of a form.
#[component]
pub fn Tick(
    label: String,
    value: Signal<bool>,
    #[props(default)] hint: String,
    #[props(default)] disabled: bool,
) -> Element {
    let id = use_id("field");
    rsx! {
        div { class: "field field-tick",
            input {
                id: "{id}", class: "tick", r#type: "checkbox", checked: value(), disabled,
                "aria-describedby": if hint.is_empty() { None } else { Some(format!("{id}-hint")) },
                onchange: move |event| value.set(event.checked()),
            }
            label { r#for: "{id}", "{label}" }
            if !hint.is_empty() { p { id: "{id}-hint", class: "field-hint", "{hint}" } }
        }
    }
}

/// On or off, at once.
#[component]
pub fn Switch(
    label: String,
    on: bool,
    on_change: EventHandler<bool>,
    #[props(default)] hint: String,
    #[props(default)] disabled: bool,
) -> Element {
    let id = use_id("switch");
    rsx! {
        div { class: "switch-row",
            div {
                span { id: "{id}", class: "switch-label", "{label}" }
                if !hint.is_empty() { p { id: "{id}-hint", class: "field-hint", "{hint}" } }
            }
            button {
                class: "switch", r#type: "button", role: "switch", "aria-checked": "{on}", "aria-labelledby": "{id}", disabled,
                "aria-describedby": if hint.is_empty() { None } else { Some(format!("{id}-hint")) },
                onclick: move |_| on_change.call(!on),
                span { class: "switch-knob", "aria-hidden": "true" }
            }
        }
    }
}

/// The button that sends a form. While it is busy a second press does nothing.
#[component]
pub fn Submit(
    label: String,
    #[props(default)] busy: bool,
    #[props(default)] disabled: bool,
) -> Element {
    rsx! {
        button { class: "action", r#type: "submit", disabled, "aria-disabled": "{busy}", "aria-busy": "{busy}",
            onclick: move |event| if busy { event.prevent_default() },
            "{label}"
        }
    }
}
