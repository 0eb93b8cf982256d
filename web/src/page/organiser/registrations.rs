//! Who registered: looked for by name, let in, refused, checked in.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{EventSlug, RegistrationRow, RegistrationStatus};

use super::{check_in::Attendee, questions};
use crate::{
    event::words,
    texts::{event as names, organiser as said},
    ui::{Choice, Empty, More, Paged, TextField, use_paged},
};

/// A search begins when nothing is typed for so long. Milliseconds.
const PAUSE_MS: u32 = 250;

/// All of them, with the file for spreadsheets.
#[component]
pub fn Registrations(slug: EventSlug) -> Element {
    let status = use_signal(String::new);
    let file = questions::of(&slug, "/registrations.csv");
    let mut options = vec![(String::new(), said::all_states().to_owned())];
    let all = [
        RegistrationStatus::Pending,
        RegistrationStatus::Confirmed,
        RegistrationStatus::Waiting,
        RegistrationStatus::Rejected,
        RegistrationStatus::Cancelled,
    ];
    options.extend(all.map(|it| (it.as_str().to_owned(), words::status(it).to_owned())));
    rsx! {
        section { class: "panel", "aria-labelledby": "registrations-title",
            header { class: "studio-head",
                h2 { id: "registrations-title", class: "panel-title", "{names::registrations()}" }
                a { class: "action action-soft", href: "{file}", download: true, "{said::csv()}" }
            }
            Search { slug: slug.clone(), status, short: false,
                div { class: "attendee-status", Choice { label: said::state(), value: status, options } }
            }
        }
    }
}

/// A list that follows what is typed. `children` stand beside the field.
#[component]
pub fn Search(
    slug: EventSlug,
    status: Signal<String>,
    short: bool,
    #[props(default)] on_change: Option<EventHandler<()>>,
    #[props(default)] children: Element,
) -> Element {
    let words = use_signal(String::new);
    // What is asked for: what was typed when somebody paused.
    let mut asked = use_signal(String::new);
    let _typed = use_resource(move || {
        let typed = words.read().trim().to_owned();
        async move {
            if *asked.peek() != typed {
                TimeoutFuture::new(PAUSE_MS).await;
                asked.set(typed);
            }
        }
    });
    rsx! {
        div { class: "attendee-search",
            TextField { label: said::find_attendee(), value: words, kind: "search", maxlength: 100, placeholder: said::find_attendee_hint() }
            {children}
        }
        // Another question is another list.
        for key in [format!("{status}/{asked}")] {
            Found { key: "{key}", slug: slug.clone(), status: status(), words: asked(), short, on_change }
        }
    }
}

#[component]
fn Found(
    slug: EventSlug,
    status: String,
    words: String,
    short: bool,
    on_change: Option<EventHandler<()>>,
) -> Element {
    let searching = !words.is_empty() || (!short && !status.is_empty());
    let of = slug.clone();
    let list: Paged<RegistrationRow> = use_paged(move |cursor| {
        let (slug, status, words) = (of.clone(), status.clone(), words.clone());
        async move { questions::registrations(&slug, &status, &words, cursor).await }
    });
    let found = list.items.read().len() as u64;
    let changed = move |row: RegistrationRow| {
        let mut items = list.items;
        let mut items = items.write();
        if let Some(old) = items.iter_mut().find(|old| old.id == row.id) {
            *old = row;
        }
        drop(items);
        if let Some(on_change) = on_change {
            on_change.call(());
        }
    };
    rsx! {
        p { class: "unseen", role: "status", if list.is_loaded() && searching { {said::found(found)} } }
        if list.is_empty() {
            if searching {
                Empty { title: said::nobody_found() }
            } else {
                Empty { title: said::nobody_yet(), text: said::nobody_yet_text() }
            }
        }
        ul { class: "lines", role: "list", hidden: list.items.read().is_empty(),
            for row in list.items.cloned() {
                li { key: "{row.id}", class: "line-item", Attendee { slug: slug.clone(), row, short, on_change: changed } }
            }
        }
        More { list }
    }
}
