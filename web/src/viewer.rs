//! The module for whoever watches.

use dioxus::prelude::*;
use weir_protocol::ClientModule;

use crate::{app::Route, module::Pages, page};

/// Its pages.
pub const PAGES: Pages = Pages::new(ClientModule::Viewer, show);

fn show(route: &Route) -> Option<Element> {
    use page::{
        Categories, CategoryPage, ClipPage, Embed, EventPage, EventSessionPage, Events, Home,
        RecordingPage, Schedule, Search, Watch,
    };
    Some(match route.clone() {
        Route::Categories {} => rsx! { Categories {} },
        Route::CategoryPage { slug } => rsx! { CategoryPage { slug } },
        Route::ClipPage { id } => rsx! { ClipPage { id } },
        Route::Embed { stream } => rsx! { Embed { stream } },
        Route::EventPage { event, query } => rsx! { EventPage { event, query } },
        Route::EventSessionPage { event, session } => rsx! { EventSessionPage { event, session } },
        Route::Events {} => rsx! { Events {} },
        Route::Home {} => rsx! { Home {} },
        Route::RecordingPage { id } => rsx! { RecordingPage { id } },
        Route::Schedule {} => rsx! { Schedule {} },
        Route::Search { query } => rsx! { Search { query } },
        Route::Watch { handle } => rsx! { Watch { handle } },
        _ => return None,
    })
}
