//! The worker alone: what tests start, and what a machine that only transcodes would run.
//! `weir bridge-worker` is the same.

fn main() -> anyhow::Result<()> {
    weir_bridge::worker::run()
}
