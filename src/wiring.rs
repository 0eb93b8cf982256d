//! Where the parts meet: publishers from the bridge into the SFU and the HLS origin, and back.

mod gauges;
mod output;
mod rtmp_gate;
mod whip_hls;

pub use gauges::Gauges;
pub use rtmp_gate::{DemoKey, RtmpGate};
pub use whip_hls::WhipToHls;
