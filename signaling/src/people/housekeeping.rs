//! What nobody needs any more is removed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use weir_db::Db;

/// How often.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// How long a picture may wait for being put to use.
const UNUSED_IMAGES: i64 = DAY;

/// How long notifications are kept.
const OLD_NOTIFICATIONS: i64 = 90 * DAY;

/// Removes it now and then, until `stop`.
pub(super) async fn run(db: Db, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = clean(&db).await {
            tracing::warn!(%error, "what is old could not be removed; it is tried again");
        }
    }
}

async fn clean(db: &Db) -> weir_db::Result<()> {
    let now = super::now();
    while db.collect_images(now - UNUSED_IMAGES).await? > 0 {}
    db.forget_notifications(now - OLD_NOTIFICATIONS).await?;
    db.forget_mail_tokens().await?;
    Ok(())
}
