//! One stream: the picture, what it is, and the room beside it.

mod about;
mod findings;
mod follow;
mod share;

use dioxus::prelude::*;
use weir_protocol::{Caption, StreamSummary, room::RoomName};

use self::about::{Head, More};
pub use self::findings::Findings;
use crate::{
    app::{Handle, Route},
    dom, icon,
    page::vod::{PastBroadcasts, StreamClips},
    player::Player,
    room::RoomPanel,
    session::use_session,
    texts::watch as texts,
};

/// The watch page, `/@slug`.
#[component]
pub fn Watch(handle: Handle) -> Element {
    let stream = use_signal(|| None::<StreamSummary>);
    let wide = use_signal(|| false);
    let slug = handle.0.clone();
    let fallback = slug.to_string();
    use_effect(move || {
        let stream = stream.read();
        let title = stream
            .as_ref()
            .map_or(fallback.as_str(), |stream| stream.title.as_str());
        let mark = if stream.as_ref().is_some_and(|stream| stream.live) {
            "● "
        } else {
            ""
        };
        dom::document().set_title(&format!("{mark}{title} · Weir"));
    });
    // A room that was not found with its stream says nothing that the player does not say.
    let known = use_memo(move || stream.read().is_some());
    let session = use_session();
    let moderates = use_signal(|| false);
    let captions = use_signal(Caption::default);
    let may_see_findings = use_memo(move || {
        let stream = stream.read();
        let owner = stream.as_ref().and_then(|stream| stream.owner.as_ref());
        moderates() || session.is_admin() || owner.is_some_and(|owner| session.is(&owner.name))
    });
    rsx! {
        // Another stream is another player, not the same one with another name.
        article { class: if wide() { "watch watch-wide" } else { "watch" }, key: "{slug}",
            div { class: "watch-picture",
                Player { slug: slug.clone(), stream, wide, captions }
            }
            div { class: "watch-head",
                Head { handle: handle.clone(), stream }
            }
            div { class: "watch-room",
                if known() {
                    RoomPanel { name: RoomName::Stream(slug.clone()), moderates, captions }
                }
            }
            div { class: "watch-about",
                More { stream }
                if may_see_findings() {
                    Findings { slug: slug.clone() }
                }
                if known() {
                    PastBroadcasts { slug: slug.clone() }
                    StreamClips { slug: slug.clone() }
                }
                nav { class: "after",
                    Link { class: "quiet-link", to: Route::Home {}, icon::Back {} "{texts::all_streams()}" }
                }
            }
        }
    }
}
