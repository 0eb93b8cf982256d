//! What the viewer sees of the player.

use std::rc::Rc;

use dioxus::{
    core::{Runtime, current_scope_id},
    prelude::*,
    web::WebEventExt as _,
};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast;
use web_sys::{Element as DomElement, HtmlVideoElement, KeyboardEvent};
use weir_protocol::{Caption, StreamSlug, StreamSummary};

use super::{
    captions::{Captions, use_captions},
    carrier::Carrier,
    controls::{Controls, RemoteProp},
    driver,
    keys::Keys,
    media_session::MediaSession,
    notice::Notice,
    quality::Quality,
    seek_bar::SKIP_S,
    stage::Stage,
    stats::Stats,
    ui::{Action, Ui},
    words::{Phase, Transport},
};
use crate::{
    dom::{self, Listener},
    icon,
    options::Options,
    settings::{self, Sound},
    texts::player as texts,
};

/// Without a movement for this long, the controls go. Milliseconds.
const CONTROLS_STAY_MS: u32 = 2_600;
/// What an arrow key changes of the volume.
const VOLUME_STEP: f64 = 0.05;

/// Plays one stream, whatever happens to the network.
///
/// What it does stands on its element, for tests and for support: `data-state` (the phase's word, or `paused`),
/// `data-transport` (`webrtc`, `hls`, `dvr`, `none`), `data-carrier` (what carries WebRTC: `udp`, `tcp`, `relay`, or empty), `data-player` (`webrtc`, `hlsjs`, `native` or empty),
/// `data-delay-ms` (measured milliseconds to the publisher, or empty), `data-quality` (what the viewer wants: `auto`, lines, `audio`)
/// and `data-lines` (lines of the picture over WebRTC, or empty).
#[component]
pub fn Player(
    slug: StreamSlug,
    stream: Signal<Option<StreamSummary>>,
    /// Whether the picture has the whole width of its page, where the page lets the viewer choose.
    wide: Option<Signal<bool>>,
    /// What the publisher wants to be read, where the page hears of it.
    captions: Option<Signal<Caption>>,
) -> Element {
    let options = use_context::<Options>();
    let ui = use_signal(|| Ui::new(Sound::load()));
    let mut channel = use_hook(|| {
        let (remote, inbox) = driver::channel();
        CopyValue::new((remote, Some(inbox)))
    });
    let remote = channel.read().0.clone();
    let mut root = use_signal(|| None::<DomElement>);
    let mut rtc_video = use_signal(|| None::<HtmlVideoElement>);
    let mut hls_video = use_signal(|| None::<HtmlVideoElement>);
    let mut fullscreen = use_signal(|| false);
    let mut stats = use_signal(|| false);
    let mut help = use_signal(|| false);
    let caption = use_captions(ui, captions);
    let mut reads = use_signal(settings::captions);
    // There is something to switch once there was something to read.
    let mut captioned = use_signal(|| false);
    use_effect(move || {
        if !caption.read().lines.is_empty() && !*captioned.peek() {
            captioned.set(true);
        }
    });
    let toggle_captions = use_callback(move |()| {
        reads.toggle();
        settings::set_captions(*reads.peek());
    });
    let for_stats = remote.clone();
    use_effect(move || for_stats.act(Action::WatchStats(stats())));
    let for_system = remote.clone();
    let system = use_hook(move || Rc::new(MediaSession::take(&for_system)));
    use_effect(move || {
        if let (Some(system), Some(stream)) = (system.as_ref(), stream.read().as_ref()) {
            system.show(stream);
        }
    });
    let awake = use_awake();
    // Without a movement from the start, the controls go too.
    use_effect(move || awake.wake());

    // The driver starts when both elements are on the page, once.
    use_effect(move || {
        let (Some(rtc), Some(hls)) = (rtc_video(), hls_video()) else {
            return;
        };
        let (remote, inbox) = {
            let mut channel = channel.write();
            (channel.0.clone(), channel.1.take())
        };
        if let Some(inbox) = inbox {
            spawn(driver::run(
                slug.clone(),
                options,
                Stage { rtc, hls },
                (remote, inbox),
                ui,
                stream,
            ));
        }
    });

    let toggle_fullscreen = use_callback(move |()| {
        let document = dom::document();
        if dom::property(&document, "fullscreenElement").is_some() {
            dom::call_quietly(&document, "exitFullscreen");
        } else if let Some(root) = root()
            && !dom::call_quietly(&root, "requestFullscreen")
            && let Some(video) = front(&ui, rtc_video, hls_video)
        {
            // An iPhone gives the screen to videos only.
            dom::call_quietly(&video, "webkitEnterFullscreen");
        }
    });
    let toggle_float = use_callback(move |()| {
        let document = dom::document();
        if dom::property(&document, "pictureInPictureElement").is_some() {
            dom::call_quietly(&document, "exitPictureInPicture");
        } else if let Some(video) = front(&ui, rtc_video, hls_video) {
            dom::call_quietly(&video, "requestPictureInPicture");
        }
    });
    let for_keys = remote.clone();
    use_listener("keydown", move |event| {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
            return;
        };
        let taken = event.ctrl_key() || event.alt_key() || event.meta_key();
        if taken || event.default_prevented() || is_for_another(event) {
            return;
        }
        match event.key().as_str() {
            " " | "k" => for_keys.act(Action::TogglePause),
            "m" => for_keys.act(Action::ToggleMute),
            "ArrowUp" => for_keys.act(Action::NudgeVolume(VOLUME_STEP)),
            "ArrowDown" => for_keys.act(Action::NudgeVolume(-VOLUME_STEP)),
            "ArrowLeft" | "j" => for_keys.act(Action::Skip(-SKIP_S)),
            "ArrowRight" | "l" => for_keys.act(Action::Skip(SKIP_S)),
            "f" => toggle_fullscreen.call(()),
            "i" => toggle_float.call(()),
            "s" => stats.toggle(),
            "c" if captioned() => toggle_captions.call(()),
            "?" => help.set(true),
            "t" if wide.is_some() => {
                if let Some(mut wide) = wide {
                    wide.toggle();
                }
            }
            _ => return,
        }
        event.prevent_default();
        awake.wake();
    });
    use_listener("fullscreenchange", move |_| {
        fullscreen.set(dom::property(&dom::document(), "fullscreenElement").is_some());
    });

    let now = ui.read();
    let shows = |transport| {
        if now.transport == Some(transport) {
            "video front"
        } else {
            "video"
        }
    };
    // What is past has the element of HLS.
    let by_hls = match now.transport {
        Some(Transport::Dvr) => Transport::Dvr,
        _ => Transport::Hls,
    };
    let transport = now.transport.map_or("none", Transport::word);
    let player = match now.transport {
        Some(Transport::WebRtc) => "webrtc",
        Some(Transport::Hls | Transport::Dvr) => now.hls_player.map_or("", |player| player.word()),
        None => "",
    };
    let delay = now.delay_ms.map(|ms| ms.to_string()).unwrap_or_default();
    let lines = now.lines.map(|lines| lines.to_string()).unwrap_or_default();
    let resting = !awake.is_awake() && now.phase == Phase::Playing && !now.paused;
    let (for_veil, for_unmute) = (remote.clone(), remote.clone());
    rsx! {
        section {
            class: if resting { "player resting" } else { "player" },
            "aria-label": texts::player(),
            "data-state": if now.paused && now.phase == Phase::Playing { "paused" } else { now.phase.word() },
            "data-transport": transport,
            "data-carrier": now.carrier.map_or("", Carrier::word),
            "data-delay-ms": delay,
            "data-player": player,
            "data-quality": now.quality.stored(),
            "data-lines": lines,
            onmounted: move |event| root.set(event.try_as_web_event()),
            onpointermove: move |_| awake.wake(),
            onpointerdown: move |_| awake.wake(),
            onfocusin: move |_| awake.wake(),
            video {
                class: shows(Transport::WebRtc),
                "playsinline": "true",
                "aria-label": texts::video(),
                "aria-hidden": if now.transport == Some(Transport::WebRtc) { "false" } else { "true" },
                muted: true,
                onmounted: move |event| rtc_video.set(as_video(event.try_as_web_event())),
            }
            video {
                class: shows(by_hls),
                "playsinline": "true",
                "aria-label": texts::video(),
                "aria-hidden": if now.transport == Some(by_hls) { "false" } else { "true" },
                muted: true,
                onmounted: move |event| hls_video.set(as_video(event.try_as_web_event())),
            }
            div { class: "touch", ondoubleclick: move |_| toggle_fullscreen.call(()) }
            if reads() {
                Captions { ui, caption }
            }
            Veil { ui, on_play: move |()| for_veil.act(Action::TogglePause) }
            if now.sound_blocked && !now.sound.muted && now.phase == Phase::Playing {
                button {
                    class: "unmute",
                    r#type: "button",
                    onclick: move |_| for_unmute.act(Action::ToggleMute),
                    icon::Muted {}
                    "{texts::sound_on()}"
                }
            }
            Notice { ui, policy: options.policy }
            Controls {
                ui,
                fullscreen,
                remote: RemoteProp(remote.clone()),
                wide,
                stats,
                captions: captioned().then_some(reads()),
                on_captions: move |()| toggle_captions.call(()),
                on_float: move |()| toggle_float.call(()),
                on_fullscreen: move |()| toggle_fullscreen.call(()),
            }
            if stats() {
                Stats { ui, policy: options.policy, on_close: move |()| stats.set(false), on_help: move |()| help.set(true) }
            }
            p { class: "unseen", role: "status", "aria-live": "polite", "{spoken(&now)}" }
        }
        if help() {
            Keys { wide: wide.is_some(), captions: captioned(), on_close: move |()| help.set(false) }
        }
    }
}

/// What lies over the picture when it does not move.
#[component]
fn Veil(ui: Signal<Ui>, on_play: EventHandler<()>) -> Element {
    let now = ui.read();
    let waiting = if now.unreachable {
        texts::unreachable()
    } else {
        texts::one_moment()
    };
    match now.phase {
        Phase::Playing if now.paused => rsx! {
            div { class: "veil veil-clear",
                button {
                    class: "big",
                    r#type: "button",
                    "aria-label": if now.is_in_past() { texts::play() } else { texts::to_live() },
                    onclick: move |_| on_play.call(()),
                    icon::Play {}
                }
            }
        },
        Phase::Playing
            if now.quality == Quality::AudioOnly && now.transport == Some(Transport::WebRtc) =>
        {
            rsx! {
                div { class: "veil",
                    span { class: "still", "aria-hidden": "true", icon::Sound {} }
                    p { class: "veil-title", "{texts::audio_only()}" }
                }
            }
        }
        Phase::Playing => rsx! {},
        Phase::Loading | Phase::Connecting => rsx! {
            div { class: "veil",
                span { class: "flow", "aria-hidden": "true", span {} span {} span {} }
                p { class: "veil-note", "{waiting}" }
            }
        },
        Phase::Interrupted => rsx! {
            div { class: "veil veil-thin",
                span { class: "flow", "aria-hidden": "true", span {} span {} span {} }
                p { class: "veil-note", if now.unreachable { "{waiting}" } else { "{texts::interrupted()}" } }
            }
        },
        // Over the last picture, where there is one.
        Phase::Reconnecting => rsx! {
            div { class: if now.transport.is_some() { "veil veil-thin" } else { "veil" },
                span { class: "flow", "aria-hidden": "true", span {} span {} span {} }
                p { class: "veil-title", "{texts::reconnecting()}" }
                p { class: "veil-note",
                    if now.unreachable { "{waiting}" } else { "{texts::reconnecting_note()}" }
                }
            }
        },
        Phase::Offline => rsx! {
            div { class: "veil",
                span { class: "still", "aria-hidden": "true", icon::Mark {} }
                p { class: "veil-title", "{texts::offline()}" }
                p { class: "veil-note", "{texts::offline_note()}" }
            }
        },
        Phase::Missing => rsx! {
            div { class: "veil",
                span { class: "still", "aria-hidden": "true", icon::Mark {} }
                p { class: "veil-title", "{texts::missing()}" }
                p { class: "veil-note", "{texts::missing_note()}" }
            }
        },
    }
}

/// For those who listen instead of looking. Only changes of substance, or it would never be silent.
fn spoken(ui: &Ui) -> &'static str {
    match (ui.phase, ui.transport) {
        (Phase::Loading, _) => "",
        (Phase::Missing, _) => texts::said_missing(),
        (Phase::Offline, _) => texts::said_offline(),
        (Phase::Connecting, _) => texts::said_connecting(),
        (Phase::Reconnecting, _) => texts::said_reconnecting(),
        (Phase::Interrupted, _) => texts::said_interrupted(),
        (Phase::Playing, _) if ui.paused => texts::said_paused(),
        (Phase::Playing, Some(Transport::Dvr)) => texts::said_dvr(),
        (Phase::Playing, Some(Transport::Hls)) => texts::said_hls(),
        (Phase::Playing, _) => texts::said_live(),
    }
}

/// Keys that the focused element wants for itself.
fn is_for_another(event: &KeyboardEvent) -> bool {
    let Some(target) = event
        .target()
        .and_then(|target| target.dyn_into::<DomElement>().ok())
    else {
        return false;
    };
    // Who writes, chooses or reads messages means what has the focus.
    let elsewhere = "input:not([type=range]), textarea, select, [contenteditable], dialog, \
                     [role=log], [role=tablist]";
    if target.closest(elsewhere).is_ok_and(|it| it.is_some()) {
        return true;
    }
    let in_menu = target.closest("[role=menu]").is_ok_and(|it| it.is_some());
    if in_menu && event.key() != "Escape" && event.key().len() > 1 {
        return true;
    }
    match target.tag_name().as_str() {
        "INPUT" => event.key().starts_with("Arrow"),
        "BUTTON" | "A" => event.key() == " ",
        _ => false,
    }
}

fn as_video(element: Option<DomElement>) -> Option<HtmlVideoElement> {
    let video: HtmlVideoElement = element?.dyn_into().ok()?;
    // The attribute alone does not mute an element that a script made.
    video.set_muted(true);
    Some(video)
}

fn front(
    ui: &Signal<Ui>,
    rtc: Signal<Option<HtmlVideoElement>>,
    hls: Signal<Option<HtmlVideoElement>>,
) -> Option<HtmlVideoElement> {
    match ui.peek().transport? {
        Transport::WebRtc => rtc(),
        Transport::Hls | Transport::Dvr => hls(),
    }
}

/// A listener on the document for as long as the component lives.
fn use_listener(name: &'static str, mut handle: impl FnMut(web_sys::Event) + 'static) {
    use_hook(|| {
        let (runtime, scope) = (Runtime::current(), current_scope_id());
        let in_scope = move |event| runtime.in_scope(scope, || handle(event));
        std::rc::Rc::new(Listener::new(&dom::document(), name, in_scope))
    });
}

/// Whether the viewer moved lately.
#[derive(Clone, Copy, PartialEq)]
struct Awake {
    awake: Signal<bool>,
    moves: Signal<u32>,
}

fn use_awake() -> Awake {
    Awake {
        awake: use_signal(|| true),
        moves: use_signal(|| 0),
    }
}

impl Awake {
    fn is_awake(self) -> bool {
        (self.awake)()
    }

    fn wake(mut self) {
        let this_move = self.moves.peek().wrapping_add(1);
        self.moves.set(this_move);
        if !*self.awake.peek() {
            self.awake.set(true);
        }
        spawn(async move {
            TimeoutFuture::new(CONTROLS_STAY_MS).await;
            if *self.moves.peek() == this_move {
                self.awake.set(false);
            }
        });
    }
}
