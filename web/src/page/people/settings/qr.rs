//! A text as a QR code.

use dioxus::prelude::*;
use qrcode::{Color, EcLevel, QrCode};

/// The light frame that readers need around the code, in modules (ISO/IEC 18004 section 6.3.8).
const QUIET: usize = 4;

/// Dark on light in both themes: many readers know nothing else. Nothing where the text is too long.
#[component]
pub fn Qr(text: String, label: String) -> Element {
    let Some((side, path)) = drawn(&text) else {
        return rsx! {};
    };
    rsx! {
        svg { class: "qr", view_box: "0 0 {side} {side}", role: "img", "aria-label": "{label}", "shape-rendering": "crispEdges",
            rect { class: "qr-light", width: "{side}", height: "{side}" }
            path { class: "qr-dark", d: "{path}" }
        }
    }
}

/// How many modules a side has, with the frame, and the dark ones as a path.
fn drawn(text: &str) -> Option<(usize, String)> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.into_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + QUIET, at / width + QUIET);
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    Some((width + 2 * QUIET, path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_corner_of_a_code_is_its_finder() {
        let (side, path) =
            drawn("otpauth://totp/Weir:ann?secret=JBSWY3DPEHPK3PXP&issuer=Weir").unwrap();
        assert_eq!((side - 2 * QUIET - 17) % 4, 0, "a size that codes have");
        // Seven dark modules above, then a light one.
        for x in 4..11 {
            assert!(path.contains(&format!("M{x} 4h1")), "{x}");
        }
        assert!(!path.contains("M11 4h1"));
        assert!(drawn(&"x".repeat(5_000)).is_none(), "too long for any code");
    }
}
