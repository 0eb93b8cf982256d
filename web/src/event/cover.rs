//! The picture of an event; where it has none, water in its colour.

use dioxus::prelude::*;
use weir_protocol::Branding;

use super::branded::picture;
use crate::ui::tone;

/// Says nothing to those who listen: the title stands below. `logo`: on the picture, for tiles.
#[component]
pub fn Cover(
    title: String,
    branding: Branding,
    class: &'static str,
    #[props(default)] logo: bool,
) -> Element {
    rsx! {
        span { class: "{class} event-art tone-{tone(&title)}", "aria-hidden": "true",
            match &branding.cover {
                Some(cover) => rsx! { img { class: "event-art-picture", src: picture(cover), alt: "" } },
                None => rsx! {
                    svg { class: "ripples", view_box: "0 0 320 180", "preserveAspectRatio": "none",
                        path { d: "M0 74c40 0 40 16 80 16s40-16 80-16 40 16 80 16 40-16 80-16v106H0Z" }
                        path { d: "M0 104c40 0 40 14 80 14s40-14 80-14 40 14 80 14 40-14 80-14v76H0Z" }
                        path { d: "M0 134c40 0 40 12 80 12s40-12 80-12 40 12 80 12 40-12 80-12v46H0Z" }
                    }
                },
            }
            if let Some(logo) = branding.logo.as_ref().filter(|_| logo) { img { class: "event-card-logo", src: picture(logo), alt: "" } }
        }
    }
}
