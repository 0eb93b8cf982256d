//! People as a row of faces.

use dioxus::prelude::*;
use weir_protocol::{StreamSlug, UserCard};

use crate::{
    app::{Handle, Route},
    texts::frame,
    ui::Avatar,
};

/// Somebody, and the stream that they are live with.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// User name.
    pub name: String,
    /// Name for people.
    pub display_name: String,
    /// Address of a picture.
    pub picture: Option<String>,
    /// What they show now.
    pub live: Option<StreamSlug>,
}

impl Face {
    /// Of a list's entry.
    pub fn new(card: &UserCard, live: Option<StreamSlug>) -> Self {
        Self {
            name: card.name.clone(),
            display_name: card.display_name.clone(),
            picture: card.avatar_url.clone(),
            live,
        }
    }

    fn class(&self) -> &'static str {
        match self.live {
            Some(_) => "face face-live",
            None => "face",
        }
    }

    fn leads_to(&self) -> NavigationTarget {
        match &self.live {
            Some(slug) => Route::Watch {
                handle: Handle(slug.clone()),
            }
            .into(),
            None => profile(&self.name),
        }
    }
}

/// Where a user's page is.
pub fn profile(name: &str) -> NavigationTarget {
    format!("/u/{name}").into()
}

/// Each leads to what they show now, or to their page.
#[component]
pub fn Faces(people: Vec<Face>) -> Element {
    rsx! {
        ul { class: "faces", role: "list",
            for face in people {
                li { key: "{face.name}",
                    Link { class: face.class(), to: face.leads_to(),
                        Avatar { name: face.name.clone(), picture: face.picture.clone() }
                        span { class: "face-name", "{face.display_name}" }
                        if face.live.is_some() { span { class: "badge badge-live", "{frame::live()}" } }
                    }
                }
            }
        }
    }
}
