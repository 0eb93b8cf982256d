//! What administrators of the site see and do, in parts with an address each.

mod audit;
mod categories;
mod check_words;
mod connectivity;
mod creators;
mod deliveries;
mod figures;
mod import;
mod overview;
mod settings;
mod stream_acts;
mod stream_row;
mod streams;
mod user;
mod user_access;
mod user_activity;
mod users;
mod webhook;
mod webhook_form;
mod webhooks;

use std::{fmt, str::FromStr};

use dioxus::prelude::*;

use crate::{
    app::Route,
    dom,
    session::{Who, use_session},
    texts::{self, admin},
    ui::{NeedsLogin, Skeleton, use_title},
};

/// A part of the administration, as it stands in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// How the server is.
    Overview,
    /// How it can be reached.
    Connectivity,
    /// Who has an account.
    Users,
    /// Who asks to stream.
    Creators,
    /// Users from a file.
    Import,
    /// All streams.
    Streams,
    /// Who is told what happens.
    Webhooks,
    /// Who did what.
    Audit,
    /// What the server was told, and what the site has.
    Settings,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Overview,
        Self::Connectivity,
        Self::Users,
        Self::Creators,
        Self::Import,
        Self::Streams,
        Self::Webhooks,
        Self::Audit,
        Self::Settings,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Connectivity => "connectivity",
            Self::Users => "users",
            Self::Creators => "creators",
            Self::Import => "import",
            Self::Streams => "streams",
            Self::Webhooks => "webhooks",
            Self::Audit => "audit",
            Self::Settings => "settings",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Overview => admin::part_overview(),
            Self::Connectivity => texts::connectivity::title(),
            Self::Users => admin::part_users(),
            Self::Creators => admin::part_creators(),
            Self::Import => admin::part_import(),
            Self::Streams => admin::part_streams(),
            Self::Webhooks => admin::part_webhooks(),
            Self::Audit => admin::part_audit(),
            Self::Settings => admin::part_settings(),
        }
    }

    /// Where it is. A link says by itself when it leads to the page that is shown, so each has one address.
    pub fn route(self) -> Route {
        match self {
            Self::Overview => Route::Admin {},
            part => Route::AdminPart { part },
        }
    }
}

/// An address that names no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchPart;

impl fmt::Display for NoSuchPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the administration has no such part")
    }
}

impl FromStr for Part {
    type Err = NoSuchPart;

    fn from_str(text: &str) -> Result<Self, NoSuchPart> {
        let mut all = Self::ALL.into_iter();
        all.find(|part| part.as_str() == text).ok_or(NoSuchPart)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `/admin`: the first part.
#[component]
pub fn Admin() -> Element {
    rsx! { AdminPart { part: Part::Overview } }
}

/// `/admin/…`
#[component]
pub fn AdminPart(part: Part) -> Element {
    rsx! {
        Shell { part,
            match part {
                Part::Overview => rsx! { overview::Overview {} },
                Part::Connectivity => rsx! { connectivity::ConnectivityPart {} },
                Part::Users => rsx! { users::Users {} },
                Part::Creators => rsx! { creators::Creators {} },
                Part::Import => rsx! { import::Import {} },
                Part::Streams => rsx! { streams::Streams {} },
                Part::Webhooks => rsx! { webhooks::Webhooks {} },
                Part::Audit => rsx! { audit::Audit {} },
                Part::Settings => rsx! { categories::Categories {} settings::Settings {} },
            }
        }
    }
}

/// `/admin/users/{name}`
#[component]
pub fn AdminUser(name: String) -> Element {
    rsx! {
        Shell { part: Part::Users,
            // Another name is another page.
            for name in [name] { user::User { key: "{name}", name: name.clone() } }
        }
    }
}

/// `/admin/webhooks/{id}`
#[component]
pub fn AdminWebhook(id: String) -> Element {
    rsx! {
        Shell { part: Part::Webhooks,
            for id in [id] { webhook::WebhookPage { key: "{id}", id: id.clone() } }
        }
    }
}

/// Around every part: who may see it, and the way to the others.
#[component]
fn Shell(part: Part, children: Element) -> Element {
    use_title(admin::title());
    match use_session().who() {
        Who::Nobody => return rsx! { NeedsLogin {} },
        Who::Asking => return rsx! { section { class: "page", Skeleton { lines: 5 } } },
        Who::User(me) if me.role != "admin" => return rsx! { NotForYou {} },
        Who::User(_) => {}
    }
    rsx! {
        div { class: "page settings admin",
            h1 { class: "heading", "{admin::title()}" }
            Parts { part }
            div { class: "stack admin-part", {children} }
        }
    }
}

#[component]
fn Parts(part: Part) -> Element {
    use_effect(use_reactive!(|part| reveal(part)));
    rsx! {
        nav { class: "settings-nav", "aria-label": admin::parts(),
            for it in Part::ALL {
                Link { key: "{it}", class: if it == part { "settings-link admin-here" } else { "settings-link" }, to: it.route(), "{it.name()}" }
            }
        }
    }
}

/// Where the row of parts is wider than the page, the one that is shown is seen.
fn reveal(_: Part) {
    let here = dom::document().query_selector(".settings-nav .admin-here");
    if let Ok(Some(link)) = here {
        let place = js_sys::Object::new();
        dom::set_property(&place, "inline", &"center".into());
        dom::set_property(&place, "block", &"nearest".into());
        let _ = dom::call_with(&link, "scrollIntoView", &place);
    }
}

#[component]
fn NotForYou() -> Element {
    rsx! {
        section { class: "page notice",
            h1 { "{admin::not_for_you()}" }
            p { "{admin::not_for_you_text()}" }
            Link { class: "action", to: Route::Home {}, "{admin::home()}" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_address() {
        for part in Part::ALL {
            assert_eq!(part.to_string().parse::<Part>().ok(), Some(part));
        }
        assert!("".parse::<Part>().is_err());
    }
}
