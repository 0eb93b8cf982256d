//! What goes on beside requests: signing keys are kept current, ends of credentials are looked for,
//! devices that were away for too long are forgotten.

use std::time::Duration;

use crate::App;

/// How often the signing keys are read: a new one made by another node or the command line signs here
/// after this long at most, and one that was dropped checks no more.
const KEYS_EVERY: Duration = Duration::from_secs(5);

/// How often ended devices are removed; they are worth nothing before that.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);

/// Starts all of it; it stops with the server.
pub(crate) fn start(app: &App) {
    let stop = app.services.draining.clone();
    let ends = app.ends.clone();
    tokio::spawn(ends.run(app.services.db.clone(), stop));
    tokio::spawn(keys(app.clone()));
    tokio::spawn(forget(app.clone()));
}

async fn keys(app: App) {
    let mut ticks = tokio::time::interval(KEYS_EVERY);
    let stop = app.services.draining.clone();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // The database says itself what is wrong with it; the keys in memory go on working.
        let _ = app.tokens.tend().await;
    }
}

async fn forget(app: App) {
    let mut ticks = tokio::time::interval(FORGET_EVERY);
    let stop = app.services.draining.clone();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match app.services.db.forget_ended_devices().await {
            Ok(0) => {}
            Ok(gone) => tracing::debug!(gone, "devices that were away for too long are logged out"),
            Err(error) => tracing::warn!(%error, "ended devices could not be removed"),
        }
    }
}
