//! Rooms: what it costs to tell many clients what some of them say, and how long it takes.

mod client;
mod load;

pub use client::{Client, Closed};
pub use load::{RoomsPlan, RoomsReport, RoomsRow, rooms};
