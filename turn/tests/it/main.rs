//! The TURN server on real sockets, in front of a media plane that tells what it saw.

#![allow(clippy::unwrap_used, missing_docs)]

mod abuse;
mod client;
mod framing;
mod probe;
mod relaying;

use std::{thread, time::Duration, time::Instant};

/// Waits until something holds; figures are published each second.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + client::PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        thread::sleep(Duration::from_millis(20));
    }
}
