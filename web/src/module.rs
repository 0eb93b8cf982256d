//! What makes one program of the client: the pages that it shows, and how it starts.

use std::rc::Rc;

use dioxus::prelude::*;
use weir_protocol::ClientModule;

use crate::{
    app::{App, Route},
    dom, frame,
    history::ModuleHistory,
    page::Elsewhere,
};

/// The pages of one module. All modules know all addresses; only who is asked through this function pointer is linked,
/// so that no program carries the pages of another.
#[derive(Debug, Clone, Copy)]
pub struct Pages {
    module: ClientModule,
    show: fn(&Route) -> Option<Element>,
}

impl Pages {
    /// The pages of `module`: `show` renders every address that [`ClientModule::of_path`] gives to it, and no other.
    pub(crate) const fn new(module: ClientModule, show: fn(&Route) -> Option<Element>) -> Self {
        Self { module, show }
    }
}

/// Starts the program that shows `pages`.
pub fn launch(pages: Pages) {
    wasm_bindgen_futures::spawn_local(async move {
        frame::prepare().await;
        dom::remove_by_id("splash");
        let history = Rc::new(ModuleHistory::new(pages.module));
        dioxus::LaunchBuilder::web()
            .with_cfg(dioxus::web::Config::new().history(history))
            .with_context(pages)
            .launch(App);
    });
}

/// The page of an address, by the module that runs.
pub fn use_page(route: &Route) -> Element {
    let pages = use_context::<Pages>();
    (pages.show)(route).unwrap_or_else(|| rsx! { Elsewhere { address: route.to_string() } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account, organiser, studio, viewer};

    /// An address of each kind that takes parameters.
    const WITH_PARAMETERS: &[&str] = &[
        "/@demo",
        "/embed/demo",
        "/category/music",
        "/v/12",
        "/clip/12",
        "/search?q=jazz",
        "/login?next=/studio",
        "/register?next=/",
        "/reset-password?token=a",
        "/confirm-email?token=a",
        "/invite/abc",
        "/settings/devices",
        "/u/ann",
        "/studio/events/day",
        "/studio/events/day/day",
        "/events/day?invitation=a",
        "/events/day/talk",
        "/studio/demo",
        "/studio/demo/live",
    ];

    #[test]
    fn every_address_is_shown_by_the_module_that_serves_it_and_by_no_other() {
        let all = [
            viewer::PAGES,
            account::PAGES,
            studio::PAGES,
            organiser::PAGES,
        ];
        assert_eq!(all.map(|pages| pages.module), ClientModule::ALL);
        let with_parameters = WITH_PARAMETERS.iter().map(|address| {
            let route = address.parse::<Route>().ok();
            route.unwrap_or_else(|| panic!("{address} leads nowhere"))
        });
        for route in Route::static_routes().into_iter().chain(with_parameters) {
            let address = route.to_string();
            assert!(!matches!(route, Route::NoSuchPage { .. }), "{address}");
            let shown_by: Vec<_> = all
                .iter()
                .filter(|pages| (pages.show)(&route).is_some())
                .map(|pages| pages.module)
                .collect();
            assert_eq!(shown_by, [ClientModule::of_path(&address)], "{address}");
        }
    }
}
