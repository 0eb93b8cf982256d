//! Where streamers make their streams, go live and look after what they have.

mod broadcast;
mod details;
mod end;
mod fields;
mod home;
mod insight;
mod key;
mod live;
mod live_state;
mod moderation;
mod new_stream;
mod questions;
mod raid;
mod recordings;
mod remove;
mod restream;
mod schedule;
mod setup;
mod stream;
mod suggest;

pub use broadcast::GoLive;
pub use home::Studio;
pub use insight::{StudioBroadcast, StudioInsight};
pub use stream::StudioStream;
pub use suggest::slug as suggested_slug;
