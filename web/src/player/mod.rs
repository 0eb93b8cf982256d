//! The player: decides (`machine`, in `words`), carries out (`whep`, `hls`), joins both (`driver`) and shows (`view`, `controls`).

mod ahead;
mod backoff;
mod captions;
mod carrier;
mod controls;
mod delay;
mod driver;
mod dvr;
mod health;
mod hls;
mod hls_js;
mod keys;
mod layer_resource;
mod machine;
mod media_session;
mod notice;
mod qoe;
mod quality;
mod quality_menu;
mod sdp;
mod seek_bar;
mod stage;
mod stats;
mod ui;
mod view;
mod whep;
mod words;

pub use hls::HlsPlayer;
pub use hls_js::HlsJs;
pub use quality::Quality;
pub use view::Player;
pub use words::{Policy, Transport};
