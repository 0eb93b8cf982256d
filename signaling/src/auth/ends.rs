//! When credentials end: what goes on for long (rooms, event streams) watches the one that it began
//! with, and ends with it.
//!
//! An end that happens here is said at once. One that happens elsewhere (another node, the command
//! line, a user who is locked) is seen by asking the database about the watched ones once a second.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use weir_db::{ApiTokenId, Db, DbError, DeviceId};

/// What somebody shows to be who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Credential {
    /// A device that is logged in.
    Device(DeviceId),
    /// A program's token.
    ApiToken(ApiTokenId),
}

/// How often the database is asked. What was revoked elsewhere ends within this and one query.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Credentials in one query.
const AT_ONCE: usize = 1000;

/// The credentials that are watched. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Ends(Arc<Mutex<HashMap<Credential, Watched>>>);

struct Watched {
    watchers: usize,
    ended: CancellationToken,
}

/// Watches a credential for as long as it is held.
pub(crate) struct Watch {
    ends: Ends,
    credential: Credential,
    ended: CancellationToken,
}

impl Watch {
    /// Cancelled when the credential has ended. Good only while the watch is held.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.ends.lock();
        // After an end the entry is gone, or is another one that began anew.
        if self.ended.is_cancelled() {
            return;
        }
        if let Some(entry) = watched.get_mut(&self.credential) {
            entry.watchers -= 1;
            if entry.watchers == 0 {
                watched.remove(&self.credential);
            }
        }
    }
}

impl Ends {
    /// Watches a credential.
    pub(crate) fn watch(&self, credential: Credential) -> Watch {
        let mut watched = self.lock();
        let entry = watched.entry(credential).or_insert_with(|| Watched {
            watchers: 0,
            ended: CancellationToken::new(),
        });
        entry.watchers += 1;
        Watch {
            ends: self.clone(),
            credential,
            ended: entry.ended.clone(),
        }
    }

    /// Says that a credential has ended.
    pub(crate) fn end(&self, credential: Credential) {
        let mut watched = self.lock();
        if let Some(entry) = watched.remove(&credential) {
            // Under the lock: see how a watch is dropped.
            entry.ended.cancel();
        }
    }

    /// Looks for ends that happened elsewhere, until `stop`.
    pub(crate) async fn run(self, db: Db, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.look(&db).await {
                // They are not ended for that: a database that is away says nothing about them.
                tracing::warn!(%error, "cannot see which credentials have ended");
            }
        }
    }

    async fn look(&self, db: &Db) -> Result<(), DbError> {
        let (mut devices, mut tokens) = (Vec::new(), Vec::new());
        for credential in self.lock().keys() {
            match credential {
                Credential::Device(id) => devices.push(*id),
                Credential::ApiToken(id) => tokens.push(*id),
            }
        }
        for some in devices.chunks(AT_ONCE) {
            let alive: HashSet<_> = db.devices_alive(some).await?.into_iter().collect();
            let dead = some.iter().filter(|id| !alive.contains(id));
            dead.for_each(|id| self.end(Credential::Device(*id)));
        }
        for some in tokens.chunks(AT_ONCE) {
            let alive: HashSet<_> = db.api_tokens_alive(some).await?.into_iter().collect();
            let dead = some.iter().filter(|id| !alive.contains(id));
            dead.for_each(|id| self.end(Credential::ApiToken(*id)));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Credential, Watched>> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_reaches_all_watchers_and_nothing_is_kept() {
        let ends = Ends::default();
        let (one, other) = (
            Credential::Device(DeviceId::new()),
            Credential::Device(DeviceId::new()),
        );
        let (first, second, third) = (ends.watch(one), ends.watch(one), ends.watch(other));
        drop(first);
        ends.end(one);
        assert!(second.ended().is_cancelled());
        assert!(!third.ended().is_cancelled());
        // The same id again is another entry, which an old watch leaves alone.
        let again = ends.watch(one);
        drop(second);
        assert!(!again.ended().is_cancelled());
        ends.end(one);
        assert!(again.ended().is_cancelled());
        drop(third);
        assert!(ends.lock().is_empty());
    }
}
