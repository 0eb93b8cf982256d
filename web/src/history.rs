//! The browser's history, for a program that shows some of the addresses: to the others it leaves.

use std::sync::Arc;

use dioxus::{history::History, web::WebHistory};
use weir_protocol::ClientModule;

use crate::dom;

/// Addresses of the own module are changed in place. For those of another the browser loads the page anew, and the
/// server answers with the other program. The entry of such an address never belongs to this document, so that going
/// back and forward between modules is the browser's own work, out of its cache where it has one.
pub struct ModuleHistory {
    module: ClientModule,
    inner: WebHistory,
}

impl ModuleHistory {
    /// The history of the window, for the program of `module`.
    pub fn new(module: ClientModule) -> Self {
        Self {
            module,
            inner: WebHistory::default(),
        }
    }

    fn leaves_for(&self, address: &str) -> bool {
        ClientModule::of_path(address) != self.module
    }
}

/// Without the question mark of a query that says nothing: people copy addresses.
fn plain(mut address: String) -> String {
    if address.ends_with('?') {
        address.pop();
    }
    address
}

impl History for ModuleHistory {
    fn current_route(&self) -> String {
        self.inner.current_route()
    }

    fn current_prefix(&self) -> Option<String> {
        self.inner.current_prefix()
    }

    fn go_back(&self) {
        self.inner.go_back();
    }

    fn go_forward(&self) {
        self.inner.go_forward();
    }

    fn push(&self, address: String) {
        let address = plain(address);
        if self.leaves_for(&address) {
            // Fails for what is no address only; ours come from `Route`.
            let _ = dom::window().location().assign(&address);
        } else {
            self.inner.push(address);
        }
    }

    fn replace(&self, address: String) {
        let address = plain(address);
        if self.leaves_for(&address) {
            let _ = dom::window().location().replace(&address);
        } else {
            self.inner.replace(address);
        }
    }

    fn external(&self, url: String) -> bool {
        self.inner.external(url)
    }

    fn updater(&self, callback: Arc<dyn Fn() + Send + Sync>) {
        self.inner.updater(callback);
    }
}
