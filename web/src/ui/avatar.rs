//! A user's picture, or the first letter of the name on a colour of its own.

use dioxus::prelude::*;

/// Different grounds; the style sheet has as many `tone-…`.
const TONES: u32 = 6;

/// Says nothing to those who listen: the name stands beside it.
#[component]
pub fn Avatar(
    name: String,
    #[props(default)] picture: Option<String>,
    #[props(default)] large: bool,
) -> Element {
    let mut broken = use_signal(|| false);
    let size = if large {
        "avatar avatar-large"
    } else {
        "avatar"
    };
    let letter: String = name
        .chars()
        .next()
        .map(|first| first.to_uppercase().collect())
        .unwrap_or_default();
    rsx! {
        span { class: "{size} tone-{tone(&name)}", "aria-hidden": "true",
            match picture.filter(|_| !broken()) {
                Some(address) => rsx! { img { src: "{address}", alt: "", loading: "lazy", onerror: move |_| broken.set(true) } },
                None => rsx! { "{letter}" },
            }
        }
    }
}

/// The same face for the same name on every visit: FNV-1a over it.
pub fn tone(name: &str) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % TONES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_face() {
        assert_eq!(tone("demo"), tone("demo"));
        let faces: std::collections::HashSet<u32> =
            (0..40).map(|n| tone(&format!("show-{n}"))).collect();
        assert_eq!(faces.len(), TONES as usize, "all faces are in use");
    }
}
