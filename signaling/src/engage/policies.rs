//! Policies of rooms that somebody is in, remembered. Each has the version that the database counts; the
//! versions of all are looked up in one query twice a second, so what another process changed acts here
//! within a second. What this process changes is read again at once.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use weir_db::{Db, DbError, RoomId, RoomSubject};
use weir_protocol::room::{CloseReason, RoomEventBody};

use super::Policy;
use crate::rooms::{Audience, Room, Rooms};

/// How often versions are looked up.
const INTERVAL: Duration = Duration::from_millis(500);

/// Policies remembered at most; those of rooms that nobody is in go first.
const REMEMBERED: usize = 4096;

#[derive(Clone)]
struct Entry {
    room: RoomId,
    version: (i64, i64),
    policy: Arc<Policy>,
}

/// Policies by room.
pub(crate) struct Policies {
    db: Db,
    entries: RwLock<HashMap<RoomSubject, Entry>>,
}

impl Policies {
    pub(super) fn new(db: Db) -> Self {
        Self {
            db,
            entries: RwLock::default(),
        }
    }

    /// What decides in this room; read from the database when it is not remembered.
    pub(crate) async fn of(&self, subject: RoomSubject) -> Result<Arc<Policy>, DbError> {
        if let Some(entry) = self.entry(subject) {
            return Ok(entry.policy);
        }
        Ok(self.read(subject).await?.1)
    }

    /// Reads it anew. Gives what was remembered before, and what is now.
    async fn read(
        &self,
        subject: RoomSubject,
    ) -> Result<(Option<Arc<Policy>>, Arc<Policy>), DbError> {
        let db = &self.db;
        let site_emotes = db.emotes(None).await?;
        let Some(row) = db.room_of(subject).await? else {
            // Nobody was ever in it: nothing was set, and nothing is worth remembering.
            let policy = Policy::new(Default::default(), vec![], vec![], site_emotes, vec![]);
            return Ok((None, Arc::new(policy)));
        };
        // The version first: what changes while the rest is read is read again.
        let (versions, site) = db.policy_versions(&[row.id]).await?;
        let version = (versions.get(&row.id).copied().unwrap_or_default(), site);
        let policy = Arc::new(Policy::new(
            db.room_rules(row.id).await?,
            db.room_moderator_ids(row.id).await?,
            db.all_bans(row.id).await?,
            db.emotes(None).await?,
            db.emotes(Some(row.id)).await?,
        ));
        let entry = Entry {
            room: row.id,
            version,
            policy: policy.clone(),
        };
        let mut entries = self
            .entries
            .write()
            .expect("nothing panics under this lock");
        let before = match entries.get(&subject) {
            // Two read at once: the newer stays.
            Some(there) if there.version > version => {
                return Ok((Some(there.policy.clone()), there.policy.clone()));
            }
            _ => entries.insert(subject, entry),
        };
        Ok((before.map(|entry| entry.policy), policy))
    }

    /// Something was changed in this room by this process: it acts from now on.
    pub(crate) async fn changed(&self, rooms: &Rooms, subject: RoomSubject) -> Result<(), DbError> {
        let (before, now) = self.read(subject).await?;
        if let Some(room) = rooms.get(subject) {
            apply(rooms, &room, before.as_deref(), &now);
        }
        Ok(())
    }

    /// The same for all rooms, after a change of the site's.
    pub(crate) async fn all_changed(&self, rooms: &Rooms) {
        self.check(rooms).await;
    }

    /// Looks for changes of others until cancelled.
    pub(crate) async fn watch(rooms: Rooms, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => rooms.engage().policies().check(&rooms).await,
            }
        }
    }

    async fn check(&self, rooms: &Rooms) {
        let known: Vec<(RoomSubject, Entry)> = {
            let mut entries = self
                .entries
                .write()
                .expect("nothing panics under this lock");
            let crowded = entries.len() > REMEMBERED;
            entries.retain(|subject, _| !crowded || rooms.get(*subject).is_some());
            entries
                .iter()
                .map(|(subject, entry)| (*subject, entry.clone()))
                .collect()
        };
        for some in known.chunks(500) {
            let ids: Vec<RoomId> = some.iter().map(|(_, entry)| entry.room).collect();
            let (versions, site) = match self.db.policy_versions(&ids).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(%error, "rooms' rules could not be checked");
                    return;
                }
            };
            for (subject, entry) in some {
                match versions.get(&entry.room) {
                    None => {
                        let mut entries = self
                            .entries
                            .write()
                            .expect("nothing panics under this lock");
                        entries.remove(subject);
                    }
                    Some(version) if (*version, site) == entry.version => {
                        // A room may have been opened with what it was told a moment before.
                        if let Some(room) = rooms.get(*subject) {
                            room.set_settings(entry.policy.rules.settings());
                        }
                    }
                    Some(_) => {
                        if let Err(error) = self.changed(rooms, *subject).await {
                            tracing::warn!(%error, "a room's rules could not be read");
                        }
                    }
                }
            }
        }
    }

    fn entry(&self, subject: RoomSubject) -> Option<Entry> {
        let entries = self.entries.read().expect("nothing panics under this lock");
        entries.get(&subject).cloned()
    }
}

/// What follows for those who are in the room.
fn apply(rooms: &Rooms, room: &Room, before: Option<&Policy>, now: &Policy) {
    room.set_settings(now.rules.settings());
    let time = crate::live::now();
    let engage = rooms.engage();
    room.end_members(
        |who| super::admission::is_kept_out(engage, now, who, time),
        CloseReason::Banned,
    );
    let Some(before) = before else { return };
    if before.moderators != now.moderators {
        // They join again as what they are now.
        room.end_members(
            |who| {
                let user = who.person.as_ref().and_then(|person| person.user);
                user.is_some_and(|user| {
                    before.moderators.contains(&user) != now.moderators.contains(&user)
                })
            },
            CloseReason::Changed,
        );
    }
    if before.known != now.known {
        let emotes = now.emotes();
        room.tell(RoomEventBody::Emotes { emotes }, Audience::Everyone);
    }
}
