//! The player of recordings and clips: the browser's own controls, keys as in the live player, and the speed.

use dioxus::{prelude::*, web::WebEventExt as _};
use futures_channel::mpsc::unbounded;
use futures_util::StreamExt as _;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlVideoElement, KeyboardEvent};

use super::playback::Playback;
use crate::{
    dom::{self, Listener},
    options::Options,
    player::HlsPlayer,
    texts::{frame, vod},
    ui::use_id,
};

/// How far a key skips. Seconds.
const SKIP_S: f64 = 10.0;
/// Speeds to choose from.
const SPEEDS: [f64; 7] = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0];

/// What is played.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// An HLS playlist.
    Hls(String),
    /// A file.
    File(String),
}

/// `video` gets the element, for what stands beside it.
#[component]
pub fn Video(
    source: Source,
    title: String,
    poster: Option<String>,
    video: Signal<Option<HtmlVideoElement>>,
) -> Element {
    let mut failed = use_signal(|| false);
    let mut playback = use_signal(|| None::<Playback>);
    let options = use_context::<Options>();
    let player = options.hls_player.unwrap_or_else(HlsPlayer::fitting);
    let (tell, inbox) = use_hook(|| {
        let (tell, inbox) = unbounded::<()>();
        (tell, CopyValue::new(Some(inbox)))
    });
    use_future(move || async move {
        let mut inbox = inbox;
        let Some(mut inbox) = inbox.write().take() else {
            return;
        };
        while inbox.next().await.is_some() {
            failed.set(true);
        }
    });
    let start = use_callback(move |element: HtmlVideoElement| {
        let tell = tell.clone();
        match &source {
            Source::Hls(playlist) => playback.set(Some(Playback::start(
                playlist.clone(),
                element,
                player,
                // Nobody hears it when the page is gone.
                move || drop(tell.unbounded_send(())),
            ))),
            Source::File(address) => element.set_src(address),
        }
    });
    use_keys(video);
    rsx! {
        div { class: "vod-player",
            video {
                class: "vod-video", controls: true, playsinline: true, preload: "metadata", poster, "aria-label": vod::video_label(&title),
                "data-player": player.word(),
                onmounted: move |event| {
                    if let Some(element) = event.try_as_web_event().and_then(|it| it.dyn_into::<HtmlVideoElement>().ok()) {
                        start.call(element.clone());
                        video.set(Some(element));
                    }
                },
                onerror: move |_| failed.set(true),
            }
            if failed() {
                div { class: "vod-failed", role: "alert",
                    p { class: "veil-title", "{vod::plays_not()}" }
                    p { "{vod::plays_not_text()}" }
                    button { class: "action", r#type: "button",
                        onclick: move |_| {
                            failed.set(false);
                            playback.set(None);
                            if let Some(element) = video.peek().clone() {
                                start.call(element);
                            }
                        },
                        "{frame::retry()}"
                    }
                }
            }
        }
    }
}

/// Keys of the live player. Where the video itself has the focus, the browser's own keys count.
fn use_keys(video: Signal<Option<HtmlVideoElement>>) {
    use_hook(|| {
        let listener = Listener::new(&dom::document(), "keydown", move |event| {
            let (Some(event), Some(video)) =
                (event.dyn_ref::<KeyboardEvent>(), video.peek().clone())
            else {
                return;
            };
            if event.ctrl_key() || event.alt_key() || event.meta_key() || is_for_another(event) {
                return;
            }
            let skip = |by: f64| video.set_current_time((video.current_time() + by).max(0.0));
            match event.key().as_str() {
                "k" => toggle(&video),
                "m" => video.set_muted(!video.muted()),
                "j" => skip(-SKIP_S),
                "l" => skip(SKIP_S),
                "f" => {
                    if dom::property(&dom::document(), "fullscreenElement").is_some() {
                        dom::call_quietly(&dom::document(), "exitFullscreen");
                    } else {
                        dom::call_quietly(&video, "requestFullscreen");
                    }
                }
                _ => return,
            }
            event.prevent_default();
        });
        std::rc::Rc::new(listener)
    });
}

fn toggle(video: &HtmlVideoElement) {
    let method = if video.paused() { "play" } else { "pause" };
    dom::call_quietly(video, method);
}

/// Letters that are written somewhere are no commands.
fn is_for_another(event: &KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|it| {
        it.matches("input, select, textarea, [contenteditable], dialog, dialog *, [role=menu] *")
            .unwrap_or(false)
    })
}

/// How fast it plays.
#[component]
pub fn Speed(video: Signal<Option<HtmlVideoElement>>) -> Element {
    let id = use_id("speed");
    rsx! {
        div { class: "speed",
            label { r#for: "{id}", "{vod::speed()}" }
            select { id: "{id}", class: "input",
                onchange: move |event| {
                    if let (Ok(rate), Some(video)) = (event.value().parse::<f64>(), video.peek().as_ref()) {
                        video.set_playback_rate(rate);
                    }
                },
                for rate in SPEEDS {
                    option { key: "{rate}", value: "{rate}", selected: (rate - 1.0).abs() < f64::EPSILON, "{vod::speed_times(rate)}" }
                }
            }
        }
    }
}
