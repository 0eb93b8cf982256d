//! What the streamer chooses: devices, what is on, and the key.

use dioxus::prelude::*;
use weir_protocol::StreamSlug;

use super::{
    capture::{self, CaptureError, Device, Kind, Track},
    desk::{Desk, Source},
    machine::{Failure, Phase},
    meter::Meter,
};
use crate::{
    page::studio::{key, questions},
    texts::studio as said,
    ui::{Choice, Confirm, Switch, TextField, use_toasts},
};

/// On and off, and camera or screen.
#[component]
pub fn Switches(desk: Desk) -> Element {
    let screen = (desk.source)() == Source::Screen && desk.picture.read().is_some();
    rsx! {
        div { class: "actions",
            if desk.picture.read().is_none() || screen {
                button { class: "action action-soft", r#type: "button", onclick: move |_| desk.take_camera(), "{said::show_camera()}" }
            }
            if capture::has_screens() {
                button { class: "action action-soft", r#type: "button", onclick: move |_| desk.take_screen(),
                    if screen { "{said::other_screen()}" } else { "{said::share_screen()}" } }
            }
            if desk.sound.read().is_none() {
                button { class: "action action-soft", r#type: "button", onclick: move |_| desk.take_microphone(), "{said::use_microphone()}" }
            }
        }
        if let Some(error) = (desk.error)() {
            p { class: "failure", role: "alert", "{why(error)}" }
        }
        if desk.has_something() {
            div { class: "panel",
                if desk.picture.read().is_some() {
                    Switch { label: if screen { said::screen() } else { said::camera() }, on: (desk.picture_on)(), on_change: move |on| desk.turn_picture(on) }
                }
                if desk.sound.read().is_some() {
                    Switch { label: said::microphone(), on: (desk.sound_on)(), on_change: move |on| desk.turn_sound(on) }
                }
            }
        }
    }
}

/// Which camera, which microphone, and how loud it is.
#[component]
pub fn Devices(desk: Desk) -> Element {
    // A choice takes effect at once; what is chosen by the capture itself is no choice.
    use_effect(move || {
        let wanted = (desk.camera)();
        if differs(&wanted, desk.picture.peek().as_ref()) && *desk.source.peek() == Source::Camera {
            spawn(desk.take_camera());
        }
    });
    use_effect(move || {
        let wanted = (desk.microphone)();
        if differs(&wanted, desk.sound.peek().as_ref()) {
            spawn(desk.take_microphone());
        }
    });
    let (cameras, microphones) = (names(desk, Kind::Camera), names(desk, Kind::Microphone));
    let camera = (desk.source)() == Source::Camera && desk.picture.read().is_some();
    rsx! {
        section { class: "panel", "aria-labelledby": "devices-title",
            h2 { id: "devices-title", class: "panel-title", "{said::devices()}" }
            if !desk.has_something() {
                p { class: "soft", "{said::devices_hint()}" }
                div { class: "actions",
                    button { class: "action", r#type: "button",
                        onclick: move |_| async move {
                            desk.take_camera().await;
                            desk.take_microphone().await;
                        },
                        "{said::use_both()}"
                    }
                }
            }
            if camera && !cameras.is_empty() {
                Choice { label: said::camera(), value: desk.camera, options: cameras }
            }
            if let Some(track) = (desk.sound)() {
                if !microphones.is_empty() {
                    Choice { label: said::microphone(), value: desk.microphone, options: microphones }
                }
                for track in [track] {
                    Meter { key: "{track.device()}", track: track.clone(), on: (desk.sound_on)() }
                }
            }
        }
    }
}

fn differs(wanted: &str, track: Option<&Track>) -> bool {
    !wanted.is_empty() && track.is_some_and(|track| track.device() != wanted)
}

fn names(desk: Desk, kind: Kind) -> Vec<(String, String)> {
    let devices = desk.devices.read();
    let of_kind = devices.iter().filter(|it| it.kind == kind);
    let name = |(n, it): (usize, &Device)| match it.name.is_empty() {
        true => (it.id.clone(), said::device(n + 1)),
        false => (it.id.clone(), it.name.clone()),
    };
    of_kind.enumerate().map(name).collect()
}

/// The server keeps no key in clear: this tab may know it, or the streamer does.
#[component]
pub fn KeyField(desk: Desk, slug: StreamSlug, phase: Phase) -> Element {
    let for_first = slug.clone();
    let known = use_hook(|| key::known(&for_first).is_some());
    let mut asking = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut made = use_signal(|| false);
    let toasts = use_toasts();
    let bad = phase == Phase::Failed(Failure::BadKey);
    let renew = move |()| {
        let slug = slug.clone();
        async move {
            busy.set(true);
            match questions::new_key(&slug).await {
                Ok(access) => {
                    key::remember(&access);
                    let mut key = desk.key;
                    key.set(access.key);
                    made.set(true);
                    toasts.say(said::key_made());
                }
                Err(error) => toasts.fail(error.text()),
            }
            busy.set(false);
            asking.set(false);
        }
    };
    let on = matches!(phase, Phase::Connecting | Phase::Live | Phase::Waiting);
    if on || ((known || made()) && !bad) {
        return rsx! {};
    }
    rsx! {
        section { class: "panel", "aria-labelledby": "key-title",
            h2 { id: "key-title", class: "panel-title", "{said::stream_key()}" }
            TextField { label: said::stream_key(), value: desk.key, kind: "password", hint: said::key_needed(), required: true,
                error: if bad { said::bad_key() } else { "" } }
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(true), "{said::new_key()}" }
            }
        }
        if asking() {
            Confirm { title: said::new_key(), text: said::new_key_text(), action: said::new_key_do(), busy: busy(),
                on_confirm: renew, on_close: move |()| asking.set(false) }
        }
    }
}

fn why(error: CaptureError) -> &'static str {
    match error {
        CaptureError::Denied => said::capture_denied(),
        CaptureError::NotFound => said::capture_not_found(),
        CaptureError::Busy => said::capture_busy(),
        CaptureError::Unsupported => said::capture_unsupported(),
        CaptureError::Failed => said::capture_failed(),
    }
}
