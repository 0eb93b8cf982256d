//! The right to stream: who has it, and how one asks for it.

use dioxus::prelude::*;
use weir_protocol::{ApplyAsCreator, CreatorApplicationItem};

use super::Panel;
use crate::{
    api::{self, ApiError},
    page::people::form::{FormBody, Wrong, use_form},
    session::use_session,
    texts::people,
    ui::{Failure, Skeleton, Submit, TextArea, moment},
};

const ADDRESS: &str = "/api/v1/me/creator-application";
const TEXT: &str = "text";

/// The panel.
#[component]
pub fn StreamingPanel() -> Element {
    let session = use_session();
    let mut application =
        use_resource(|| api::get(ADDRESS).json::<Option<CreatorApplicationItem>>());
    let content = match &*application.read() {
        None => rsx! { Skeleton { lines: 2 } },
        Some(Ok(Some(item))) if item.state == "pending" => rsx! {
            p { "{people::waits(moment(item.created_at))}" }
            blockquote { class: "quote", "{item.text}" }
        },
        _ if session.user().is_some_and(|me| me.role != "attendee") => rsx! {
            p { "{people::may_stream()}" }
        },
        Some(Err(error)) => rsx! {
            Failure { error: error.clone(), on_retry: move |()| application.restart() }
        },
        Some(Ok(item)) => {
            let rejected = item.as_ref().filter(|item| item.state == "rejected");
            rsx! {
                if let Some(item) = rejected {
                    p { "{people::rejected()}" }
                    if let Some(reason) = &item.reason { blockquote { class: "quote", "{reason}" } }
                }
                Apply { on_applied: move |()| application.restart() }
            }
        }
    };
    rsx! {
        Panel { title: people::part_streaming(), {content} }
    }
}

#[component]
fn Apply(on_applied: EventHandler<()>) -> Element {
    let session = use_session();
    let form = use_form();
    let text = use_signal(String::new);
    let submit = move |()| {
        form.require(TEXT, &text.peek());
        let request = ApplyAsCreator {
            text: text.peek().clone(),
        };
        form.send(async move {
            let asked = api::post(ADDRESS).body(&request);
            let made: Result<CreatorApplicationItem, ApiError> = asked.json().await;
            made.map_err(|error| match error.status() {
                Some(409) => Wrong::whole(people::asked_already()),
                _ => error.into(),
            })?;
            // Where the site wants it so, the answer is yes at once.
            session.ask().await;
            on_applied.call(());
            Ok(())
        });
    };
    rsx! {
        p { class: "soft", "{people::apply_note()}" }
        FormBody { form, on_submit: submit,
            TextArea { label: people::apply_text(), value: text, error: form.error(TEXT), rows: 4, maxlength: 2000 }
            Submit { label: people::apply(), busy: form.busy() }
        }
    }
}
