//! Sessions that their peers closed a moment ago.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use weir_sfu::{SessionId, StreamId};

/// So many are remembered; of more the oldest is forgotten, and its `DELETE` is answered with 404.
const REMEMBERED: usize = 256;

/// OBS and others close the connection first and send `DELETE` then. That is one goodbye, and OBS takes all but 200 for
/// a failure: so the first `DELETE` of a session that its peer has closed by DTLS still finds it.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    sessions: Mutex<VecDeque<(SessionId, StreamId)>>,
}

impl Closed {
    /// A peer has closed its session.
    pub(super) fn remember(&self, session: SessionId, stream: StreamId) {
        let mut sessions = self.lock();
        if sessions.len() == REMEMBERED {
            sessions.pop_front();
        }
        sessions.push_back((session, stream));
    }

    /// Whether it is such a session of this stream, and the first time that this is asked.
    pub(crate) fn take(&self, session: SessionId, stream: Option<StreamId>) -> bool {
        let mut sessions = self.lock();
        let found = sessions.iter().position(|(closed, of)| {
            *closed == session && stream.is_none_or(|stream| stream == *of)
        });
        found.is_some_and(|at| sessions.remove(at).is_some())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(SessionId, StreamId)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_session_is_found_once_and_under_its_stream() {
        let closed = Closed::default();
        closed.remember(SessionId(1), StreamId(7));
        assert!(!closed.take(SessionId(1), Some(StreamId(8))));
        assert!(closed.take(SessionId(1), Some(StreamId(7))));
        assert!(!closed.take(SessionId(1), Some(StreamId(7))));
    }

    #[test]
    fn who_closes_much_makes_nothing_grow() {
        let closed = Closed::default();
        for id in 0..=REMEMBERED as u128 {
            closed.remember(SessionId(id), StreamId(7));
        }
        assert_eq!(closed.lock().len(), REMEMBERED);
        assert!(!closed.take(SessionId(0), None));
        assert!(closed.take(SessionId(1), None));
    }
}
