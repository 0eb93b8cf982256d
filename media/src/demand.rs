//! Which rungs of a ladder are needed.

use serde::{Deserialize, Serialize};

/// Which rungs somebody needs, a bit for each: bit 0 is the best. What nobody needs is not encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Demand {
    /// As RTP, for WebRTC viewers.
    pub rtp: u8,
    /// As CMAF, for HLS players, recordings and restreams.
    pub hls: u8,
}

impl Demand {
    /// Whether this rung is needed at all.
    pub fn wants(self, rung: u8) -> bool {
        1_u8.checked_shl(rung.into())
            .is_some_and(|bit| (self.rtp | self.hls) & bit != 0)
    }

    /// What either needs.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            rtp: self.rtp | other.rtp,
            hls: self.hls | other.hls,
        }
    }
}
