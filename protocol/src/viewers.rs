//! What a stream's owner may know of its viewers.

use serde::{Deserialize, Serialize};

use crate::Layer;

/// `GET /api/v1/streams/{slug}/viewers`, for the stream's owner: its WebRTC viewers now. Those over HLS
/// have no sessions; they are counted in [`StreamSummary::viewers`](crate::StreamSummary::viewers).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamViewers {
    /// The stream's layers, largest first.
    pub layers: Vec<LayerViewers>,
    /// Who watches, the longest connected first.
    pub viewers: Vec<ViewerReport>,
}

/// A layer with its audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayerViewers {
    /// The layer.
    #[serde(flatten)]
    pub layer: Layer,
    /// How many viewers get it now.
    pub viewers: u64,
}

/// One viewer, as of this moment; counters since it connected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ViewerReport {
    /// Tells viewers apart. It is not the session's address, which would be the right to end it.
    pub id: String,
    /// Seconds since its transport came up.
    pub connected_seconds: u64,
    /// What is sent to it, in bits per second.
    pub bitrate: u64,
    /// The layer that it gets; absent without video.
    pub layer: Option<String>,
    /// Whether the server chooses the layer.
    pub automatic: bool,
    /// Pixels; absent without video.
    pub width: Option<u32>,
    /// Pixels; absent without video.
    pub height: Option<u32>,
    /// Share of packets that it reports lost, 0 to 1.
    pub loss: f32,
    /// Round trip in milliseconds; absent until measured.
    pub rtt_ms: Option<f64>,
    /// What its connection is thought to carry, in bits per second.
    pub estimate: u64,
    /// Packets that it asked to have again.
    pub nacks: u64,
    /// Packets sent again.
    pub retransmissions: u64,
    /// Keyframes that it asked for.
    pub keyframe_requests: u64,
    /// Packets that were not sent to it because its connection, or a queue, was full.
    pub dropped: u64,
    /// How often the picture stood still, as the player says.
    #[serde(default)]
    pub stalls: u64,
    /// For how many milliseconds.
    #[serde(default)]
    pub stall_ms: u64,
    /// Distance to the publisher in milliseconds as the player said last; absent until it does.
    #[serde(default)]
    pub delay_ms: Option<u32>,
    /// Milliseconds from asking for the stream to its first picture; until the player says, to the
    /// transport being up.
    #[serde(default)]
    pub join_ms: Option<u32>,
}
