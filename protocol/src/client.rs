//! The modules of the browser client. Each is a program of its own, so that a first visit downloads only what its
//! page needs; server and client agree here on which one serves which address.

/// One WebAssembly program of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientModule {
    /// For whoever watches; and every address that no other module serves.
    Viewer,
    /// For accounts: logging in, settings, people's pages.
    Account,
    /// For whoever streams.
    Studio,
    /// For whoever runs events.
    Organiser,
}

impl ClientModule {
    /// Every module.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Account, Self::Studio, Self::Organiser];

    /// Which module serves an address of the client, by its path's first segments: `/studio/show`.
    ///
    /// A query or fragment may follow; percent-encoding is not undone, since none of our segments needs it.
    pub fn of_path(path: &str) -> Self {
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let path = path[..end].trim_start_matches('/');
        let mut segments = path.split('/');
        match segments.next() {
            Some(
                "login" | "register" | "forgot" | "reset-password" | "confirm-email" | "invite"
                | "settings" | "notifications" | "u" | "admin",
            ) => Self::Account,
            Some("studio") if segments.next() == Some("events") => Self::Organiser,
            Some("studio") => Self::Studio,
            _ => Self::Viewer,
        }
    }

    /// Its name in the names of its files: ASCII letters in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Account => "account",
            Self::Studio => "studio",
            Self::Organiser => "organiser",
        }
    }

    /// The HTML page that loads it, as a path below the root of the packed client.
    pub fn page(self) -> &'static str {
        match self {
            Self::Viewer => "index.html",
            Self::Account => "account.html",
            Self::Studio => "studio.html",
            Self::Organiser => "organiser.html",
        }
    }

    /// The module of a [`name`](Self::name).
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_first_segments_decide() {
        for studio in [
            "/studio",
            "studio",
            "/studio/",
            "/studio/show/keys",
            "/studio?tab=keys",
            "/studio#keys",
            "/studio/eventsful",
            "/studio/show/events",
        ] {
            assert_eq!(
                ClientModule::of_path(studio),
                ClientModule::Studio,
                "{studio}"
            );
        }
        for organiser in [
            "/studio/events",
            "/studio/events/day?tab=people",
            "studio/events#x",
        ] {
            assert_eq!(
                ClientModule::of_path(organiser),
                ClientModule::Organiser,
                "{organiser}"
            );
        }
        for account in [
            "/login?next=/studio",
            "/settings/devices",
            "/u/ann",
            "/admin/users",
        ] {
            assert_eq!(
                ClientModule::of_path(account),
                ClientModule::Account,
                "{account}"
            );
        }
        for viewer in [
            "",
            "/",
            "/@studio",
            "/embed/studio",
            "/studios",
            "/Studio",
            "/?next=/studio",
            "/#/studio",
            "/nothing/here",
        ] {
            assert_eq!(
                ClientModule::of_path(viewer),
                ClientModule::Viewer,
                "{viewer}"
            );
        }
    }

    #[test]
    fn no_two_share_a_name_or_a_page() {
        let names: HashSet<_> = ClientModule::ALL.map(ClientModule::name).into();
        let pages: HashSet<_> = ClientModule::ALL.map(ClientModule::page).into();
        assert_eq!(names.len(), ClientModule::ALL.len());
        assert_eq!(pages.len(), ClientModule::ALL.len());
        for module in ClientModule::ALL {
            assert_eq!(ClientModule::by_name(module.name()), Some(module));
        }
        assert_eq!(ClientModule::by_name("weir"), None);
    }
}
