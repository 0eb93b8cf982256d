//! WHIP sessions and the streams that they publish.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard},
};

use weir_db::Stream;
use weir_sfu::{SessionId, StreamId};

use super::{KeyMade, media_id};

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
    /// The stream as it was when its key was checked.
    streams: HashMap<SessionId, Stream>,
    /// Sessions of a stream, oldest first.
    ages: HashMap<StreamId, VecDeque<SessionId>>,
}

impl Publishers {
    /// Remembers a session. Gives the one that had to be forgotten for it.
    pub(crate) fn insert(&self, session: SessionId, stream: Stream) -> Option<SessionId> {
        let mut sessions = self.lock();
        let ages = sessions.ages.entry(media_id(&stream)).or_default();
        ages.push_back(session);
        let forgotten = (ages.len() > PER_STREAM)
            .then(|| ages.pop_front())
            .flatten();
        sessions.streams.insert(session, stream);
        if let Some(forgotten) = forgotten {
            sessions.streams.remove(&forgotten);
        }
        forgotten
    }

    /// The stream that a session publishes, as it was when its key was checked.
    pub(crate) fn get(&self, session: SessionId) -> Option<Stream> {
        self.lock().streams.get(&session).cloned()
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
            let made = sessions.streams.get(session).map(KeyMade::of);
            valid.is_none() || made != valid
        };
        let ended: Vec<SessionId> = all.into_iter().filter(invalid).collect();
        for session in &ended {
            sessions.remove(*session);
        }
        ended
    }

    pub(super) fn all(&self) -> Vec<Stream> {
        self.lock().streams.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions
            .lock()
            .expect("nothing panics under this lock")
    }
}

impl Sessions {
    fn remove(&mut self, session: SessionId) {
        let Some(stream) = self.streams.remove(&session) else {
            return;
        };
        let stream = media_id(&stream);
        if let Some(ages) = self.ages.get_mut(&stream) {
            ages.retain(|known| *known != session);
            if ages.is_empty() {
                self.ages.remove(&stream);
            }
        }
    }
}
