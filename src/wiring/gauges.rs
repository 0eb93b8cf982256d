//! Figures of the bridge for `/metrics`.

use weir_bridge::{restream::Restreamer, supervisor::Bridge};
use weir_signaling::{ExtraMetrics, Sample};

/// Reads the bridge's counters.
pub struct Gauges {
    /// Workers.
    pub bridge: Bridge,
    /// Streams that are sent elsewhere.
    pub restreamer: Restreamer,
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
        let mut samples = vec![
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
        samples
    }
}
