//! For who speaks in a session: it is shown on a stream of one's own.

use dioxus::prelude::*;
use weir_protocol::{EventSession, EventSlug, Page, SetSessionStream, StreamSlug, StreamSummary};

use super::live::LiveEvent;
use crate::{
    api,
    session::use_session,
    texts::{event as said, frame},
    ui::{Choice, Submit, use_toasts},
};

/// Nothing for everybody else.
#[component]
pub fn SpeakHere(event: EventSlug, session: EventSession, live: LiveEvent) -> Element {
    let who = use_session();
    let speaks = session
        .speakers
        .iter()
        .any(|it| it.user.as_deref().is_some_and(|name| who.is(name)));
    if !speaks {
        return rsx! {};
    }
    rsx! { Form { event, session, live } }
}

#[component]
fn Form(event: EventSlug, session: EventSession, live: LiveEvent) -> Element {
    let chosen = use_signal(|| {
        let shown = session.stream.as_ref();
        shown.map(|it| it.slug.to_string()).unwrap_or_default()
    });
    let mut own = use_signal(Vec::<StreamSummary>::new);
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    use_future(move || async move {
        // Without any there is nothing to choose.
        let asked = api::get("/api/v1/me/streams?limit=100");
        if let Ok(page) = asked.json::<Page<StreamSummary>>().await {
            own.set(page.items);
        }
    });
    let address = format!("/api/v1/events/{event}/sessions/{}/stream", session.slug);
    let send = move |event: FormEvent| {
        event.prevent_default();
        let address = address.clone();
        async move {
            let Ok(stream) = chosen.read().parse::<StreamSlug>() else {
                return;
            };
            if busy() {
                return;
            }
            busy.set(true);
            let ask = api::put(&address).body(&SetSessionStream { stream });
            let outcome = ask.done().await;
            busy.set(false);
            toasts.outcome(&outcome, frame::saved());
            live.again();
        }
    };
    if own.read().is_empty() {
        return rsx! {};
    }
    let mut options = vec![(String::new(), said::choose_stream().to_owned())];
    let named = own().into_iter().map(|it| (it.slug.to_string(), it.title));
    options.extend(named);
    rsx! {
        form { class: "panel form", novalidate: true, onsubmit: send, "aria-labelledby": "speak-title",
            h2 { id: "speak-title", class: "panel-title", "{said::you_speak()}" }
            Choice { label: said::your_stream(), value: chosen, options, hint: said::your_stream_hint() }
            div { class: "actions", Submit { label: frame::save(), busy: busy() } }
        }
    }
}
