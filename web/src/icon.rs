//! The pictures of the client, drawn in one stroke width.

use dioxus::prelude::*;

/// A 24-unit icon made of strokes.
#[component]
fn Strokes(d: &'static str) -> Element {
    rsx! {
        svg { class: "icon", view_box: "0 0 24 24", "aria-hidden": "true", path { d } }
    }
}

/// The mark: water that goes over a weir.
#[component]
pub fn Mark() -> Element {
    rsx! {
        svg { class: "mark", view_box: "0 0 32 32", "aria-hidden": "true",
            rect { class: "mark-ground", width: "32", height: "32", rx: "8" }
            path { class: "mark-fall", d: "M4.5 13c2.3-2.6 4.7-2.6 7 0s4.3 2.2 6.2-.2c3-3.8 7.3-1.6 7.3 3.4v2.3" }
            path { class: "mark-water", d: "M4.5 24.5c2.5-2.3 5-2.3 7.6 0s5.2 2.3 7.7 0 5.1-2.3 7.7 0" }
        }
    }
}

/// Start to play.
#[component]
pub fn Play() -> Element {
    rsx! {
        svg { class: "icon icon-solid", view_box: "0 0 24 24", "aria-hidden": "true",
            path { d: "M8 5.6v12.8a.9.9 0 0 0 1.36.77l10.5-6.4a.9.9 0 0 0 0-1.54l-10.5-6.4A.9.9 0 0 0 8 5.6Z" }
        }
    }
}

/// Pause.
#[component]
pub fn Pause() -> Element {
    rsx! {
        svg { class: "icon icon-solid", view_box: "0 0 24 24", "aria-hidden": "true",
            path { d: "M7.5 5h2A1.5 1.5 0 0 1 11 6.5v11A1.5 1.5 0 0 1 9.5 19h-2A1.5 1.5 0 0 1 6 17.5v-11A1.5 1.5 0 0 1 7.5 5Zm7 0h2A1.5 1.5 0 0 1 18 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-2a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 14.5 5Z" }
        }
    }
}

/// Back ten seconds.
#[component]
pub fn Rewind() -> Element {
    rsx! { Strokes { d: "M6.300 6.600A7.800 7.800 0 1 1 4.200 12M6.500 2.800v4h4M9.600 10.200v4.600M14 10.200a1.500 1.500 0 0 1 1.500 1.500v1.600a1.500 1.500 0 0 1-3 0v-1.600a1.500 1.500 0 0 1 1.500-1.500Z" } }
}

/// Sound is on.
#[component]
pub fn Sound() -> Element {
    rsx! { Strokes { d: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM15.5 9a4 4 0 0 1 0 6M18 6.5a7.6 7.6 0 0 1 0 11" } }
}

/// Sound is off.
#[component]
pub fn Muted() -> Element {
    rsx! { Strokes { d: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM16 9.5l5 5M21 9.5l-5 5" } }
}

/// Fill the screen.
#[component]
pub fn Expand() -> Element {
    rsx! { Strokes { d: "M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9M15 4h3.5A1.5 1.5 0 0 1 20 5.5V9M20 15v3.5a1.5 1.5 0 0 1-1.5 1.5H15M9 20H5.5A1.5 1.5 0 0 1 4 18.5V15" } }
}

/// Leave the full screen.
#[component]
pub fn Shrink() -> Element {
    rsx! { Strokes { d: "M9 4v3.5A1.5 1.5 0 0 1 7.5 9H4M20 9h-3.5A1.5 1.5 0 0 1 15 7.5V4M15 20v-3.5a1.5 1.5 0 0 1 1.5-1.5H20M4 15h3.5A1.5 1.5 0 0 1 9 16.5V20" } }
}

/// Choose a quality.
#[component]
pub fn Quality() -> Element {
    rsx! { Strokes { d: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.800v4.400M9 14.800v4.400" } }
}

/// A floating window.
#[component]
pub fn Float() -> Element {
    rsx! { Strokes { d: "M20 11V6.5A1.5 1.5 0 0 0 18.5 5h-13A1.5 1.5 0 0 0 4 6.5v9A1.5 1.5 0 0 0 5.5 17H10M13.5 13.5h6.5v5.5h-6.5z" } }
}

/// People who watch.
#[component]
pub fn Eye() -> Element {
    rsx! { Strokes { d: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Z" } }
}

/// To dark and to light.
#[component]
pub fn Contrast() -> Element {
    rsx! {
        svg { class: "icon", view_box: "0 0 24 24", "aria-hidden": "true",
            circle { cx: "12", cy: "12", r: "8" }
            path { class: "icon-fill", d: "M12 4a8 8 0 0 1 0 16Z" }
        }
    }
}

/// Copy an address.
#[component]
pub fn Link() -> Element {
    rsx! { Strokes { d: "M10 14a4 4 0 0 0 5.7.300l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-5.7-.3l-3 3a4 4 0 0 0 5.7 5.7l1.2-1.2" } }
}

/// Back to the list.
#[component]
pub fn Back() -> Element {
    rsx! { Strokes { d: "M14.5 6 8.5 12l6 6" } }
}

/// Closes something.
#[component]
pub fn Cross() -> Element {
    rsx! { Strokes { d: "M6 6l12 12M18 6 6 18" } }
}

/// A person.
#[component]
pub fn Person() -> Element {
    rsx! { Strokes { d: "M12 4.200a3.900 3.900 0 1 0 0 7.800 3.900 3.900 0 0 0 0-7.800ZM4.500 20c.6-3.600 3.600-5.600 7.500-5.600s6.900 2 7.500 5.600" } }
}

/// A broadcast goes out.
#[component]
pub fn Broadcast() -> Element {
    rsx! { Strokes { d: "M12 10.600a1.400 1.400 0 1 0 0 2.800 1.400 1.400 0 0 0 0-2.800ZM8.400 15.600a5 5 0 0 1 0-7.200M15.600 8.400a5 5 0 0 1 0 7.200M5.300 18.700a9.500 9.500 0 0 1 0-13.400M18.700 5.300a9.500 9.500 0 0 1 0 13.400" } }
}

/// Looks for something.
#[component]
pub fn Search() -> Element {
    rsx! { Strokes { d: "M10.800 4.300a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM15.600 15.600 20 20" } }
}

/// Answers a message.
#[component]
pub fn Reply() -> Element {
    rsx! { Strokes { d: "M9.500 6 4.500 11l5 5M5 11h8.500a6 6 0 0 1 6 6v1.500" } }
}

/// What else there is to do.
#[component]
pub fn More() -> Element {
    rsx! { Strokes { d: "M5.500 12h.01M12 12h.01M18.500 12h.01" } }
}

/// Sends a message.
#[component]
pub fn Send() -> Element {
    rsx! { Strokes { d: "M4.500 5.500 20 12 4.500 18.500l2-6.500-2-6.500ZM6.500 12H13" } }
}

/// Is fixed at the top.
#[component]
pub fn Pin() -> Element {
    rsx! { Strokes { d: "M9 4.500h6M10 4.500v5.500l-3 3.500h10l-3-3.500V4.500M12 13.500v6" } }
}

/// Wants it too.
#[component]
pub fn Up() -> Element {
    rsx! { Strokes { d: "M6 14.500 12 8.500l6 6" } }
}

/// Words under a picture.
#[component]
pub fn Captions() -> Element {
    rsx! { Strokes { d: "M5 5.500h14A1.500 1.500 0 0 1 20.500 7v10a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 17V7A1.500 1.500 0 0 1 5 5.500ZM7 15h6M16 15h1M7 12h1M11 12h6" } }
}

/// The whole width of the page.
#[component]
pub fn Wide() -> Element {
    rsx! { Strokes { d: "M5 6.500h14A1.500 1.500 0 0 1 20.500 8v8a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 16V8A1.500 1.500 0 0 1 5 6.500ZM8.500 10 6.500 12l2 2M15.500 10l2 2-2 2" } }
}
