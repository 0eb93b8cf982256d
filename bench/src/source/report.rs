//! What a source sent, and whether it was on time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::FRAME_TIME;

/// Nice value of a source's thread where that is allowed: a starved source makes every figure
/// wrong.
pub(crate) const NICE: i32 = -15;

/// A frame that leaves later than this after its time was late: by a whole frame.
pub(crate) const LATE: Duration = FRAME_TIME;

/// What was sent since the last question.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SourceReport {
    /// RTP packets, video (of all layers) and audio.
    pub(crate) packets: u64,
    /// Packets that one viewer gets: audio and the top layer.
    pub(crate) for_a_viewer: u64,
    /// Keyframes that the server asked for.
    pub(crate) keyframe_requests: u64,
    /// Frames that left later than [`LATE`].
    pub(crate) late_frames: u64,
    /// The latest frame's delay, in nanoseconds.
    pub(crate) max_delay: u64,
    /// Each frame's number, and when its last packet had left, in nanoseconds since the Unix epoch.
    pub(crate) frames: Vec<(u32, u64)>,
}

impl SourceReport {
    /// A frame of the top layer left `delay` after its time.
    pub(crate) fn frame(&mut self, number: u32, sent: u64, packets: usize, delay: Duration) {
        self.packets += packets as u64;
        self.for_a_viewer += packets as u64;
        self.late_frames += u64::from(delay > LATE);
        self.max_delay = self.max_delay.max(delay.as_nanos() as u64);
        self.frames.push((number, sent));
    }

    /// An audio packet left.
    pub(crate) fn audio(&mut self) {
        self.packets += 1;
        self.for_a_viewer += 1;
    }
}
