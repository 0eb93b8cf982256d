//! The browser client inside this program, as `build.rs` found it packed.

use weir_signaling::{Asset, Assets};

/// Empty in a build without the client; the server then says so on its pages.
const FILES: &[Asset] = include!(concat!(env!("OUT_DIR"), "/web_dist.rs"));

/// The files to serve.
pub fn embedded() -> Assets {
    Assets::new(FILES.iter().copied())
}
