//! The task that samples the media plane and writes figures down.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};
use weir_db::{BroadcastId, DAY_MS, Db, DbError, MINUTE_MS};

use super::{Audience, InsightConfig, visitor::Salt};
use crate::{Services, live::now};

/// How often the media plane is asked who gets which layer.
const SAMPLE: Duration = Duration::from_secs(5);

/// How often rows are written: what a crash costs at most, and far less than a minute.
const WRITE: Duration = Duration::from_secs(20);

/// How often what is kept no longer is looked for.
const FORGET: Duration = Duration::from_secs(60 * 60);

/// Between two batches of a deletion, so that others come to write.
const FORGET_PAUSE: Duration = Duration::from_millis(50);

/// Keeps the figures until the server begins to stop; the rest is written by [`Audience::settle`].
pub(crate) async fn run(services: Arc<Services>, audience: Audience) {
    let draining = services.draining.clone();
    let work = async {
        start(&services.db).await;
        let mut day = None;
        let mut samples = tokio::time::interval(SAMPLE);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_write = Instant::now() + WRITE;
        let mut next_forget = Instant::now() + SAMPLE;
        let mut minute = now() / MINUTE_MS;
        loop {
            samples.tick().await;
            renew_salt(&services.db, &audience, &mut day).await;
            for row in audience.streams() {
                let media = weir_sfu::StreamId(row.get().unsigned_abs());
                if let Some(stats) = services.sfu.stream_stats(media).await {
                    audience.sample(row, &stats);
                }
            }
            audience.tick();
            // A minute that is over is summed up at once.
            if Instant::now() >= next_write || now() / MINUTE_MS != minute {
                minute = now() / MINUTE_MS;
                next_write = Instant::now() + WRITE;
                if let Err(error) = write(&services.db, &audience).await {
                    tracing::warn!(%error, "figures of viewers could not be written; they are kept");
                }
            }
            if Instant::now() >= next_forget {
                next_forget = Instant::now() + FORGET;
                if let Err(error) = forget(&services.db, &services.config.insight).await {
                    tracing::warn!(%error, "old figures could not be deleted");
                }
            }
        }
    };
    tokio::select! {
        () = draining.cancelled() => {}
        () = work => {}
    }
}

/// Ends what a crash left open, and sums it up.
async fn start(db: &Db) {
    let mended = async {
        let broadcasts = db.broadcasts_to_sum_up().await?;
        let left_open = db.end_open_viewer_sessions().await?;
        if left_open > 0 {
            tracing::warn!(
                left_open,
                "viewer sessions of a run that did not stop cleanly were ended"
            );
        }
        sum_up(db, &broadcasts).await
    };
    if let Err(error) = mended.await {
        tracing::warn!(%error, "viewer sessions that were left open could not be ended");
    }
}

async fn renew_salt(db: &Db, audience: &Audience, known: &mut Option<i64>) {
    let day = now() / DAY_MS;
    if *known == Some(day) {
        return;
    }
    match db.viewer_salt(day, &Salt::fresh().to_hex()).await {
        Ok(salt) => {
            let salt = Salt::from_hex(&salt).unwrap_or_else(Salt::fresh);
            audience.tracker().set_salt(salt);
            *known = Some(day);
        }
        Err(error) => tracing::warn!(%error, "the day's key of viewer hashes could not be read"),
    }
}

async fn write(db: &Db, audience: &Audience) -> Result<(), DbError> {
    let rows = audience.write(db, false).await?;
    if rows.minutes.is_empty() && rows.broadcasts.is_empty() {
        return Ok(());
    }
    sum_up(db, &rows.broadcasts).await
}

/// Everything that is made of sessions and minutes.
pub(super) async fn sum_up(db: &Db, broadcasts: &[BroadcastId]) -> Result<(), DbError> {
    let day = now() - now().rem_euclid(DAY_MS);
    db.sum_up_broadcasts(broadcasts, day).await?;
    db.roll_up_hours().await
}

async fn forget(db: &Db, config: &InsightConfig) -> Result<(), DbError> {
    let before = |days: u32| now() - i64::from(days) * DAY_MS;
    while db
        .forget_viewer_sessions(before(config.session_days))
        .await?
        > 0
    {
        tokio::time::sleep(FORGET_PAUSE).await;
    }
    while db.forget_stream_minutes(before(config.minute_days)).await? > 0 {
        tokio::time::sleep(FORGET_PAUSE).await;
    }
    Ok(())
}
