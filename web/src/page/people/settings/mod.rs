//! One's settings, in parts with an address each.

mod applying;
mod blocked;
mod device_name;
mod devices;
mod email;
mod leaving;
mod linked;
mod links;
mod password;
mod picture;
mod profile;
mod qr;
mod recovery_codes;
mod second_factor;
mod token_form;
mod tokens;
mod wishes;

use std::{fmt, str::FromStr};

use dioxus::prelude::*;

pub use leaving::save as save_file;

use crate::{
    app::Route,
    session::{Who, use_session},
    texts::{frame, people},
    ui::{NeedsLogin, Skeleton, use_title},
};

/// A part of the settings, as it stands in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What the public sees.
    Profile,
    /// Password, address, accounts elsewhere.
    Login,
    /// Codes beside the password.
    SecondFactor,
    /// Where one is logged in.
    Devices,
    /// What one is told of.
    Notifications,
    /// Whom one has blocked.
    Blocked,
    /// The right to stream.
    Streaming,
    /// Programs that act for the user.
    Tokens,
    /// One's data, and leaving.
    Data,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Profile,
        Self::Login,
        Self::SecondFactor,
        Self::Devices,
        Self::Notifications,
        Self::Blocked,
        Self::Streaming,
        Self::Tokens,
        Self::Data,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Login => "login",
            Self::SecondFactor => "second-factor",
            Self::Devices => "devices",
            Self::Notifications => "notifications",
            Self::Blocked => "blocked",
            Self::Streaming => "streaming",
            Self::Tokens => "tokens",
            Self::Data => "data",
        }
    }

    /// Where it is. A link says by itself when it leads to the page that is shown, so each has one address.
    pub fn route(self) -> Route {
        match self {
            Self::Profile => Route::Settings {},
            part => Route::SettingsPart { part },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Profile => people::part_profile(),
            Self::Login => people::part_login(),
            Self::SecondFactor => people::part_second_factor(),
            Self::Devices => people::part_devices(),
            Self::Notifications => frame::notifications(),
            Self::Blocked => people::part_blocked(),
            Self::Streaming => people::part_streaming(),
            Self::Tokens => people::part_tokens(),
            Self::Data => people::part_data(),
        }
    }
}

/// An address that names no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchPart;

impl fmt::Display for NoSuchPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings have no such part")
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

/// `/settings`: the first part.
#[component]
pub fn Settings() -> Element {
    rsx! { SettingsPart { part: Part::Profile } }
}

/// `/settings/…`
#[component]
pub fn SettingsPart(part: Part) -> Element {
    use_title(frame::settings());
    match use_session().who() {
        Who::Nobody => return rsx! { NeedsLogin {} },
        Who::Asking => return rsx! { section { class: "page", Skeleton { lines: 5 } } },
        Who::User(_) => {}
    }
    rsx! {
        div { class: "page settings",
            h1 { class: "heading", "{frame::settings()}" }
            nav { class: "settings-nav", "aria-label": frame::settings(),
                for it in Part::ALL {
                    Link { key: "{it}", class: "settings-link", to: it.route(), "{it.name()}" }
                }
            }
            div { class: "stack settings-part",
                match part {
                    Part::Profile => rsx! { profile::ProfilePart {} },
                    Part::Login => rsx! { password::PasswordPanel {} email::EmailPanel {} linked::LinkedPanel {} },
                    Part::SecondFactor => rsx! { second_factor::SecondFactorPanel {} },
                    Part::Devices => rsx! { devices::DevicesPanel {} },
                    Part::Notifications => rsx! { wishes::WishesPanel {} },
                    Part::Blocked => rsx! { blocked::BlockedPanel {} },
                    Part::Streaming => rsx! { applying::StreamingPanel {} },
                    Part::Tokens => rsx! { tokens::TokensPanel {} },
                    Part::Data => rsx! { leaving::ExportPanel {} leaving::DeletePanel {} },
                }
            }
        }
    }
}

/// A part's panel with its heading.
#[component]
fn Panel(title: String, #[props(default)] note: String, children: Element) -> Element {
    rsx! {
        section { class: "panel",
            h2 { class: "panel-title", "{title}" }
            if !note.is_empty() { p { class: "soft", "{note}" } }
            {children}
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
