//! The worker process.

/// Body of `weir bridge-worker`: serves the link on file descriptor 0 until it closes.
pub fn run() -> anyhow::Result<()> {
    Ok(())
}
