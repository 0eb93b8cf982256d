//! Where the parts meet: publishers from the bridge into the SFU and the HLS origin, and back.

mod archive;
mod captions;
pub mod cloud;
mod demand;
mod findings;
mod front;
mod gauges;
mod outlets;
mod outputs;
mod publisher;
mod restream;
mod rtmp_gate;
pub mod turn;
mod whip_hls;

pub use front::{
    Certificate, edge, follow_hangup, https_port, is_plain_and_public, warn_of_plain_http,
};
pub use gauges::Gauges;
pub use outlets::Outlets;
pub use restream::{Judged, Restreams};
pub use rtmp_gate::{DemoKey, RtmpGate};
pub use whip_hls::WhipToHls;
