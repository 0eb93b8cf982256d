//! CMAF (ISO/IEC 23000-19): one track per file, initialisation segments and chunks.
//!
//! Written by hand and not by a muxer element, since parts must be cut where LL-HLS wants them: both
//! tracks' segments at the same times, and no part longer than its target.

mod fragment;
mod init;

use bytes::Bytes;

pub use fragment::{Sample, fragment};
pub use init::{aac_init, h264_init};

/// Ticks a second of video tracks.
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// The one track of a file.
const TRACK_ID: u32 = 1;

/// Bytes of a whole segment or part.
type Segment = Bytes;
