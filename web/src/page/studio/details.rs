//! What a stream says of itself, its picture, and its end.

use dioxus::{prelude::*, web::WebEventExt as _};
use wasm_bindgen::JsCast as _;
use web_sys::Blob;
use weir_protocol::{EditStream, StreamSummary};

use super::{
    fields::{DraftFields, TitleField, VisibilityField, use_draft},
    key, questions,
    stream::Kept,
};
use crate::{
    api::ApiError,
    app::Route,
    dom,
    texts::{frame, studio as said},
    ui::{Confirm, Failure, Submit, use_id, use_toasts},
};

/// Largest picture that the server takes, in bytes.
const PICTURE_MAX: f64 = 1_048_576.0;

/// A form, the picture, and the button that deletes the stream.
#[component]
pub fn Details(kept: Kept, on_change: EventHandler<Kept>) -> Element {
    rsx! {
        div { class: "studio-columns",
            // Somebody else's change of what stands in it is another form; one of the picture leaves alone what is
            // being written.
            for kept in [kept.clone()] {
                Form { key: "{written(&kept.summary)}", kept: kept.clone(), on_change }
            }
            div { class: "stack",
                Picture { kept: kept.clone(), on_change }
                Removal { kept }
            }
        }
    }
}

/// What stands in the form.
fn written(of: &StreamSummary) -> String {
    let words = (&of.title, &of.description, &of.tags);
    let choices = (&of.category, of.visibility, &of.language, of.mature);
    format!("{words:?} {choices:?}")
}

#[component]
fn Form(kept: Kept, on_change: EventHandler<Kept>) -> Element {
    let draft = use_draft(Some(&kept.summary));
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let slug = kept.summary.slug.clone();
    let (tag, slug_again) = (kept.tag.clone(), slug.clone());
    let send = move |event: FormEvent| {
        let (slug, tag) = (slug.clone(), tag.clone());
        async move {
            event.prevent_default();
            let (Some(title), Some(tags)) = (draft.title(), draft.tags()) else {
                return;
            };
            if busy() {
                return;
            }
            busy.set(true);
            error.set(None);
            let edit = EditStream {
                title: Some(title),
                description: Some(draft.description.cloned()),
                category: Some(draft.category()),
                tags: Some(tags),
                visibility: Some(draft.visibility()),
                language: Some(draft.language()),
                mature: Some(draft.mature.cloned()),
                ..EditStream::default()
            };
            let outcome = questions::edit(&slug, tag.as_deref(), &edit).await;
            busy.set(false);
            match outcome {
                Ok(answer) => {
                    toasts.say(frame::saved());
                    on_change.call(answer.into());
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    };
    let again = move |()| {
        let slug = slug_again.clone();
        async move {
            match questions::stream(&slug).await {
                Ok(answer) => {
                    error.set(None);
                    on_change.call(answer.into());
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    };
    let title_error = match draft.title() {
        None => frame::required(),
        Some(_) => "",
    };
    rsx! {
        form { class: "panel form studio-wide", novalidate: true, onsubmit: send,
            h2 { class: "panel-title", "{said::details()}" }
            TitleField { draft, error: title_error }
            VisibilityField { draft }
            DraftFields { draft }
            if let Some(error) = error() {
                if error.status() == Some(412) {
                    Failure { error, on_retry: again }
                } else {
                    Failure { error }
                }
            }
            div { class: "actions", Submit { label: frame::save(), busy: busy() } }
        }
    }
}

#[component]
fn Picture(kept: Kept, on_change: EventHandler<Kept>) -> Element {
    let id = use_id("picture");
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let slug = kept.summary.slug.clone();
    let has_own = kept.summary.thumbnail.is_some();
    // The picture is no part of the form: the newest state is what it changes.
    let set = use_callback(move |image: Option<Blob>| {
        let slug = slug.clone();
        spawn(async move {
            busy.set(true);
            let outcome = async {
                let thumbnail = match image {
                    Some(file) => Some(questions::upload(file).await?.id),
                    None => None,
                };
                let edit = EditStream {
                    thumbnail: Some(thumbnail),
                    ..EditStream::default()
                };
                questions::edit(&slug, None, &edit).await
            };
            match outcome.await {
                Ok(answer) => {
                    toasts.say(frame::saved());
                    on_change.call(answer.into());
                }
                Err(error) => toasts.fail(error.text()),
            }
            busy.set(false);
        });
    });
    let chosen = move |event: FormEvent| {
        let Some(file) = file_of(&event) else { return };
        if file.size() > PICTURE_MAX {
            toasts.fail(said::picture_large());
        } else {
            set.call(Some(file));
        }
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "picture-title",
            h2 { id: "picture-title", class: "panel-title", "{said::picture()}" }
            if let Some(address) = &kept.summary.thumbnail_url {
                img { class: "studio-picture", src: "{address}", alt: said::picture_alt() }
            }
            label { class: "field-label", r#for: "{id}", "{said::picture_choose()}" }
            input { id: "{id}", class: "input", r#type: "file", accept: "image/png,image/jpeg,image/webp,image/gif",
                disabled: busy(), "aria-describedby": "{id}-hint", onchange: chosen }
            p { id: "{id}-hint", class: "field-hint", "{said::picture_hint()}" }
            if has_own {
                div { class: "actions",
                    button { class: "action action-soft", r#type: "button", disabled: busy(), onclick: move |_| set.call(None), "{said::picture_remove()}" }
                }
            }
        }
    }
}

fn file_of(event: &FormEvent) -> Option<Blob> {
    let target = event.try_as_web_event()?.target()?;
    let files = dom::property(&target, "files")?;
    dom::property(&files, "0")?.dyn_into().ok()
}

#[component]
fn Removal(kept: Kept) -> Element {
    let mut asking = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let navigator = use_navigator();
    let slug = kept.summary.slug.clone();
    let remove = move |()| {
        let slug = slug.clone();
        async move {
            busy.set(true);
            match questions::delete(&slug).await {
                Ok(()) => {
                    key::forget(&slug);
                    toasts.say(said::deleted());
                    navigator.push(Route::Studio {});
                }
                Err(error) => {
                    toasts.fail(error.text());
                    busy.set(false);
                    asking.set(false);
                }
            }
        }
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "removal-title",
            h2 { id: "removal-title", class: "panel-title", "{said::delete_stream()}" }
            p { class: "soft", "{said::delete_hint()}" }
            div { class: "actions",
                button { class: "action action-danger", r#type: "button", onclick: move |_| asking.set(true), "{said::delete_stream()}" }
            }
        }
        if asking() {
            Confirm { title: said::delete_stream(), text: said::delete_text(&kept.summary.title), action: frame::delete(),
                busy: busy(), on_confirm: remove, on_close: move |()| asking.set(false) }
        }
    }
}
