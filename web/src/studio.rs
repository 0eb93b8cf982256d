//! The module for whoever streams.

use dioxus::prelude::*;
use weir_protocol::ClientModule;

use crate::{app::Route, module::Pages, page};

/// Its pages.
pub const PAGES: Pages = Pages::new(ClientModule::Studio, show);

fn show(route: &Route) -> Option<Element> {
    use page::{GoLive, Studio, StudioBroadcast, StudioInsight, StudioStream};
    Some(match route.clone() {
        Route::Studio {} => rsx! { Studio {} },
        Route::StudioInsight {} => rsx! { StudioInsight {} },
        Route::StudioBroadcast { stream, id } => rsx! { StudioBroadcast { stream, id } },
        Route::StudioStream { stream } => rsx! { StudioStream { stream } },
        Route::GoLive { stream } => rsx! { GoLive { stream } },
        _ => return None,
    })
}
