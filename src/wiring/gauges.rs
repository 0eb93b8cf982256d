//! Figures of the bridge for `/metrics`.

use weir_bridge::supervisor::Bridge;
use weir_signaling::{ExtraMetrics, Sample};

/// Reads the bridge's counters.
pub struct Gauges(pub Bridge);

impl ExtraMetrics for Gauges {
    fn read(&self) -> Vec<Sample> {
        let stats = self.0.stats();
        // Counts stay far below 2⁵³.
        #[allow(clippy::cast_precision_loss)]
        let workers = stats.workers as f64;
        vec![
            Sample::gauge("weir_workers", "Media worker processes now", workers),
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
        ]
    }
}
