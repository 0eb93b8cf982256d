//! How an event's page looks, with the page beside the form as it will be.

use dioxus::prelude::*;
use weir_protocol::{Branding, EditEvent, EventDetails, EventPage};

use super::{
    colour_field::ColourField,
    contrast::{self, Verdict},
    event::Kept,
    picture::PictureField,
    questions,
};
use crate::{
    api::ApiError,
    event::{Agenda, Branded, Face, parse},
    texts::{event as names, frame, organiser as said},
    ui::{Failure, Submit, use_toasts},
};

/// The form and the preview.
#[component]
pub fn BrandingTab(kept: Kept, on_change: EventHandler<()>) -> Element {
    rsx! {
        for kept in [kept] {
            // What else of the event changes leaves alone what is being chosen.
            Form { key: "{kept.page.event.summary.branding:?}", kept: kept.clone(), on_change }
        }
    }
}

#[component]
fn Form(kept: Kept, on_change: EventHandler<()>) -> Element {
    let before = &kept.page.event.summary.branding;
    let text = |of: &Option<String>| of.clone().unwrap_or_default();
    let primary = use_signal(|| text(&before.primary));
    let background = use_signal(|| text(&before.background));
    let ink = use_signal(|| text(&before.text));
    let logo = use_signal(|| text(&before.logo));
    let cover = use_signal(|| text(&before.cover));
    let colour = |of: Signal<String>| {
        let text = of.read().trim().to_owned();
        parse(&text).map(|_| text)
    };
    let image = |of: Signal<String>| Some(of.cloned()).filter(|it| !it.is_empty());
    let branding = Branding {
        primary: colour(primary),
        background: colour(background),
        text: colour(ink),
        logo: image(logo),
        cover: image(cover),
    };
    let unfinished = [primary, background, ink]
        .into_iter()
        .any(|it| !it.read().trim().is_empty() && colour(it).is_none());
    let readable = contrast::text(&branding).is_none_or(Verdict::is_good);
    let mut busy = use_signal(|| false);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let (slug, tag, new) = (kept.slug().clone(), kept.tag.clone(), branding.clone());
    let send = move |event: FormEvent| {
        event.prevent_default();
        let (slug, tag, branding) = (slug.clone(), tag.clone(), new.clone());
        async move {
            if busy() || unfinished || !readable {
                return;
            }
            busy.set(true);
            error.set(None);
            let edit = EditEvent {
                branding: Some(branding),
                ..EditEvent::default()
            };
            let outcome = questions::edit(&slug, tag.as_deref(), &edit).await;
            busy.set(false);
            match outcome {
                Ok(_) => {
                    toasts.say(frame::saved());
                    on_change.call(());
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    };
    rsx! {
        div { class: "studio-columns branding-columns",
            form { class: "panel form studio-wide", novalidate: true, onsubmit: send,
                h2 { class: "panel-title", "{said::branding()}" }
                ColourField { label: said::primary(), value: primary, hint: said::primary_hint() }
                ColourField { label: said::background(), value: background, hint: said::background_hint() }
                ColourField { label: said::ink(), value: ink, hint: said::ink_hint() }
                Verdicts { branding: branding.clone() }
                PictureField { label: said::logo(), hint: said::logo_hint(), value: logo, width: 512, height: 512 }
                PictureField { label: said::cover(), hint: said::cover_hint(), value: cover, width: 1600, height: 900 }
                if let Some(failed) = error() {
                    if failed.status() == Some(412) {
                        Failure { error: failed, on_retry: move |()| { error.set(None); on_change.call(()) } }
                    } else {
                        Failure { error: failed }
                    }
                }
                div { class: "actions", Submit { label: frame::save(), busy: busy(), disabled: unfinished || !readable } }
            }
            Preview { page: kept.page.clone(), branding }
        }
    }
}

/// Told as soon as it is known, not after saving.
#[component]
fn Verdicts(branding: Branding) -> Element {
    let text = contrast::text(&branding);
    let buttons = contrast::buttons(&branding);
    rsx! {
        div { class: "verdicts", role: "status",
            if let Some(verdict) = text {
                Line { verdict, what: said::text_on_background(), bad: said::text_unreadable() }
            }
            if let Some(verdict) = buttons {
                Line { verdict, what: said::buttons_on_background(), bad: said::buttons_faint() }
            }
        }
    }
}

#[component]
fn Line(verdict: Verdict, what: &'static str, bad: &'static str) -> Element {
    let ratio = format!("{:.1} : 1", (verdict.found * 10.0).floor() / 10.0);
    rsx! {
        p { class: if verdict.is_good() { "verdict" } else { "verdict verdict-bad" },
            span { class: "verdict-ratio", "{ratio}" }
            span {
                "{what}: "
                if verdict.is_good() { "{said::reads_well()}" } else { {format!("{bad} {}", said::at_least(verdict.wanted))} }
            }
        }
    }
}

/// The page as attendees will see it.
#[component]
fn Preview(page: EventPage, branding: Branding) -> Element {
    let mut event: EventDetails = page.event.clone();
    event.summary.branding = branding.clone();
    let beside = use_callback(move |_| {
        rsx! { span { class: "agenda-acts", span { class: "action action-soft action-small", "{names::calendar()}" } } }
    });
    rsx! {
        section { class: "preview", "aria-labelledby": "preview-title",
            h2 { id: "preview-title", class: "panel-title", "{said::preview()}" }
            Branded { branding, class: "event-page preview-page",
                div { class: "event",
                    Face { event: event.clone(), level: 3 }
                    div { class: "event-body",
                        if !event.description.is_empty() { p { class: "event-words", "{event.description}" } }
                        p { span { class: "action", "{names::register()}" } }
                        Agenda { sessions: page.sessions.clone(), level: 4, beside }
                    }
                }
            }
        }
    }
}
