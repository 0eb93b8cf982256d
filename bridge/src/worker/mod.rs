//! The worker process.

mod depacketize;
mod h264;
mod rtp;

/// Body of `weir bridge-worker`: serves the link on file descriptor 0 until it closes.
pub fn run() -> anyhow::Result<()> {
    Ok(())
}
