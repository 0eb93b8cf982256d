//! The module for whoever runs events.

use dioxus::prelude::*;
use weir_protocol::ClientModule;

use crate::{app::Route, module::Pages, page};

/// Its pages.
pub const PAGES: Pages = Pages::new(ClientModule::Organiser, show);

fn show(route: &Route) -> Option<Element> {
    use page::{OrganisedEvent, Organiser, RunOfShow};
    Some(match route.clone() {
        Route::Organiser {} => rsx! { Organiser {} },
        Route::OrganisedEvent { event } => rsx! { OrganisedEvent { event } },
        Route::RunOfShow { event } => rsx! { RunOfShow { event } },
        _ => return None,
    })
}
