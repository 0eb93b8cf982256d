//! The player alone, for a frame in other people's pages.

use dioxus::prelude::*;
use weir_protocol::StreamSummary;

use crate::{app::Embedded, dom, player::Player};

/// `/embed/slug`: fills its frame, and leads to the stream's own page.
#[component]
pub fn Embed(stream: Embedded) -> Element {
    let summary = use_signal(|| None::<StreamSummary>);
    let slug = stream.0.clone();
    let fallback = slug.to_string();
    use_effect(move || {
        let summary = summary.read();
        let title = summary
            .as_ref()
            .map_or(fallback.as_str(), |it| it.title.as_str());
        dom::document().set_title(title);
    });
    let title = summary
        .read()
        .as_ref()
        .map_or_else(|| slug.to_string(), |it| it.title.clone());
    rsx! {
        main { class: "embed", key: "{slug}",
            Player { slug: slug.clone(), stream: summary }
            // Out of the frame: the page that it stands in stays.
            a { class: "embed-title", href: "/@{slug}", target: "_blank", rel: "noopener", "{title}" }
        }
    }
}
