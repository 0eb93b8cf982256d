//! The frame around every page, and the addresses.

use std::{fmt, str::FromStr};

use dioxus::prelude::*;
use weir_protocol::{SlugError, StreamSlug};

use crate::{
    icon,
    options::Options,
    page::{Embed, Home, NoSuchPage, Watch},
    settings::Theme,
};

/// Every address of the client.
#[derive(Clone, PartialEq, Routable)]
#[rustfmt::skip]
pub enum Route {
    #[route("/embed/:stream")]
    Embed { stream: Embedded },
    #[layout(Frame)]
        #[route("/")]
        Home {},
        #[route("/:handle")]
        Watch { handle: Handle },
        #[route("/:..rest")]
        NoSuchPage { rest: Vec<String> },
}

/// A stream as it stands in an address: `@demo`.
#[derive(Debug, Clone, PartialEq)]
pub struct Handle(pub StreamSlug);

/// A stream in the address of its player for other people's pages: `/embed/demo`.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded(pub StreamSlug);

impl FromStr for Embedded {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Embedded {
    fn default() -> Self {
        Self(Handle::default().0)
    }
}

/// Why a part of an address is no handle.
#[derive(Debug, PartialEq)]
pub enum HandleError {
    /// It does not start with `@`.
    NoAt,
    /// What follows is no slug.
    Slug(SlugError),
}

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Self, HandleError> {
        text.strip_prefix('@')
            .ok_or(HandleError::NoAt)?
            .parse()
            .map(Self)
            .map_err(HandleError::Slug)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAt => f.write_str("a stream's address starts with @"),
            Self::Slug(error) => error.fmt(f),
        }
    }
}

impl Default for Handle {
    fn default() -> Self {
        Self("demo".parse().expect("demo is a slug"))
    }
}

/// The whole client.
#[component]
pub fn App() -> Element {
    // The router may rewrite the address, so the query is read first.
    use_context_provider(|| {
        Options::parse(&crate::dom::window().location().search().unwrap_or_default())
    });
    rsx! { Router::<Route> {} }
}

#[component]
fn Frame() -> Element {
    let mut theme = use_signal(Theme::current);
    let other = match theme().other() {
        Theme::Dark => "Switch to dark colours",
        Theme::Light => "Switch to light colours",
    };
    rsx! {
        a { class: "skip", href: "#content", "Skip to content" }
        header { class: "top",
            Link { class: "brand", to: Route::Home {}, "aria-label": "Weir, home",
                icon::Mark {}
                span { class: "brand-name", "Weir" }
            }
            button {
                class: "quiet",
                r#type: "button",
                "aria-label": other,
                title: other,
                onclick: move |_| {
                    let next = theme().other();
                    next.choose();
                    theme.set(next);
                },
                icon::Contrast {}
            }
        }
        main { id: "content", tabindex: "-1", Outlet::<Route> {} }
        footer { class: "bottom", "Weir, live streaming that keeps up with life." }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_pages() {
        let watch = Route::Watch {
            handle: "@demo".parse().unwrap(),
        };
        assert!("/".parse::<Route>().ok() == Some(Route::Home {}));
        assert!("/@demo".parse::<Route>().ok() == Some(watch.clone()));
        assert!("/@demo?transport=hls".parse::<Route>().ok() == Some(watch.clone()));
        assert!("/%40demo".parse::<Route>().ok() == Some(watch.clone()));
        assert_eq!(watch.to_string(), "/@demo");
        let embed = "/embed/demo".parse::<Route>().ok();
        assert!(matches!(embed, Some(Route::Embed { stream }) if stream.0.as_str() == "demo"));
    }

    #[test]
    fn other_addresses_lead_nowhere() {
        for bad in ["/demo", "/@", "/@Demo", "/@a/b", "/embed/Demo", "/embed"] {
            assert!(
                matches!(bad.parse::<Route>(), Ok(Route::NoSuchPage { .. })),
                "{bad}"
            );
        }
    }
}
