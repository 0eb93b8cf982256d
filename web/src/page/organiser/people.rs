//! Everybody who has to do with an event.

use dioxus::prelude::*;

use super::{
    event::Kept, invitations::Invitations, organisers::Organisers, registrations::Registrations,
};

/// Who registered; beside it, who is invited and who organises.
#[component]
pub fn People(kept: Kept, on_change: EventHandler<()>) -> Element {
    let slug = kept.slug().clone();
    rsx! {
        div { class: "studio-columns",
            Registrations { slug: slug.clone() }
            div { class: "stack",
                Invitations { slug }
                Organisers { kept, on_change }
            }
        }
    }
}
