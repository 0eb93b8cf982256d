//! Small pictures of a live stream.

use bytes::Bytes;

use crate::MediaTime;

/// A small picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// When it is shown, on the broadcast's timeline.
    pub time: MediaTime,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// JPEG.
    pub jpeg: Bytes,
}
