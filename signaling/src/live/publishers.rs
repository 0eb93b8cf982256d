//! WHIP sessions and the streams that they publish.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use weir_db::Stream;
use weir_sfu::{SessionId, StreamId};

use super::{KeyMade, media_id};

/// WHIP sessions from their answer to their end. As many as the SFU has.
#[derive(Default)]
pub(crate) struct Publishers {
    sessions: Mutex<HashMap<SessionId, Stream>>,
}

impl Publishers {
    pub(crate) fn insert(&self, session: SessionId, stream: Stream) {
        self.lock().insert(session, stream);
    }

    /// The stream as it was when its key was checked.
    pub(crate) fn get(&self, session: SessionId) -> Option<Stream> {
        self.lock().get(&session).cloned()
    }

    pub(crate) fn remove(&self, session: SessionId) {
        self.lock().remove(&session);
    }

    /// Forgets the sessions of a stream, except those under the key made at `valid`, and names them.
    pub(super) fn remove_stream(&self, stream: StreamId, valid: Option<KeyMade>) -> Vec<SessionId> {
        let mut removed = Vec::new();
        self.lock().retain(|session, published| {
            let keep = media_id(published) != stream || valid == Some(KeyMade::of(published));
            if !keep {
                removed.push(*session);
            }
            keep
        });
        removed
    }

    pub(super) fn all(&self) -> Vec<Stream> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Stream>> {
        self.sessions
            .lock()
            .expect("nothing panics under this lock")
    }
}
