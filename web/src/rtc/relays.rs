//! When a connection uses the STUN and TURN servers that the server tells of.
//!
//! They come with the answer, and asking for them before would cost a round trip in front of each picture. Few networks
//! need them: so a connection begins without, and gets them with its first ICE restart. Where this page's network was
//! found to need them, the next connection restarts at once. Their credentials end with the session that they are of.

use std::cell::Cell;

use js_sys::{Array, Object};
use web_sys::{RtcBundlePolicy, RtcConfiguration, RtcPeerConnection};

use super::IceServer;
use crate::dom;

/// How long a network is taken for the one that it was. Milliseconds.
const FRESH_MS: f64 = 3_600_000.0;

thread_local! {
    /// When it was found that there is no direct path.
    static NEEDED: Cell<Option<f64>> = const { Cell::new(None) };
}

/// For a new connection.
pub fn configuration() -> RtcConfiguration {
    let configuration = RtcConfiguration::new();
    configuration.set_bundle_policy(RtcBundlePolicy::MaxBundle);
    configuration
}

/// There is no direct path from here.
pub fn remember() {
    NEEDED.set(Some(dom::now_ms()));
}

/// Whether a direct path need not be looked for.
pub fn are_needed() -> bool {
    NEEDED
        .get()
        .is_some_and(|since| dom::now_ms() - since < FRESH_MS)
}

/// The connection's next gathering of candidates asks these servers.
pub fn give(connection: &RtcPeerConnection, servers: &[IceServer]) {
    // Browsers that lack either method, or do not take an address, go on without.
    if let Some(configuration) = dom::call(connection, "getConfiguration") {
        dom::set_property(&configuration, "iceServers", &objects(servers));
        let _ = dom::call_with(connection, "setConfiguration", &configuration);
    }
}

fn objects(servers: &[IceServer]) -> Array {
    let object = |server: &IceServer| {
        let object = Object::new();
        dom::set_property(&object, "urls", &server.url.as_str().into());
        for (name, value) in [
            ("username", &server.username),
            ("credential", &server.credential),
        ] {
            if let Some(value) = value {
                dom::set_property(&object, name, &value.as_str().into());
            }
        }
        object
    };
    servers.iter().map(object).collect()
}
