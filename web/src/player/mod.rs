//! The player: decides (`machine`), carries out (`whep`, `hls`), joins both (`driver`) and shows (`view`, `controls`).

mod backoff;
mod controls;
mod delay;
mod driver;
mod dvr;
mod hls;
mod hls_js;
mod layer_resource;
mod machine;
mod quality;
mod quality_menu;
mod sdp;
mod seek_bar;
mod stage;
mod view;
mod whep;

pub use hls::HlsPlayer;
pub use machine::{Policy, Transport};
pub use quality::Quality;
pub use view::Player;
