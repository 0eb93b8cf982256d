//! The way into a worker.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Notify,
};
use tracing::warn;

use super::{Bridge, SourceUnit, history::History, progress::Progress, queue::SourceReader};
use crate::{link::message::ToWorker, output::Requests};

/// Media gathered into one write.
const WRITE_BYTES: usize = 256 << 10;

/// What both ways of a link share.
pub(super) struct Link<'a> {
    pub(super) bridge: &'a Bridge,
    /// Notified when the publisher should send a keyframe.
    pub(super) wanted: &'a Notify,
    /// The source has ended, and the worker was told.
    pub(super) ended: AtomicBool,
    pub(super) progress: Mutex<Progress>,
}

impl Link<'_> {
    pub(super) fn progress<T>(&self, look: impl FnOnce(&mut Progress) -> T) -> T {
        look(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes to the worker until the source ends.
pub(super) async fn feed(
    mut write: impl AsyncWrite + Unpin,
    source: &SourceReader,
    requests: &mut Requests,
    history: &mut History,
    link: &Link<'_>,
) -> io::Result<()> {
    let bridge = link.bridge;
    let mut bytes = Vec::new();
    put(&mut bytes, &ToWorker::Hello, bridge);
    let config = bridge.config.media.clone();
    put(&mut bytes, &ToWorker::Config(config), bridge);
    let demand = *requests.demand.borrow_and_update();
    put(&mut bytes, &ToWorker::Demand(demand), bridge);
    for format in history.formats() {
        put(&mut bytes, &ToWorker::Format(format.clone()), bridge);
    }
    for unit in history.units() {
        put(
            &mut bytes,
            &ToWorker::Unit {
                unit: unit.clone(),
                replay: true,
            },
            bridge,
        );
    }
    if history.is_rtp_video() {
        link.wanted.notify_one();
    }
    write.write_all(&bytes).await?;
    let mut viewers_ask = true;
    let mut demand_changes = true;
    loop {
        bytes.clear();
        tokio::select! {
            biased;
            changed = requests.demand.changed(), if demand_changes => {
                demand_changes = changed.is_ok();
                let demand = *requests.demand.borrow_and_update();
                put(&mut bytes, &ToWorker::Demand(demand), bridge);
            }
            request = requests.keyframes.recv(), if viewers_ask => match request {
                Some(layer) => {
                    // What waits is asked for once per layer; the channel bounds their number.
                    let mut asked = vec![layer];
                    while let Ok(layer) = requests.keyframes.try_recv() {
                        if !asked.contains(&layer) {
                            asked.push(layer);
                        }
                    }
                    for layer in asked {
                        put(&mut bytes, &ToWorker::Keyframe(layer), bridge);
                    }
                }
                None => viewers_ask = false,
            },
            unit = source.next() => match unit {
                Some(unit) => {
                    put_unit(&mut bytes, unit, history, link);
                    while bytes.len() < WRITE_BYTES && let Some(unit) = source.try_next() {
                        put_unit(&mut bytes, unit, history, link);
                    }
                }
                None => {
                    put(&mut bytes, &ToWorker::End, bridge);
                    write.write_all(&bytes).await?;
                    // The link stays open for writing until the worker is done: its end of file
                    // would say that this process died.
                    link.ended.store(true, Ordering::Relaxed);
                    return std::future::pending().await;
                }
            },
        }
        write.write_all(&bytes).await?;
    }
}

fn put_unit(bytes: &mut Vec<u8>, unit: SourceUnit, history: &mut History, link: &Link) {
    let bridge = link.bridge;
    if let SourceUnit::Format(format) = &unit
        && history.knows(format)
    {
        return;
    }
    history.note(&unit);
    bridge.counters.units_in.fetch_add(1, Ordering::Relaxed);
    let kind = match &unit {
        SourceUnit::Format(_) | SourceUnit::Finding(_) => None,
        SourceUnit::AccessUnit(unit) => Some(unit.kind),
        SourceUnit::Rtp(packet) => Some(packet.kind),
    };
    if let Some(kind) = kind {
        link.progress(|progress| progress.took(kind, Instant::now()));
    }
    let message = match unit {
        SourceUnit::Format(format) => ToWorker::Format(format),
        SourceUnit::AccessUnit(unit) => ToWorker::Unit {
            unit,
            replay: false,
        },
        SourceUnit::Rtp(packet) => ToWorker::Rtp(packet),
        // Goes past the queue's units, and is read by whoever has the output.
        SourceUnit::Finding(_) => return,
    };
    put(bytes, &message, bridge);
}

fn put(bytes: &mut Vec<u8>, message: &ToWorker, bridge: &Bridge) {
    if let Err(error) = message.encode(bytes) {
        warn!(%error, "source unit dropped");
        bridge
            .counters
            .units_dropped
            .fetch_add(1, Ordering::Relaxed);
    }
}
