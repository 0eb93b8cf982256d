//! Notices what another process (the command line) changes in the database.

use std::{collections::HashMap, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use weir_db::{Db, DbError, PlayoutDelay, Stream};
use weir_sfu::{Sfu, StreamId};

use super::{KeyMade, Live, media_id};

/// How long a rotated key or a deleted stream may stay on the air when the change came from another
/// process. A change through this server acts at once.
const INTERVAL: Duration = Duration::from_secs(2);

/// Playout delays as they were last told to the media plane.
type Delays = HashMap<StreamId, Option<PlayoutDelay>>;

/// Ends sessions under rotated keys and of deleted streams, and takes over new titles and playout
/// delays, until cancelled.
pub async fn watch_database(live: Live, sfu: Sfu, db: Db, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut delays = Delays::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = check(&live, &sfu, &db, &mut delays).await {
            tracing::warn!(%error, "stream keys could not be checked");
        }
    }
}

async fn check(live: &Live, sfu: &Sfu, db: &Db, delays: &mut Delays) -> Result<(), DbError> {
    let published = live.published();
    let watched: Vec<StreamId> = live.state().streams.keys().copied().collect();
    delays.retain(|id, _| watched.contains(id));
    if published.is_empty() && watched.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<weir_db::StreamId> = live.watched_rows();
    ids.extend(live.publishers().all().iter().map(|row| row.id));
    let rows = db.streams_by_ids(&ids).await?;
    let rows: HashMap<StreamId, &Stream> = rows.iter().map(|row| (media_id(row), row)).collect();

    for id in watched {
        match rows.get(&id) {
            Some(row) => {
                live.update(row);
                let delay = row.details.playout_delay;
                if delays.insert(id, delay) != Some(delay) {
                    Live::set_playout_delay(sfu, row);
                }
            }
            None => live.forget(sfu, id).await,
        }
    }
    for (id, key_made) in published {
        match rows.get(&id) {
            Some(row) if KeyMade::of(row) == key_made => {}
            Some(row) => {
                tracing::info!(slug = %row.slug, "stream key was rotated");
                live.revoke(sfu, id, Some(KeyMade::of(row))).await;
            }
            None => live.forget(sfu, id).await,
        }
    }
    Ok(())
}

impl Live {
    /// Streams that somebody publishes or is about to, and under which key.
    fn published(&self) -> Vec<(StreamId, KeyMade)> {
        let mut published: Vec<_> = self
            .state()
            .streams
            .iter()
            .filter_map(|(id, entry)| Some((*id, entry.on_air.as_ref()?.key_made)))
            .collect();
        let sessions = self.publishers().all();
        published.extend(sessions.iter().map(|row| (media_id(row), KeyMade::of(row))));
        published
    }

    /// Rows of streams that are on the air or looked at.
    fn watched_rows(&self) -> Vec<weir_db::StreamId> {
        let state = self.state();
        state.streams.values().map(|entry| entry.row.id).collect()
    }
}
