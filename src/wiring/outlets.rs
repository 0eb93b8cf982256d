//! Who uses what workers make, beside viewers and the HLS origin.

use weir_bridge::{output::StreamSink, restream::Restreamer};
use weir_db::Stream;

/// All of them.
#[derive(Clone)]
pub struct Outlets {
    /// Sends streams elsewhere.
    pub restreamer: Restreamer,
}

impl Outlets {
    /// Where a broadcast of this stream also goes.
    pub fn open(&self, stream: &Stream) -> Vec<Box<dyn StreamSink>> {
        vec![self.restreamer.sink(stream.slug.as_str())]
    }
}
