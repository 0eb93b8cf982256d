//! The browser client, as several WebAssembly programs: each of `src/bin` links the pages of its module, and a first
//! visit downloads only the one that its page needs. `weir_protocol::ClientModule` says which serves which address.
//!
//! Everything compiles for the host too, so that what decides (the player's state machine, the clock, SDP, words) is
//! tested there; what touches the browser is thin and lives in `dom`, `api`, `feed` and `player::{whep, hls, driver}`.

pub mod account;
mod api;
mod app;
mod clock;
mod dom;
mod event;
mod feed;
mod frame;
mod history;
mod icon;
mod module;
mod options;
pub mod organiser;
mod page;
mod player;
mod room;
mod rtc;
mod session;
mod settings;
pub mod studio;
mod texts;
mod ui;
pub mod viewer;
mod words;

pub use module::{Pages, launch};
