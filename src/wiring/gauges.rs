//! Figures of the bridge and of the archive for `/metrics`.

use weir_archive::{Root, free_bytes};
use weir_bridge::{restream::Restreamer, supervisor::Bridge};
use weir_signaling::{ExtraMetrics, Sample};
use weir_turn::Turn;

use super::turn;

/// Reads their counters.
pub struct Gauges {
    /// Workers.
    pub bridge: Bridge,
    /// Streams that are sent elsewhere.
    pub restreamer: Restreamer,
    /// Broadcasts on disk.
    pub archive: Root,
    /// The TURN server, where there is one.
    pub turn: Option<Turn>,
}

impl ExtraMetrics for Gauges {
    fn read(&self) -> Vec<Sample> {
        let stats = self.bridge.stats();
        let restreams = self.restreamer.stats();
        // Counts stay far below 2⁵³.
        #[allow(clippy::cast_precision_loss)]
        let workers = stats.workers as f64;
        let restreams = [
            ("live", restreams.live),
            ("retrying", restreams.retrying),
            ("failed", restreams.failed),
        ];
        let restreams = restreams.map(|(state, count)| {
            let help = "Servers elsewhere that live streams are sent to now";
            Sample::gauge("weir_restreams", help, count as f64).with("state", state)
        });
        let written = self.archive.stats();
        // An error says that nothing can be written either.
        let free = free_bytes(self.archive.folder()).unwrap_or(0);
        #[allow(clippy::cast_precision_loss)]
        let (writing, stopped, free) =
            (written.writing as f64, written.stopped as f64, free as f64);
        let mut samples = vec![
            Sample::gauge(
                "weir_archive_writing",
                "Broadcasts that are written to disk now",
                writing,
            ),
            Sample::gauge(
                "weir_archive_stopped",
                "Broadcasts that are not written since there is no room",
                stopped,
            ),
            Sample::counter(
                "weir_archive_bytes",
                "Bytes of broadcasts written to disk",
                written.bytes,
            ),
            Sample::counter(
                "weir_archive_pieces_dropped",
                "Pieces of media left out of recordings because the disk could not keep up",
                written.dropped,
            ),
            Sample::gauge(
                "weir_archive_free_bytes",
                "Bytes free on the disk of the archive",
                free,
            ),
            Sample::gauge("weir_workers", "Media worker processes now", workers),
            Sample::gauge(
                "weir_streams_quarantined",
                "Streams left alone now, since they crash their media workers",
                stats.quarantined as f64,
            ),
            Sample::counter(
                "weir_worker_restarts",
                "Media workers replaced because they died or hung",
                stats.worker_restarts,
            ),
            Sample::counter(
                "weir_source_units_dropped",
                "Access units dropped because a media worker could not keep up",
                stats.units_dropped,
            ),
        ];
        samples.extend(restreams);
        samples.extend(self.turn.iter().flat_map(turn::samples));
        samples
    }
}
