//! Live from the browser, without any other program.
//!
//! Decides (`machine`), carries out (`session`, `capture`), joins both (`desk`) and shows (here, `controls`, `meter`).

mod capture;
mod controls;
mod desk;
mod machine;
mod meter;
mod session;

use dioxus::{prelude::*, web::WebEventExt as _};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlVideoElement;
use weir_protocol::{StreamSummary, room::RoomName};

use self::{
    controls::{Devices, KeyField, Switches},
    desk::{Desk, use_desk},
    machine::{Event, Failure, Phase},
    session::Sent,
};
use super::{key, live::megabits, live_state::use_live_state, stream::Owned};
use crate::{
    app::{Embedded, Route},
    dom, icon,
    room::RoomPanel,
    texts::{frame, studio as said},
    ui::use_title,
};

/// How often what is sent is read. Milliseconds.
const READ_MS: u32 = 2_000;

/// `/studio/:stream/live`.
#[component]
pub fn GoLive(stream: Embedded) -> Element {
    rsx! {
        // Another stream is another page.
        for slug in [stream.0] {
            Owned { key: "{slug}", slug: slug.clone(), dashboard: false }
        }
    }
}

/// For whoever may publish the stream.
#[component]
pub fn Broadcast(stream: StreamSummary) -> Element {
    let slug = stream.slug.clone();
    let desk = use_desk(
        key::known(&slug)
            .map(|access| access.key)
            .unwrap_or_default(),
    );
    let state = use_live_state(&slug);
    use_title(frame::go_live());
    let phase = (desk.phase)();
    let moderates = use_signal(|| false);
    let watching = state().map_or(0, |now| now.viewers.total());
    let back = Route::StudioStream {
        stream: Embedded(slug.clone()),
    };
    rsx! {
        section { class: "page stack", "data-broadcast": word(phase),
            nav { Link { class: "quiet-link", to: back, icon::Back {} "{stream.title}" } }
            header { class: "studio-head",
                div { class: "studio-name",
                    h1 { "{frame::go_live()}" }
                    p { class: "studio-facts", role: "status",
                        PhaseBadge { phase }
                        if phase == Phase::Live { span { class: "soft", "{frame::viewers(u64::from(watching), watching)}" } }
                        if phase == Phase::Live { Rate { desk } }
                    }
                }
                Buttons { desk, phase }
            }
            if let Phase::Failed(failure) = phase {
                p { class: "failure", role: "alert", "{why(failure)}" }
            }
            div { class: "studio-columns",
                div { class: "stack",
                    Preview { desk }
                    Switches { desk }
                }
                div { class: "stack",
                    if matches!(phase, Phase::Live | Phase::Waiting) {
                        div { class: "studio-room",
                            RoomPanel { name: RoomName::Stream(slug.clone()), moderates }
                        }
                    }
                    Devices { desk }
                    KeyField { desk, slug: slug.clone(), phase }
                }
            }
        }
    }
}

#[component]
fn Buttons(desk: Desk, phase: Phase) -> Element {
    let ready = desk.has_something() && !desk.key.read().trim().is_empty();
    rsx! {
        div { class: "actions",
            match phase {
                Phase::Ready | Phase::Failed(_) => rsx! {
                    button { class: "action", r#type: "button", disabled: !ready, onclick: move |_| desk.tell(Event::Start),
                        icon::Broadcast {} "{frame::go_live()}" }
                },
                Phase::Connecting | Phase::Live | Phase::Waiting => rsx! {
                    button { class: "action action-danger", r#type: "button", onclick: move |_| desk.tell(Event::Stop), "{said::stop()}" }
                },
            }
        }
    }
}

#[component]
fn PhaseBadge(phase: Phase) -> Element {
    match phase {
        Phase::Live => rsx! { span { class: "badge badge-live", "{frame::live()}" } },
        Phase::Connecting => rsx! { span { class: "badge badge-waits", "{said::connecting()}" } },
        Phase::Waiting => rsx! { span { class: "badge badge-waits", "{said::reconnecting()}" } },
        Phase::Ready | Phase::Failed(_) => {
            rsx! { span { class: "badge", "{said::not_yet_live()}" } }
        }
    }
}

/// What goes out.
#[component]
fn Rate(desk: Desk) -> Element {
    let mut shown = use_signal(|| None::<(Sent, f64)>);
    use_future(move || async move {
        let mut before = None::<(f64, f64)>;
        loop {
            let now = dom::now_ms();
            if let Some(sent) = desk.sent().await {
                if let Some((bytes, at)) = before
                    && sent.bytes >= bytes
                    && now > at
                {
                    let bits = (sent.bytes - bytes) * 8_000.0 / (now - at);
                    shown.set(Some((sent, bits)));
                }
                before = Some((sent.bytes, now));
            }
            TimeoutFuture::new(READ_MS).await;
        }
    });
    match shown() {
        Some((sent, bits)) if sent.lines > 0.0 => rsx! {
            span { class: "soft", "aria-hidden": "true", "{megabits(bits as u64)} · {sent.lines}p{sent.fps:.0}" }
        },
        _ => rsx! {},
    }
}

/// What viewers will see, as in a mirror's place but not mirrored: text is to be read.
#[component]
fn Preview(desk: Desk) -> Element {
    let mut video = use_signal(|| None::<HtmlVideoElement>);
    use_effect(move || {
        let (Some(video), picture) = (video(), (desk.picture)()) else {
            return;
        };
        let stream = picture.and_then(|track| track.stream());
        video.set_src_object(stream.as_ref());
        if stream.is_some() {
            dom::call_quietly(&video, "play");
        }
    });
    let empty = desk.picture.read().is_none();
    rsx! {
        div { class: "studio-screen",
            video { class: "studio-video", "playsinline": "true", muted: true, "aria-label": said::preview(),
                onmounted: move |event| {
                    let element = event.try_as_web_event().and_then(|it| it.dyn_into::<HtmlVideoElement>().ok());
                    if let Some(element) = &element { element.set_muted(true); }
                    video.set(element);
                },
            }
            if empty { p { class: "studio-screen-note", if (desk.lost_picture)() { "{said::picture_lost()}" } else { "{said::preview_empty()}" } } }
            if !empty && !(desk.picture_on)() { p { class: "studio-screen-note", "{said::picture_off()}" } }
        }
    }
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Ready => "ready",
        Phase::Connecting => "connecting",
        Phase::Live => "live",
        Phase::Waiting => "waiting",
        Phase::Failed(_) => "failed",
    }
}

fn why(failure: Failure) -> &'static str {
    match failure {
        Failure::BadKey => said::bad_key(),
        Failure::Rejected => said::rejected(),
    }
}
