//! What a publisher wants to be read, to the rooms of its viewers.

use weir_bridge::output::StreamSink;
use weir_protocol::Caption;
use weir_signaling::captions::CaptionWriter;

/// Captions, to the HTTP side.
pub struct ToCaptions(pub CaptionWriter);

impl StreamSink for ToCaptions {
    fn caption(&mut self, caption: &Caption) {
        self.0.tell(caption.clone());
    }

    fn worker_restarted(&mut self, _: &str) {
        // The next worker reads from the beginning.
        self.0.tell(Caption::default());
    }
}
