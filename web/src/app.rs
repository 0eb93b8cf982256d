//! The addresses, and what all pages share.

use std::{fmt, str::FromStr};

use dioxus::prelude::*;
use weir_protocol::{SlugError, StreamSlug};

use crate::{
    frame::Frame,
    module::use_page,
    options::Options,
    page::{
        EventQuery, NoSuchPage, SearchQuery, admin,
        people::{Part, Query},
    },
    session::provide_session,
    ui::provide_toasts,
};

/// Every address of the client, whichever module shows it: links lead from each to each.
#[derive(Debug, Clone, PartialEq, Routable)]
#[rustfmt::skip]
pub enum Route {
    #[route("/embed/:stream")]
    Embed { stream: Embedded },
    #[layout(Frame)]
        #[route("/")]
        Home {},
        // The studio.
        #[route("/studio")]
        Studio {},
        // Events: before the streams of the studio, which may have any other name.
        #[route("/studio/events")]
        Organiser {},
        #[route("/studio/events/:event")]
        OrganisedEvent { event: Embedded },
        #[route("/studio/events/:event/day")]
        RunOfShow { event: Embedded },
        #[route("/events")]
        Events {},
        #[route("/events/:event?:..query")]
        EventPage { event: Embedded, query: EventQuery },
        #[route("/events/:event/:session")]
        EventSessionPage { event: Embedded, session: Embedded },
        // Before the streams: none of them is shown here.
        #[route("/studio/insight")]
        StudioInsight {},
        #[route("/studio/:stream")]
        StudioStream { stream: Embedded },
        #[route("/studio/:stream/live")]
        GoLive { stream: Embedded },
        #[route("/studio/:stream/broadcasts/:id")]
        StudioBroadcast { stream: Embedded, id: String },
        // Finding things to watch.
        #[route("/search?:..query")]
        Search { query: SearchQuery },
        #[route("/categories")]
        Categories {},
        #[route("/category/:slug")]
        CategoryPage { slug: String },
        #[route("/schedule")]
        Schedule {},
        #[route("/v/:id")]
        RecordingPage { id: String },
        #[route("/clip/:id")]
        ClipPage { id: String },
        // Accounts. Letters name `/reset-password` and `/confirm-email`, links that people hand out `/invite`.
        #[route("/login?:..query")]
        Login { query: Query },
        #[route("/register?:..query")]
        Register { query: Query },
        #[route("/forgot")]
        Forgot {},
        #[route("/reset-password?:..query")]
        ResetPassword { query: Query },
        #[route("/confirm-email?:..query")]
        ConfirmEmail { query: Query },
        #[route("/invite/:code")]
        Invitation { code: String },
        #[route("/settings")]
        Settings {},
        #[route("/settings/:part")]
        SettingsPart { part: Part },
        #[route("/notifications")]
        Notifications {},
        // Administration.
        #[route("/admin")]
        Admin {},
        #[route("/admin/:part")]
        AdminPart { part: admin::Part },
        #[route("/admin/users/:name")]
        AdminUser { name: String },
        #[route("/admin/webhooks/:id")]
        AdminWebhook { id: String },
        #[route("/u/:name")]
        User { name: String },
        #[route("/:handle")]
        Watch { handle: Handle },
        #[route("/:..rest")]
        NoSuchPage { rest: Vec<String> },
}

/// Makes the component that the router wants for an address: the page, by the module that runs.
macro_rules! pages_of_modules {
    ($($name:ident { $($field:ident: $kind:ty),* })*) => {
        $(
            #[component]
            fn $name($($field: $kind),*) -> Element {
                use_page(&Route::$name { $($field),* })
            }
        )*
    };
}

pages_of_modules! {
    Admin {}
    AdminPart { part: admin::Part }
    AdminUser { name: String }
    AdminWebhook { id: String }
    Categories {}
    CategoryPage { slug: String }
    ClipPage { id: String }
    ConfirmEmail { query: Query }
    Embed { stream: Embedded }
    EventPage { event: Embedded, query: EventQuery }
    EventSessionPage { event: Embedded, session: Embedded }
    Events {}
    Forgot {}
    GoLive { stream: Embedded }
    Home {}
    Invitation { code: String }
    Login { query: Query }
    Notifications {}
    OrganisedEvent { event: Embedded }
    Organiser {}
    RecordingPage { id: String }
    Register { query: Query }
    ResetPassword { query: Query }
    RunOfShow { event: Embedded }
    Schedule {}
    Search { query: SearchQuery }
    Settings {}
    SettingsPart { part: Part }
    Studio {}
    StudioBroadcast { stream: Embedded, id: String }
    StudioInsight {}
    StudioStream { stream: Embedded }
    User { name: String }
    Watch { handle: Handle }
}

/// A stream as it stands in an address: `@demo`.
#[derive(Debug, Clone, PartialEq)]
pub struct Handle(pub StreamSlug);

/// A stream in the addresses that have it without `@`: its player for other people's pages, `/embed/demo`, and its
/// pages in the studio, `/studio/demo`. An event and a session too, whose names are made alike.
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
    provide_toasts();
    provide_session();
    rsx! { Router::<Route> {} }
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
        assert!("/studio".parse::<Route>().ok() == Some(Route::Studio {}));
        assert!("/@demo".parse::<Route>().ok() == Some(watch.clone()));
        assert!("/@demo?transport=hls".parse::<Route>().ok() == Some(watch.clone()));
        assert!("/%40demo".parse::<Route>().ok() == Some(watch.clone()));
        assert_eq!(watch.to_string(), "/@demo");
        assert!("/categories".parse::<Route>().ok() == Some(Route::Categories {}));
        assert!(matches!("/v/12".parse(), Ok(Route::RecordingPage { id }) if id == "12"));
        let reset = "/reset-password?token=a-b_c".parse::<Route>().ok();
        assert!(matches!(reset, Some(Route::ResetPassword { query }) if query.token() == "a-b_c"));
        let login = "/login?next=/settings/devices".parse::<Route>().ok();
        assert!(
            matches!(login, Some(Route::Login { query }) if query.next() == "/settings/devices")
        );
        let part = "/settings/devices".parse::<Route>().ok();
        assert!(
            part == Some(Route::SettingsPart {
                part: Part::Devices
            })
        );
        let part = "/admin/audit".parse::<Route>().ok();
        assert!(
            part == Some(Route::AdminPart {
                part: admin::Part::Audit
            })
        );
        let user = "/admin/users/ann".parse::<Route>().ok();
        assert!(matches!(user, Some(Route::AdminUser { name }) if name == "ann"));
        let embed = "/embed/demo".parse::<Route>().ok();
        assert!(matches!(embed, Some(Route::Embed { stream }) if stream.0.as_str() == "demo"));
        assert!("/studio".parse::<Route>().ok() == Some(Route::Studio {}));
        assert!("/studio/insight".parse::<Route>().ok() == Some(Route::StudioInsight {}));
        let stream = "/studio/demo".parse::<Route>().ok();
        assert!(
            matches!(stream, Some(Route::StudioStream { stream }) if stream.0.as_str() == "demo")
        );
        let broadcast = "/studio/demo/broadcasts/7".parse::<Route>().ok();
        assert!(matches!(broadcast, Some(Route::StudioBroadcast { id, .. }) if id == "7"));
        let live = "/studio/demo/live".parse::<Route>().ok();
        assert!(matches!(live, Some(Route::GoLive { stream }) if stream.0.as_str() == "demo"));
    }

    #[test]
    fn events_come_before_a_stream_of_that_name() {
        let of = |text: &str| text.parse::<Route>().ok();
        assert!(of("/studio/events") == Some(Route::Organiser {}));
        let live = of("/studio/events/live");
        assert!(
            matches!(live, Some(Route::OrganisedEvent { event }) if event.0.as_str() == "live")
        );
        let day = of("/studio/events/day/day");
        assert!(matches!(day, Some(Route::RunOfShow { event }) if event.0.as_str() == "day"));
        let invited = of("/events/day?invitation=a-b_c");
        assert!(matches!(invited, Some(Route::EventPage { event, query })
            if event.0.as_str() == "day" && query.invitation().as_deref() == Some("a-b_c")));
        assert!(matches!(
            of("/events/day/talk"),
            Some(Route::EventSessionPage { .. })
        ));
    }

    #[test]
    fn other_addresses_lead_nowhere() {
        for bad in [
            "/demo",
            "/@",
            "/@Demo",
            "/@a/b",
            "/embed/Demo",
            "/embed",
            "/settings/x",
            "/admin/x",
        ] {
            assert!(
                matches!(bad.parse::<Route>(), Ok(Route::NoSuchPage { .. })),
                "{bad}"
            );
        }
    }
}
