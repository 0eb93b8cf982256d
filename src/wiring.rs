//! Where the parts meet: publishers from the bridge into the SFU and the HLS origin, and back.

mod archive;
mod demand;
mod findings;
mod gauges;
mod outlets;
mod outputs;
mod publisher;
mod restream;
mod rtmp_gate;
mod whip_hls;

pub use gauges::Gauges;
pub use outlets::Outlets;
pub use restream::{Judged, Restreams};
pub use rtmp_gate::{DemoKey, RtmpGate};
pub use whip_hls::WhipToHls;
