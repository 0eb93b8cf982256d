//! How an encoder reaches this stream, and whether it does.

use dioxus::prelude::*;
use weir_protocol::{StreamAccess, StreamSlug, StreamSummary};

use super::{key, questions, stream::Kept};
use crate::{
    dom,
    page::watch::Findings,
    texts::{frame, studio as said},
    ui::{Confirm, CopyField, Tab, Tabs, use_toasts},
    words,
};

/// The steps for OBS, the key, and the test of the connection.
#[component]
pub fn SetUp(
    slug: StreamSlug,
    state: Signal<Option<StreamSummary>>,
    on_change: EventHandler<Kept>,
) -> Element {
    let (for_first, for_asking) = (slug.clone(), slug.clone());
    let mut access = use_signal(|| key::known(&for_first));
    let way = use_signal(|| "rtmp");
    let ways = vec![Tab::new("rtmp", "RTMP"), Tab::new("whip", "WHIP")];
    let renewed = use_callback(move |new: StreamAccess| {
        access.set(Some(new));
        let slug = for_asking.clone();
        spawn(async move {
            // A new key is a change of the stream: an edit with the tag from before it would be refused.
            if let Ok(answer) = questions::stream(&slug).await {
                on_change.call(answer.into());
            }
        });
    });
    rsx! {
        div { class: "studio-columns",
            section { class: "panel", "aria-labelledby": "obs-title",
                h2 { id: "obs-title", class: "panel-title", "{said::obs_title()}" }
                p { class: "soft", "{said::obs_intro()}" }
                Key { slug: slug.clone(), access: access(), on_new: renewed }
                Tabs { label: said::way(), tabs: ways, chosen: way,
                    if way() == "rtmp" {
                        Rtmp { access: access() }
                    } else {
                        Whip { access: access() }
                    }
                }
            }
            div { class: "stack",
                Test { state }
                Findings { slug: slug.clone() }
            }
        }
    }
}

#[component]
fn Rtmp(access: Option<StreamAccess>) -> Element {
    let server = access
        .as_ref()
        .map_or_else(rtmp_guess, |it| it.rtmp_url.clone());
    rsx! {
        ol { class: "studio-steps",
            li { p { "{said::step_settings()}" } p { class: "soft", "{said::step_service_rtmp()}" } }
            li {
                p { "{said::step_server()}" }
                CopyField { label: said::server(), value: server.clone() }
                p { class: "soft", "{said::step_key()}" }
            }
            li { p { "{said::step_output()}" } p { class: "soft", "{said::step_output_text()}" } }
        }
    }
}

#[component]
fn Whip(access: Option<StreamAccess>) -> Element {
    let origin = dom::window().location().origin().unwrap_or_default();
    let server = access.map_or_else(|| format!("{origin}/whip"), |it| it.whip_url);
    rsx! {
        ol { class: "studio-steps",
            li { p { "{said::step_settings()}" } p { class: "soft", "{said::step_service_whip()}" } }
            li {
                p { "{said::step_server()}" }
                CopyField { label: said::server(), value: server.clone() }
                p { class: "soft", "{said::step_token()}" }
            }
            li { p { "{said::step_start()}" } p { class: "soft", "{said::step_start_text()}" } }
        }
    }
}

/// Where nobody configured another: the server says its own with a new key.
fn rtmp_guess() -> String {
    let host = dom::window().location().hostname().unwrap_or_default();
    format!("rtmp://{host}:1935/live")
}

/// Shown as long as this tab knows it; a new one otherwise.
#[component]
fn Key(
    slug: StreamSlug,
    access: Option<StreamAccess>,
    on_new: EventHandler<StreamAccess>,
) -> Element {
    let mut asking = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let renew = move |()| {
        let slug = slug.clone();
        async move {
            busy.set(true);
            match questions::new_key(&slug).await {
                Ok(access) => {
                    key::remember(&access);
                    on_new.call(access);
                    toasts.say(said::key_made());
                }
                Err(error) => toasts.fail(error.text()),
            }
            busy.set(false);
            asking.set(false);
        }
    };
    rsx! {
        div { class: "studio-key",
            if let Some(access) = &access {
                CopyField { label: said::stream_key(), value: access.key.clone(), secret: true }
                p { class: "soft", "{said::key_once()}" }
            } else {
                p { class: "field-label", "{said::stream_key()}" }
                p { class: "soft", "{said::key_hidden()}" }
            }
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", onclick: move |_| asking.set(true), "{said::new_key()}" }
                if let Some(access) = access { Profile { access } }
            }
        }
        if asking() {
            Confirm { title: said::new_key(), text: said::new_key_text(), action: said::new_key_do(), busy: busy(),
                on_confirm: renew, on_close: move |()| asking.set(false) }
        }
    }
}

/// OBS keeps the service of a profile in `service.json` of its folder: this is that file.
#[component]
fn Profile(access: StreamAccess) -> Element {
    let service = serde_json::json!({
        "type": "rtmp_custom",
        "settings": {"server": access.rtmp_url, "key": access.key, "use_auth": false, "bwtest": false},
    });
    let text: String = js_sys::encode_uri_component(&service.to_string()).into();
    rsx! {
        a { class: "action action-soft", href: "data:application/json,{text}", download: "service.json", title: said::profile_hint(), "{said::profile()}" }
    }
}

/// Says by itself when media arrives.
#[component]
fn Test(state: Signal<Option<StreamSummary>>) -> Element {
    let now = state.read();
    let live = now.as_ref().filter(|it| it.live);
    let way = live.and_then(|it| it.protocol).map(words::protocol);
    rsx! {
        section { class: "panel", "aria-labelledby": "test-title",
            h2 { id: "test-title", class: "panel-title", "{said::test_title()}" }
            div { class: "studio-test", role: "status",
                match live {
                    Some(it) if it.reconnecting_until.is_some() => rsx! {
                        span { class: "badge badge-waits", "{said::reconnecting()}" }
                        p { "{said::test_lost()}" }
                    },
                    Some(_) => rsx! {
                        span { class: "badge badge-live", "{frame::live()}" }
                        p { strong { "{said::test_connected()}" } if let Some(way) = way { " {said::test_by(way)}" } }
                    },
                    None => rsx! {
                        span { class: "flow", "aria-hidden": "true", span {} span {} span {} }
                        p { "{said::test_waiting()}" }
                    },
                }
            }
            if live.is_none() { p { class: "soft", "{said::test_hint()}" } }
        }
    }
}
