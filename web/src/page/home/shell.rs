//! The same by the command line and with OBS.

use dioxus::prelude::*;

use crate::{dom, texts::home};

/// Port of RTMP where nobody configured another.
const RTMP_PORT: u16 = 1935;

/// The command that makes a stream, and settings for OBS with this server's own addresses.
#[component]
pub fn WithTheShell() -> Element {
    let location = dom::window().location();
    let host = location.hostname().unwrap_or_default();
    let origin = location.origin().unwrap_or_default();
    rsx! {
        details { class: "shell",
            summary { "{home::shell_title()}" }
            ol { class: "steps",
                li {
                    h3 { "{home::shell_make()}" }
                    p { "{home::shell_make_text()}" }
                    code { class: "line",
                        span { "weir stream create" }
                        span { "--slug show" }
                        span { "--title \"{home::shell_stream_title()}\"" }
                    }
                }
                li {
                    h3 { "{home::shell_obs()}" }
                    p { "{home::shell_obs_text()}" }
                    dl { class: "pairs",
                        dt { "{home::shell_service()}" }
                        dd { "{home::shell_custom()}" }
                        dt { "{home::shell_server()}" }
                        dd { code { "rtmp://{host}:{RTMP_PORT}/live" } }
                        dt { "{home::shell_key()}" }
                        dd { "{home::shell_the_key()}" }
                    }
                    dl { class: "pairs",
                        dt { "{home::shell_service()}" }
                        dd { "WHIP" }
                        dt { "{home::shell_server()}" }
                        dd { code { "{origin}/whip" } }
                        dt { "{home::shell_token()}" }
                        dd { "{home::shell_the_key()}" }
                    }
                }
                li {
                    h3 { "{home::shell_start()}" }
                    p { "{home::shell_start_text()}" }
                }
            }
        }
    }
}
