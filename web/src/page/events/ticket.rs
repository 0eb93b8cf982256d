//! A guest's ticket, which this browser keeps: without an account it is all that says who registered.

use weir_protocol::EventSlug;

use crate::dom;

fn name(event: &EventSlug) -> String {
    format!("weir.ticket.{event}")
}

/// Until it is withdrawn.
pub fn keep(event: &EventSlug, ticket: &str) {
    if let Some(storage) = storage() {
        // A browser without storage knows it until the page is left; the letter has it too.
        let _ = storage.set_item(&name(event), ticket);
    }
}

/// What this browser has for an event.
pub fn known(event: &EventSlug) -> Option<String> {
    storage()?.get_item(&name(event)).ok()?
}

/// It is no good any more.
pub fn forget(event: &EventSlug) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(&name(event));
    }
}

fn storage() -> Option<web_sys::Storage> {
    dom::window().local_storage().ok()?
}
