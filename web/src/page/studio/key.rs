//! The stream key that this tab has just been shown. The server keeps none in clear, so it can be shown and used only
//! as long as the tab is open.

use weir_protocol::{StreamAccess, StreamSlug};

use crate::dom;

fn name(slug: &StreamSlug) -> String {
    format!("weir.key.{slug}")
}

/// Keeps it until the tab is closed.
pub fn remember(access: &StreamAccess) {
    if let Some(storage) = storage()
        && let Ok(text) = serde_json::to_string(access)
    {
        // A browser without storage shows the key until the page is left.
        let _ = storage.set_item(&name(&access.slug), &text);
    }
}

/// What this tab knows of a stream's key.
pub fn known(slug: &StreamSlug) -> Option<StreamAccess> {
    let text = storage()?.get_item(&name(slug)).ok()??;
    serde_json::from_str(&text).ok()
}

/// It is no good any more.
pub fn forget(slug: &StreamSlug) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(&name(slug));
    }
}

fn storage() -> Option<web_sys::Storage> {
    dom::window().session_storage().ok()?
}
