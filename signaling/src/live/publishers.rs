//! WHIP sessions and the streams that they publish.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard},
};

use weir_db::Stream;
use weir_sfu::{SessionId, StreamId};

use super::{KeyMade, media_id};
use crate::entity_tag::EntityTag;

/// Sessions of one stream that are remembered. One is live, a few may be connecting; when there are
/// more, the oldest is forgotten, and the caller ends it.
const PER_STREAM: usize = 8;

/// WHIP sessions from their answer to their end.
#[derive(Default)]
pub(crate) struct Publishers {
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    published: HashMap<SessionId, Published>,
    /// Sessions of a stream, oldest first.
    ages: HashMap<StreamId, VecDeque<SessionId>>,
}

struct Published {
    /// The stream as it was when its key was checked.
    stream: Stream,
    tag: EntityTag,
}

impl Publishers {
    /// Remembers a session. Gives the one that had to be forgotten for it.
    pub(crate) fn insert(
        &self,
        session: SessionId,
        stream: Stream,
        tag: EntityTag,
    ) -> Option<SessionId> {
        let mut sessions = self.lock();
        let ages = sessions.ages.entry(media_id(&stream)).or_default();
        ages.push_back(session);
        let forgotten = (ages.len() > PER_STREAM)
            .then(|| ages.pop_front())
            .flatten();
        let published = Published { stream, tag };
        sessions.published.insert(session, published);
        if let Some(forgotten) = forgotten {
            sessions.published.remove(&forgotten);
        }
        forgotten
    }

    /// The stream that a session publishes, as it was when its key was checked.
    pub(crate) fn get(&self, session: SessionId) -> Option<Stream> {
        let sessions = self.lock();
        sessions.published.get(&session).map(|p| p.stream.clone())
    }

    /// The session's entity tag.
    pub(crate) fn tag(&self, session: SessionId) -> Option<EntityTag> {
        let sessions = self.lock();
        sessions.published.get(&session).map(|p| p.tag)
    }

    /// The session restarted ICE.
    pub(crate) fn set_tag(&self, session: SessionId, tag: EntityTag) {
        if let Some(published) = self.lock().published.get_mut(&session) {
            published.tag.advance(tag);
        }
    }

    pub(crate) fn remove(&self, session: SessionId) {
        self.lock().remove(session);
    }

    /// Forgets the sessions of a stream, except those under the key made at `valid`, and names them.
    pub(super) fn remove_stream(&self, stream: StreamId, valid: Option<KeyMade>) -> Vec<SessionId> {
        let mut sessions = self.lock();
        let all: Vec<SessionId> = sessions
            .ages
            .get(&stream)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let invalid = |session: &SessionId| {
            let published = sessions.published.get(session);
            let made = published.map(|published| KeyMade::of(&published.stream));
            valid.is_none() || made != valid
        };
        let ended: Vec<SessionId> = all.into_iter().filter(invalid).collect();
        for session in &ended {
            sessions.remove(*session);
        }
        ended
    }

    pub(super) fn all(&self) -> Vec<Stream> {
        let sessions = self.lock();
        let published = sessions.published.values();
        published
            .map(|published| published.stream.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions
            .lock()
            .expect("nothing panics under this lock")
    }
}

impl Sessions {
    fn remove(&mut self, session: SessionId) {
        let Some(published) = self.published.remove(&session) else {
            return;
        };
        let stream = media_id(&published.stream);
        if let Some(ages) = self.ages.get_mut(&stream) {
            ages.retain(|known| *known != session);
            if ages.is_empty() {
                self.ages.remove(&stream);
            }
        }
    }
}
