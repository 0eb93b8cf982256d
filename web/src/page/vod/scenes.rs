//! Pictures of a recording, each leading to its moment.

use dioxus::prelude::*;
use web_sys::HtmlVideoElement;

use super::pictures::Preview;
use crate::{dom, texts::vod, ui};

/// A row of moments.
#[component]
pub fn Scenes(scenes: Vec<Preview>, video: Signal<Option<HtmlVideoElement>>) -> Element {
    rsx! {
        section { class: "scenes-part",
            h2 { class: "heading heading-small", "{vod::scenes()}" }
            ul { class: "scenes", role: "list",
                for Preview { at_s, address } in scenes {
                    li { key: "{at_s}",
                        button { class: "scene", r#type: "button", "aria-label": vod::scene_at(ui::duration((at_s * 1_000.0) as i64)),
                            onclick: move |_| {
                                if let Some(video) = video.peek().as_ref() {
                                    video.set_current_time(at_s);
                                    dom::call_quietly(video, "play");
                                }
                            },
                            img { src: "{address}", alt: "", loading: "lazy", width: "160", height: "90" }
                            span { class: "badge badge-glass scene-time", "{ui::duration((at_s * 1_000.0) as i64)}" }
                        }
                    }
                }
            }
        }
    }
}
