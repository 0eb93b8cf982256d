//! Coming streams, so that people know when to come.

use dioxus::prelude::*;
use js_sys::Date;
use weir_protocol::{Page, PlanStream, PlannedStream, StreamSlug};

use super::{
    questions::{of, paged},
    remove::Remove,
};
use crate::{
    api::{self, ApiError},
    dom,
    texts::{frame, studio as said},
    ui::{
        Dialog, Empty, Failure, More, Paged, Submit, TextArea, TextField, clock, moment, use_paged,
        use_toasts,
    },
};

const HOUR_MS: f64 = 3_600_000.0;
/// The longest that one lasts, as the server has it. Milliseconds.
const LONGEST_MS: f64 = 7.0 * 24.0 * HOUR_MS;

#[derive(Clone, PartialEq)]
enum Editing {
    Nothing,
    New,
    One(PlannedStream),
}

/// What is planned, the next first.
#[component]
pub fn Schedule(slug: StreamSlug) -> Element {
    let address = of(&slug, "/schedule");
    let list = use_paged(move |cursor| {
        let address = paged(&address, cursor);
        async move { api::get(&address).json::<Page<PlannedStream>>().await }
    });
    let mut editing = use_signal(|| Editing::Nothing);
    rsx! {
        div { class: "stack",
            header { class: "studio-head",
                p { class: "soft studio-measure", "{said::schedule_intro()}" }
                button { class: "action", r#type: "button", onclick: move |_| editing.set(Editing::New), "{said::plan()}" }
            }
            if list.is_empty() {
                Empty { title: said::no_plans(), text: said::no_plans_text() }
            }
            ul { class: "studio-rows", role: "list",
                for planned in list.items.read().iter() {
                    li { key: "{planned.id}", class: "panel",
                        Planned { planned: planned.clone(), list, on_edit: move |it| editing.set(Editing::One(it)) }
                    }
                }
            }
            More { list }
        }
        match editing() {
            Editing::Nothing => rsx! {},
            Editing::New => rsx! { Form { slug: slug.clone(), before: None, list, on_close: move |()| editing.set(Editing::Nothing) } },
            Editing::One(planned) => rsx! {
                Form { slug: slug.clone(), before: Some(planned), list, on_close: move |()| editing.set(Editing::Nothing) }
            },
        }
    }
}

#[component]
fn Planned(
    planned: PlannedStream,
    list: Paged<PlannedStream>,
    on_edit: EventHandler<PlannedStream>,
) -> Element {
    let address = of(&planned.slug, &format!("/schedule/{}", planned.id));
    let title = planned.title.clone();
    let for_edit = planned.clone();
    rsx! {
        div { class: "studio-row",
            div {
                h2 { "{title}" }
                p { class: "soft", "{moment(planned.starts_at)} – {clock(planned.ends_at)}" }
                if !planned.description.is_empty() { p { "{planned.description}" } }
            }
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", onclick: move |_| on_edit.call(for_edit.clone()), "aria-label": "{frame::edit()}: {title}", "{frame::edit()}" }
                Remove { name: title.clone(), title: said::plan_delete(), text: said::plan_delete_text(&title), address, list }
            }
        }
    }
}

#[component]
fn Form(
    slug: StreamSlug,
    before: Option<PlannedStream>,
    list: Paged<PlannedStream>,
    on_close: EventHandler<()>,
) -> Element {
    let title = use_signal(|| {
        before
            .as_ref()
            .map(|it| it.title.clone())
            .unwrap_or_default()
    });
    let description = use_signal(|| {
        before
            .as_ref()
            .map(|it| it.description.clone())
            .unwrap_or_default()
    });
    let start = use_signal(|| {
        // The next full hour but one: what one plans is rarely sooner.
        let next = (dom::wall_ms() / HOUR_MS).floor() * HOUR_MS + 2.0 * HOUR_MS;
        local(before.as_ref().map_or(next, |it| it.starts_at as f64))
    });
    let end = use_signal(|| {
        let start = at(&start.peek()).unwrap_or_default();
        local(
            before
                .as_ref()
                .map_or(start + HOUR_MS, |it| it.ends_at as f64),
        )
    });
    let mut wanting = use_signal(|| false);
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let id = before.as_ref().map(|it| it.id.clone());
    let heading = if id.is_none() {
        said::plan()
    } else {
        said::plan_edit()
    };
    let send = move |event: FormEvent| {
        let (slug, id) = (slug.clone(), id.clone());
        async move {
            event.prevent_default();
            wanting.set(true);
            let name = title.read().trim().to_owned();
            let (Some(from), Some(to)) = (at(&start.read()), at(&end.read())) else {
                return;
            };
            if name.is_empty() || !fits(from, to) || busy() {
                return;
            }
            busy.set(true);
            let plan = PlanStream {
                title: name,
                description: description.cloned(),
                starts_at: from as i64,
                ends_at: to as i64,
            };
            let ask = match id {
                None => api::post(&of(&slug, "/schedule")),
                Some(id) => api::put(&of(&slug, &format!("/schedule/{id}"))),
            };
            let outcome = ask.body(&plan).done().await;
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
    let missing = |bad: bool| {
        if wanting() && bad {
            frame::required()
        } else {
            ""
        }
    };
    let (from, to) = (at(&start.read()), at(&end.read()));
    let end_error = match (from, to) {
        (_, None) => missing(true),
        (Some(from), Some(to)) if !fits(from, to) => said::bad_end(),
        _ => "",
    };
    rsx! {
        Dialog { title: heading, on_close,
            form { class: "form", novalidate: true, onsubmit: send,
                TextField { label: said::title(), value: title, required: true, maxlength: 200, error: missing(title.read().trim().is_empty()), autofocus: true }
                TextField { label: said::starts(), value: start, required: true, kind: "datetime-local", hint: said::own_time(), error: missing(from.is_none()) }
                TextField { label: said::ends(), value: end, required: true, kind: "datetime-local", error: end_error }
                TextArea { label: said::description(), value: description, optional: true, rows: 3, maxlength: 4000 }
                if let Some(error) = error() { Failure { error } }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: frame::save(), busy: busy() }
                }
            }
        }
    }
}

fn fits(from: f64, to: f64) -> bool {
    to > from && to - from <= LONGEST_MS
}

/// A moment as `datetime-local` has it, in the time zone of here.
fn local(ms: f64) -> String {
    let date = Date::new(&ms.into());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}",
        date.get_full_year(),
        date.get_month() + 1,
        date.get_date(),
        date.get_hours(),
        date.get_minutes()
    )
}

/// The moment that such a text means.
fn at(text: &str) -> Option<f64> {
    // A date with a time and no zone is of here (ECMA-262, date time string format).
    Some(Date::parse(text)).filter(|ms| ms.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_ends_after_it_begins_and_within_a_week() {
        assert!(fits(0.0, 1.0));
        assert!(!fits(1.0, 1.0));
        assert!(fits(0.0, LONGEST_MS));
        assert!(!fits(0.0, LONGEST_MS + 1.0));
    }
}
