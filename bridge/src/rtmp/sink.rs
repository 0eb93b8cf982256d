//! Where a publisher's media goes: the seam to the supervisor, and what tests record with.

use weir_protocol::finding::FindingReport;

use crate::output::{Requests, StreamOutput};
use crate::source::{AccessUnit, SourceFormat};
use crate::supervisor::{Bridge, SourceUnit, SourceWriter};

/// Opens a source for each admitted publisher.
pub trait Ingest: Send + Sync + 'static {
    /// A publisher was admitted. Dropping the returned sink ends the source.
    fn open(
        &self,
        slug: &str,
        output: Box<dyn StreamOutput>,
        requests: Requests,
    ) -> Box<dyn SourceSink>;
}

/// Takes one source. Must not block.
pub trait SourceSink: Send {
    /// A track begins, or changes.
    fn format(&mut self, format: SourceFormat);

    /// One picture or audio frame of a track whose format was given.
    fn access_unit(&mut self, unit: AccessUnit);

    /// Something about the source that its streamer should know.
    fn finding(&mut self, report: FindingReport);
}

impl Ingest for Bridge {
    fn open(
        &self,
        slug: &str,
        output: Box<dyn StreamOutput>,
        requests: Requests,
    ) -> Box<dyn SourceSink> {
        Box::new(Bridge::open(self, slug, output, requests))
    }
}

impl SourceSink for SourceWriter {
    fn format(&mut self, format: SourceFormat) {
        self.push(SourceUnit::Format(format));
    }

    fn access_unit(&mut self, unit: AccessUnit) {
        self.push(SourceUnit::AccessUnit(unit));
    }

    fn finding(&mut self, report: FindingReport) {
        self.push(SourceUnit::Finding(report));
    }
}
