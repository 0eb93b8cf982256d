//! What an event says of itself, as a form: for a new event and for one that is there.

use dioxus::prelude::*;
use weir_protocol::{EventDetails, EventSlug, EventVisibility};

use crate::{
    dom,
    event::{when, words},
    texts::{event as names, frame, organiser as said},
    ui::{Choice, TextArea, TextField, Tick},
};

const HOUR_MS: i64 = 3_600_000;
/// The longest event that the server takes. Milliseconds.
const LONGEST_MS: i64 = 90 * 24 * HOUR_MS;

/// What stands in the form; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Draft {
    pub title: Signal<String>,
    pub slug: Signal<String>,
    pub description: Signal<String>,
    pub zone: Signal<String>,
    pub starts: Signal<String>,
    pub ends: Signal<String>,
    pub visibility: Signal<String>,
    pub limit: Signal<String>,
    pub approval: Signal<bool>,
    pub opens: Signal<String>,
    pub closes: Signal<String>,
}

/// What the form holds at first.
pub fn use_draft(of: Option<&EventDetails>) -> Draft {
    let zone = of.map_or_else(when::own_zone, |it| it.summary.time_zone.clone());
    // A week from now, at a full hour: what one plans is rarely sooner.
    let soon = (dom::wall_ms() as i64 / HOUR_MS + 7 * 24) * HOUR_MS;
    let local = |ms: i64| when::local(ms as f64, &zone);
    let starts = local(of.map_or(soon, |it| it.summary.starts_at));
    let ends = local(of.map_or(soon + 2 * HOUR_MS, |it| it.summary.ends_at));
    let or_empty = |ms: Option<i64>| ms.map(local).unwrap_or_default();
    let opens = or_empty(of.and_then(|it| it.registration_opens_at));
    let closes = or_empty(of.and_then(|it| it.registration_closes_at));
    let text = |value: Option<String>| value.unwrap_or_default();
    Draft {
        title: use_signal(|| text(of.map(|it| it.summary.title.clone()))),
        slug: use_signal(|| text(of.map(|it| it.summary.slug.to_string()))),
        description: use_signal(|| text(of.map(|it| it.description.clone()))),
        visibility: use_signal(|| {
            let visibility = of.map_or(EventVisibility::Public, |it| it.summary.visibility);
            visibility.as_str().to_owned()
        }),
        limit: use_signal(|| text(of.and_then(|it| it.attendee_limit).map(|it| it.to_string()))),
        approval: use_signal(|| of.is_some_and(|it| it.approval)),
        zone: use_signal(|| zone.clone()),
        starts: use_signal(|| starts),
        ends: use_signal(|| ends),
        opens: use_signal(|| opens),
        closes: use_signal(|| closes),
    }
}

impl Draft {
    /// The title without blanks around it; none where there is none.
    pub fn title(self) -> Option<String> {
        Some(self.title.read().trim().to_owned()).filter(|it| !it.is_empty())
    }

    /// The name in addresses, where it is one.
    pub fn slug(self) -> Option<EventSlug> {
        self.slug.read().trim().parse().ok()
    }

    /// Start and end, where they are in order.
    pub fn times(self) -> Option<(i64, i64)> {
        let (from, to) = (self.moment(self.starts)?, self.moment(self.ends)?);
        fits(from, to).then_some((from, to))
    }

    /// What one of its fields means by the clocks of its zone.
    pub fn moment(self, field: Signal<String>) -> Option<i64> {
        when::at(&field.read(), &self.zone.read())
    }

    /// Who may see it.
    pub fn visibility(self) -> EventVisibility {
        EventVisibility::from_word(&self.visibility.read()).unwrap_or_default()
    }

    /// Places: none for as many as come. An error for what is no number.
    pub fn limit(self) -> Result<Option<u32>, ()> {
        match self.limit.read().trim() {
            "" => Ok(None),
            text => match text.parse() {
                Ok(limit @ 1..=1_000_000) => Ok(Some(limit)),
                _ => Err(()),
            },
        }
    }

    /// What is wrong with the end.
    fn end_error(self) -> &'static str {
        match (self.moment(self.starts), self.moment(self.ends)) {
            (_, None) => frame::required(),
            (Some(from), Some(to)) if !fits(from, to) => said::bad_end(),
            _ => "",
        }
    }
}

fn fits(from: i64, to: i64) -> bool {
    to > from && to - from <= LONGEST_MS
}

/// The title.
#[component]
pub fn TitleField(draft: Draft, error: String, #[props(default)] autofocus: bool) -> Element {
    rsx! {
        TextField { label: said::title(), value: draft.title, required: true, maxlength: 200, error, autofocus }
    }
}

/// The name in addresses.
#[component]
pub fn AddressField(draft: Draft, asked: bool) -> Element {
    let error = match draft.slug() {
        None if asked || !draft.slug.read().is_empty() => said::bad_address(),
        _ => "",
    };
    let host = dom::window().location().host().unwrap_or_default();
    let hint = said::address_hint(format!("{host}/events/{}", draft.slug.read().trim()));
    rsx! {
        TextField { label: said::address(), value: draft.slug, required: true, maxlength: 64, hint, error }
    }
}

/// From when to when, and by which clocks.
#[component]
pub fn TimeFields(draft: Draft) -> Element {
    let zones = use_hook(|| when::zones(&draft.zone.peek()));
    let zones: Vec<(String, String)> = zones
        .into_iter()
        .map(|it| (it.clone(), it.replace('_', " ")))
        .collect();
    let start_error = match draft.moment(draft.starts) {
        None => frame::required(),
        Some(_) => "",
    };
    rsx! {
        div { class: "fields-two",
            TextField { label: said::starts(), value: draft.starts, required: true, kind: "datetime-local", error: start_error }
            TextField { label: said::ends(), value: draft.ends, required: true, kind: "datetime-local", error: draft.end_error() }
        }
        Choice { label: said::time_zone(), value: draft.zone, options: zones, hint: said::time_zone_hint() }
    }
}

/// Who may see it, and who may come.
#[component]
pub fn AudienceFields(draft: Draft) -> Element {
    let options = [
        EventVisibility::Public,
        EventVisibility::Unlisted,
        EventVisibility::Private,
    ]
    .map(|it| (it.as_str().to_owned(), words::visibility(it).to_owned()));
    let hint = match draft.visibility() {
        EventVisibility::Public => names::public_hint(),
        EventVisibility::Unlisted => names::unlisted_hint(),
        EventVisibility::Private => names::private_hint(),
    };
    let limit_error = match draft.limit() {
        Ok(_) => "",
        Err(()) => said::bad_limit(),
    };
    rsx! {
        Choice { label: said::visibility(), value: draft.visibility, options: options.to_vec(), hint }
        TextField { label: said::limit(), value: draft.limit, optional: true, inputmode: Some("numeric"), maxlength: 7, hint: said::limit_hint(), error: limit_error }
        Tick { label: said::approval(), value: draft.approval, hint: said::approval_hint() }
        div { class: "fields-two",
            TextField { label: said::opens(), value: draft.opens, optional: true, kind: "datetime-local", hint: said::opens_hint() }
            TextField { label: said::closes(), value: draft.closes, optional: true, kind: "datetime-local", hint: said::closes_hint() }
        }
    }
}

/// What it is about.
#[component]
pub fn DescriptionField(draft: Draft) -> Element {
    rsx! {
        TextArea { label: said::description(), value: draft.description, optional: true, rows: 6, maxlength: 10_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_ends_after_it_begins_and_within_ninety_days() {
        assert!(fits(0, 1));
        assert!(!fits(1, 1));
        assert!(fits(0, LONGEST_MS));
        assert!(!fits(0, LONGEST_MS + 1));
    }
}
