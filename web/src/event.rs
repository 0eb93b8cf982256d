//! What the pages of events share, those for attendees and those for organisers: colours, times, sessions.

mod agenda;
mod branded;
mod cover;
mod face;
mod palette;
pub mod when;
pub mod words;

pub use agenda::{Agenda, Speakers};
pub use branded::{Branded, picture};
pub use cover::Cover;
pub use face::{Face, State};
pub use palette::{PARTS, TEXT, contrast, parse};
