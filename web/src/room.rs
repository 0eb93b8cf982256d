//! A room (`docs/ROOMS.md`): chat, polls, questions, reactions, who is here.
//!
//! `client` decides, `state` and `lines` are what is known, `socket` carries, `run` joins them to the browser, and
//! `view` shows. A room that does not work never touches the picture.

mod client;
mod lines;
mod run;
mod socket;
mod state;
mod text;
mod view;
mod wire;
mod words;

pub use view::RoomPanel;
