//! The task of one stream.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::{Notify, mpsc};

use super::{Bridge, queue::SourceReader};
use crate::output::StreamOutput;

pub(super) async fn run(
    bridge: Bridge,
    _slug: String,
    _output: Box<dyn StreamOutput>,
    _keyframes: mpsc::Receiver<()>,
    source: SourceReader,
    _wanted: Arc<Notify>,
) {
    while source.next().await.is_some() {
        bridge.counters.units_in.fetch_add(1, Ordering::Relaxed);
    }
}
