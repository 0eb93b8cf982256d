//! What is kept of broadcasts: recordings, clips.

mod clip;
mod lists;
mod pictures;
mod playback;
mod questions;
mod recording;
mod scenes;
mod video;

pub use clip::ClipPage;
pub use lists::{PastBroadcasts, StreamClips};
pub use recording::RecordingPage;
