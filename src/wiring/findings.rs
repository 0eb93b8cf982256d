//! What workers see of streams, into what is told of them.

use weir_bridge::output::StreamSink;
use weir_media::Thumbnail;
use weir_protocol::finding::FindingReport;
use weir_signaling::findings::FindingsWriter;

/// Findings and small pictures, to the HTTP side.
pub struct ToFindings(pub FindingsWriter);

impl StreamSink for ToFindings {
    fn thumbnail(&mut self, thumbnail: &Thumbnail) {
        self.0.thumbnail(thumbnail);
    }

    fn finding(&mut self, report: &FindingReport) {
        self.0.report(report);
    }

    fn worker_restarted(&mut self, _: &str) {
        self.0.worker_restarted();
    }
}
