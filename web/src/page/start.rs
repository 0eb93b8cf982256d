//! What a newcomer needs to go live.

use dioxus::prelude::*;

use crate::dom;

/// Port of RTMP where nobody configured another.
const RTMP_PORT: u16 = 1935;

/// Settings for OBS, with this server's own addresses.
#[component]
pub fn HowToStart() -> Element {
    let location = dom::window().location();
    let host = location.hostname().unwrap_or_default();
    let origin = location.origin().unwrap_or_default();
    rsx! {
        section { class: "start", "aria-labelledby": "start-title",
            h2 { id: "start-title", "Go live in three steps" }
            ol { class: "steps",
                li {
                    h3 { "Make a stream" }
                    p { "On the server, this prints its address and its key, once." }
                    code { class: "line",
                        span { "weir stream create" }
                        span { "--slug show" }
                        span { "--title \"My show\"" }
                    }
                }
                li {
                    h3 { "Point OBS at it" }
                    p { "Settings, Stream. Either of the two works." }
                    dl { class: "pairs",
                        dt { "Service" }
                        dd { "Custom (RTMP)" }
                        dt { "Server" }
                        dd { code { "rtmp://{host}:{RTMP_PORT}/live" } }
                        dt { "Stream key" }
                        dd { "the key of step 1" }
                    }
                    dl { class: "pairs",
                        dt { "Service" }
                        dd { "WHIP" }
                        dt { "Server" }
                        dd { code { "{origin}/whip" } }
                        dt { "Bearer token" }
                        dd { "the key of step 1" }
                    }
                }
                li {
                    h3 { "Start streaming" }
                    p { "It appears on this page by itself. Share its address; nobody needs an account to watch." }
                }
            }
        }
    }
}
