//! The row in `broadcasts` of one broadcast.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use weir_db::{BroadcastId, Db, DbError, Stream};
use weir_protocol::IngestProtocol;

use crate::happenings::{Bus, Happening};

/// How often a peak that grew is written while the broadcast goes on, so that a crash loses little.
const PEAK_INTERVAL: Duration = Duration::from_secs(10);

/// Writes the row, keeps its peak, and writes its end when `over` is cancelled. Cancels `over` by
/// itself when the stream turns out to be deleted. Other failures of the database are logged: a broadcast
/// goes on without its row.
pub(super) async fn keep(
    db: Db,
    bus: Bus,
    stream: Stream,
    (id, protocol): (BroadcastId, IngestProtocol),
    peak: Arc<AtomicU32>,
    over: CancellationToken,
) {
    let mut broadcast = match db.begin_broadcast_as(id, stream.id, protocol).await {
        Ok(row) => row,
        Err(DbError::NotFound { .. }) => return over.cancel(),
        Err(error) => {
            tracing::error!(%error, "the start of a broadcast could not be written");
            return;
        }
    };
    let row = broadcast.id;
    bus.emit(Happening::StreamStarted {
        stream: stream.clone(),
        broadcast: broadcast.clone(),
    })
    .await;
    let mut written = 0;
    while tokio::time::timeout(PEAK_INTERVAL, over.cancelled())
        .await
        .is_err()
    {
        let now = peak.load(Ordering::Relaxed);
        if now > written {
            match db.raise_peak(row, now).await {
                Ok(()) => written = now,
                Err(DbError::NotFound { .. }) => return over.cancel(),
                Err(error) => tracing::warn!(%error, "peak viewers could not be written"),
            }
        }
    }
    let peak_viewers = peak.load(Ordering::Relaxed);
    match db.end_broadcast(row, peak_viewers).await {
        Ok(()) => {}
        // The row went with its stream.
        Err(DbError::NotFound { .. }) => return,
        Err(error) => tracing::error!(%error, "the end of a broadcast could not be written"),
    }
    broadcast.ended_at = Some(super::now());
    broadcast.peak_viewers = peak_viewers;
    bus.emit(Happening::StreamEnded { stream, broadcast }).await;
}
