//! WHEP viewers that receive, count, authenticate a part, and report as a browser does, but do not
//! decode.

mod media;
mod session;
mod tracks;

#[cfg(test)]
mod interop;

pub use media::ViewerCounts;
pub(crate) use media::{FrameArrival, Reports, Scratch};
pub(crate) use session::{Viewer, ViewerOffer};
