//! Servers elsewhere that get the stream too.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{
    CreateRestream, EditRestream, Page, Restream, RestreamState, RestreamTest, StreamSlug,
};

use super::{
    live::megabits,
    questions::{of, paged},
    remove::Remove,
};
use crate::{
    api::{self, ApiError},
    texts::{frame, studio as said},
    ui::{
        Choice, Dialog, Empty, Failure, More, Paged, Submit, Switch, TextField, use_paged,
        use_toasts,
    },
};

/// How often the states are asked for. Milliseconds.
const REFRESH_MS: u32 = 3_000;

/// Heights that can be chosen as the most.
const HEIGHTS: [u32; 4] = [1080, 720, 480, 360];

#[derive(Clone, PartialEq)]
enum Editing {
    Nothing,
    New,
    One(Box<Restream>),
}

/// The list, and how it goes with each.
#[component]
pub fn Restreams(slug: StreamSlug) -> Element {
    let address = of(&slug, "/restreams");
    let list = use_paged(move |cursor| {
        let address = paged(&address, cursor);
        async move { api::get(&address).json::<Page<Restream>>().await }
    });
    let mut editing = use_signal(|| Editing::Nothing);
    use_future(move || async move {
        loop {
            TimeoutFuture::new(REFRESH_MS).await;
            if list.is_whole() {
                list.again();
            }
        }
    });
    rsx! {
        div { class: "stack",
            header { class: "studio-head",
                p { class: "soft studio-measure", "{said::restream_intro()}" }
                button { class: "action", r#type: "button", onclick: move |_| editing.set(Editing::New), "{said::restream_add()}" }
            }
            if list.is_empty() {
                Empty { title: said::no_restreams(), text: said::no_restreams_text() }
            }
            ul { class: "studio-rows", role: "list",
                for target in list.items.read().iter() {
                    li { key: "{target.id}", class: "panel",
                        Target { slug: slug.clone(), target: target.clone(), list, on_edit: move |it| editing.set(Editing::One(Box::new(it))) }
                    }
                }
            }
            More { list }
        }
        match editing() {
            Editing::Nothing => rsx! {},
            Editing::New => rsx! { Form { slug: slug.clone(), before: None, list, on_close: move |()| editing.set(Editing::Nothing) } },
            Editing::One(target) => rsx! {
                Form { slug: slug.clone(), before: Some(*target), list, on_close: move |()| editing.set(Editing::Nothing) }
            },
        }
    }
}

#[component]
fn Target(
    slug: StreamSlug,
    target: Restream,
    list: Paged<Restream>,
    on_edit: EventHandler<Restream>,
) -> Element {
    let mut testing = use_signal(|| false);
    let toasts = use_toasts();
    let address = of(&slug, &format!("/restreams/{}", target.id));
    let (for_test, for_turning) = (address.clone(), address.clone());
    let turn = move |enabled: bool| {
        let address = for_turning.clone();
        async move {
            let edit = EditRestream {
                enabled: Some(enabled),
                ..EditRestream::default()
            };
            let outcome = api::patch(&address).body(&edit).done().await;
            toasts.outcome(&outcome, frame::saved());
            list.again();
        }
    };
    let test = move |_| {
        let address = format!("{for_test}/tests");
        async move {
            if testing() {
                return;
            }
            testing.set(true);
            match api::post(&address).json::<RestreamTest>().await {
                Ok(RestreamTest {
                    ok: true, took_ms, ..
                }) => toasts.say(said::restream_ok(took_ms)),
                Ok(failed) => toasts.fail(said::restream_bad(failed.reason.unwrap_or_default())),
                Err(error) => toasts.fail(error.text()),
            }
            testing.set(false);
        }
    };
    let (name, for_edit) = (target.name.clone(), target.clone());
    let status = &target.status;
    rsx! {
        div { class: "studio-row",
            div {
                h2 { "{name}" }
                p { class: "studio-facts soft",
                    span { class: if status.state == RestreamState::Live { "badge badge-live" } else { "badge" }, "{state(target.enabled, status.state)}" }
                    span { class: "studio-address", "{target.url}" }
                    if status.state == RestreamState::Live {
                        span { "{megabits(status.bitrate)}" }
                        if let Some(rendition) = &status.rendition { span { "{rendition}" } }
                    }
                }
                if let Some(why) = &status.reason { p { class: "field-error", "{why}" } }
                if let Some(warning) = &status.warning { p { class: "soft", "{warning}" } }
            }
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", "aria-busy": "{testing}", onclick: test, "aria-label": "{said::test()}: {name}", "{said::test()}" }
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_edit.call(for_edit.clone()), "aria-label": "{frame::edit()}: {name}", "{frame::edit()}" }
                Remove { name: name.clone(), title: said::restream_delete(), text: said::restream_delete_text(&name), address, list }
            }
        }
        Switch { label: said::restream_enabled(), on: target.enabled, on_change: turn }
    }
}

#[component]
fn Form(
    slug: StreamSlug,
    before: Option<Restream>,
    list: Paged<Restream>,
    on_close: EventHandler<()>,
) -> Element {
    let name = use_signal(|| {
        before
            .as_ref()
            .map(|it| it.name.clone())
            .unwrap_or_default()
    });
    let url = use_signal(|| before.as_ref().map(|it| it.url.clone()).unwrap_or_default());
    let key = use_signal(String::new);
    let height = use_signal(|| {
        let height = before.as_ref().and_then(|it| it.max_height);
        height.map(|it| it.to_string()).unwrap_or_default()
    });
    let mut wanting = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let id = before.as_ref().map(|it| it.id.clone());
    let is_new = id.is_none();
    let missing = move |text: Signal<String>| {
        if wanting() && text.read().trim().is_empty() {
            frame::required()
        } else {
            ""
        }
    };
    let send = move |event: FormEvent| {
        let (slug, id) = (slug.clone(), id.clone());
        async move {
            event.prevent_default();
            wanting.set(true);
            let filled =
                |text: Signal<String>| Some(text.cloned()).filter(|it| !it.trim().is_empty());
            let (Some(name), Some(url)) = (filled(name), filled(url)) else {
                return;
            };
            let max_height = height.read().parse().ok();
            busy.set(true);
            let outcome = match (id, filled(key)) {
                (None, None) => {
                    busy.set(false);
                    return;
                }
                (None, Some(key)) => {
                    let new = CreateRestream {
                        name,
                        url,
                        key,
                        enabled: true,
                        max_height,
                        max_bitrate: None,
                    };
                    api::post(&of(&slug, "/restreams")).body(&new).done().await
                }
                (Some(id), key) => {
                    let edit = EditRestream {
                        name: Some(name),
                        url: Some(url),
                        key,
                        max_height: Some(max_height),
                        ..EditRestream::default()
                    };
                    let address = of(&slug, &format!("/restreams/{id}"));
                    api::patch(&address).body(&edit).done().await
                }
            };
            busy.set(false);
            match outcome {
                Ok(()) => {
                    toasts.say(frame::saved());
                    list.again();
                    on_close.call(());
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    };
    let mut heights = vec![(String::new(), said::best_quality().to_owned())];
    heights.extend(HEIGHTS.map(|it| (it.to_string(), format!("{it}p"))));
    rsx! {
        Dialog { title: if is_new { said::restream_add() } else { said::restream_edit() }, on_close,
            form { class: "form", novalidate: true, onsubmit: send,
                TextField { label: said::restream_name(), value: name, required: true, maxlength: 80, placeholder: "YouTube", error: missing(name), autofocus: true }
                TextField { label: said::restream_url(), value: url, required: true, kind: "url", placeholder: "rtmps://…/live2", hint: said::restream_url_hint(), error: missing(url) }
                TextField { label: said::stream_key(), value: key, kind: "password", autocomplete: "new-password", required: is_new, optional: !is_new, maxlength: 512,
                    hint: if is_new { said::restream_key_hint() } else { said::restream_key_stays() }, error: if is_new { missing(key) } else { "" } }
                Choice { label: said::at_most(), value: height, options: heights }
                if let Some(error) = error() { Failure { error } }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: frame::save(), busy: busy() }
                }
            }
        }
    }
}

fn state(enabled: bool, state: RestreamState) -> &'static str {
    match state {
        RestreamState::Idle if !enabled => said::restream_off(),
        RestreamState::Idle => said::restream_idle(),
        RestreamState::Connecting => said::restream_connecting(),
        RestreamState::Live => frame::live(),
        RestreamState::Retrying => said::restream_retrying(),
        RestreamState::Failed => said::restream_failed(),
    }
}
