//! Telling others of a stream.

use dioxus::prelude::*;
use weir_protocol::StreamSlug;

use crate::{
    dom, icon,
    texts::watch,
    ui::{Choice, CopyField, Dialog},
};

/// Widths that can be chosen instead of the page's, in 16:9. CSS pixels.
const WIDTHS: [u32; 3] = [1280, 854, 640];

/// The address, and the code for one's own page.
#[component]
pub fn Share(slug: StreamSlug, title: String) -> Element {
    let mut open = use_signal(|| false);
    let origin = dom::window().location().origin().unwrap_or_default();
    rsx! {
        button { class: "action action-soft", r#type: "button", "aria-haspopup": "dialog", onclick: move |_| open.set(true),
            icon::Link {}
            "{watch::share()}"
        }
        if open() {
            Dialog { title: watch::share_title(), on_close: move |()| open.set(false),
                CopyField { label: watch::address(), value: "{origin}/@{slug}" }
                Embedding { origin: origin.clone(), slug: slug.clone(), title: title.clone() }
            }
        }
    }
}

/// The player in other people's pages: how large, its code, and what it looks like.
#[component]
fn Embedding(origin: String, slug: StreamSlug, title: String) -> Element {
    let size = use_signal(String::new);
    let mut seen = use_signal(|| false);
    let mut sizes = vec![(String::new(), watch::embed_responsive().to_owned())];
    sizes.extend(WIDTHS.map(|width| (width.to_string(), format!("{width} × {}", height(width)))));
    let width = size.read().parse().ok();
    rsx! {
        Choice { label: watch::embed_size(), value: size, options: sizes }
        CopyField { label: watch::embed(), value: embed_code(&origin, &slug, &title, width) }
        p { class: "soft", "{watch::embed_hint()}" }
        // Another player costs something: it is there when somebody wants to see it.
        details { class: "disclosure disclosure-small", ontoggle: move |_| seen.toggle(),
            summary { "{watch::embed_preview()}" }
            if seen() {
                iframe { class: "embed-preview", src: "/embed/{slug}", title: "{watch::embed_preview()}", allow: "autoplay; fullscreen; picture-in-picture" }
            }
        }
    }
}

/// A frame of a width, or one that is as wide as its place and keeps its shape.
fn embed_code(origin: &str, slug: &StreamSlug, title: &str, width: Option<u32>) -> String {
    let style = match width {
        Some(_) => "border:0;max-width:100%",
        None => "border:0;width:100%;height:auto;aspect-ratio:16/9",
    };
    let width = width.unwrap_or(640);
    format!(
        r#"<iframe src="{origin}/embed/{slug}" title="{}" width="{width}" height="{}" style="{style}" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>"#,
        escaped(title),
        height(width)
    )
}

/// In 16:9.
fn height(width: u32) -> u32 {
    (width * 9 + 8) / 16
}

/// For a value between quotes in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_stays_within_its_quotes() {
        let slug = "demo".parse().expect("slug");
        let code = embed_code("https://weir.example", &slug, r#""><script>&"#, None);
        assert!(
            code.contains(r#"title="&quot;&gt;&lt;script&gt;&amp;""#),
            "{code}"
        );
        assert!(code.contains(r#"src="https://weir.example/embed/demo""#));
        assert!(code.contains("width:100%"));
        let fixed = embed_code("https://weir.example", &slug, "Demo", Some(854));
        assert!(fixed.contains(r#"width="854" height="480""#), "{fixed}");
        assert!(!fixed.contains("width:100%;"), "{fixed}");
    }
}
