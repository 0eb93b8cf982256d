//! What an administrator does with a stream, asked for before it is done. Stands beside the lists: a row may go while
//! one still reads the new key.

use dioxus::prelude::*;
use weir_protocol::{StreamAccess, StreamSummary};

use crate::{
    api,
    texts::{admin, frame},
    ui::{Confirm, CopyField, Dialog, use_toasts},
};

/// What is asked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Whoever publishes is sent away.
    End,
    /// The same, and the old key is worth nothing.
    ReplaceKey,
    /// The stream goes.
    Delete,
}

/// The dialogs; `on_done` says that the lists are old.
#[component]
pub fn Acts(mut asked: Signal<Option<(Act, StreamSummary)>>, on_done: EventHandler<()>) -> Element {
    let toasts = use_toasts();
    let mut busy = use_signal(|| false);
    let mut new_key = use_signal(|| None::<(String, StreamAccess)>);
    let run = use_callback(move |(act, stream): (Act, StreamSummary)| {
        if busy() {
            return;
        }
        busy.set(true);
        spawn(async move {
            let (at, title) = (format!("/api/v1/streams/{}", stream.slug), stream.title);
            match act {
                Act::End => {
                    let outcome = api::delete(&format!("{at}/broadcast")).done().await;
                    toasts.outcome(&outcome, admin::was_ended(&title));
                }
                Act::ReplaceKey => match api::post(&format!("{at}/key")).json().await {
                    Ok(access) => new_key.set(Some((title, access))),
                    Err(error) => toasts.fail(error.text()),
                },
                Act::Delete => {
                    let outcome = api::delete(&at).done().await;
                    toasts.outcome(&outcome, admin::stream_deleted(&title));
                }
            }
            busy.set(false);
            asked.set(None);
            on_done.call(());
        });
    });
    rsx! {
        match asked() {
            Some((Act::End, stream)) => rsx! {
                End { stream, busy: busy(), on_act: move |asked| run.call(asked), on_close: move |()| asked.set(None) }
            },
            Some((act, stream)) => {
                let (title, text, verb) = words(act, &stream.title);
                rsx! {
                    Confirm { title, text, action: verb, busy: busy(),
                        on_confirm: move |()| run.call((act, stream.clone())), on_close: move |()| asked.set(None) }
                }
            }
            None => rsx! {},
        }
        if let Some((title, access)) = new_key() {
            Dialog { title: admin::key_replaced(&title), on_close: move |()| new_key.set(None),
                p { "{admin::key_note()}" }
                CopyField { label: admin::rtmp_address(), value: access.rtmp_url.clone() }
                CopyField { label: admin::stream_key(), value: access.key.clone(), secret: true }
            }
        }
    }
}

/// Ending alone lets a program begin again by itself, so that both ways are offered.
#[component]
fn End(
    stream: StreamSummary,
    busy: bool,
    on_act: EventHandler<(Act, StreamSummary)>,
    on_close: EventHandler<()>,
) -> Element {
    let title = admin::end_title(&stream.title);
    let both = stream.clone();
    rsx! {
        Dialog { title, on_close,
            p { "{admin::end_text()}" }
            div { class: "dialog-actions",
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                button { class: "action action-soft", r#type: "button", disabled: busy,
                    onclick: move |_| on_act.call((Act::ReplaceKey, both.clone())), "{admin::end_and_replace()}" }
                button { class: "action action-danger", r#type: "button", disabled: busy,
                    onclick: move |_| on_act.call((Act::End, stream.clone())), "{admin::end_only()}" }
            }
        }
    }
}

fn words(act: Act, title: &str) -> (String, &'static str, &'static str) {
    match act {
        Act::End => (
            admin::end_title(title),
            admin::end_text(),
            admin::end_only(),
        ),
        Act::ReplaceKey => (
            admin::replace_title(title),
            admin::replace_text(),
            admin::replace_key(),
        ),
        Act::Delete => (
            admin::delete_stream_title(title),
            admin::delete_stream_text(),
            frame::delete(),
        ),
    }
}
