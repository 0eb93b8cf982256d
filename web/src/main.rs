//! The browser client: the home page, and the watch page with its player.
//!
//! Everything compiles for the host too, so that what decides (the player's state machine, the clock, SDP, words) is
//! tested there; what touches the browser is thin and lives in `dom`, `api`, `feed` and `player::{whep, hls, driver}`.

mod api;
mod app;
mod clock;
mod dom;
mod feed;
mod icon;
mod options;
mod page;
mod player;
mod settings;
mod words;

fn main() {
    dom::remove_by_id("splash");
    dioxus::launch(app::App);
}
