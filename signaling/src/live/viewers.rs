//! WHEP sessions and the streams that they watch.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use weir_db::ViewerTokenId;
use weir_sfu::{SessionId, StreamId};

use crate::{entity_tag::EntityTag, watching::Who, whep_events::SessionEvents};

/// A session whose transport did not come up for so long is not one: the media plane has given it up
/// long before, and does not tell of it.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);

/// WHEP sessions from their answer to their end.
#[derive(Default)]
pub(crate) struct Viewers {
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    viewers: HashMap<SessionId, Viewer>,
    /// Sessions by age, until they are connected or given up.
    connecting: VecDeque<(Instant, SessionId)>,
}

struct Viewer {
    stream: StreamId,
    tag: EntityTag,
    who: Who,
    /// Where the offer came from. Never stored.
    address: IpAddr,
    /// End with the session.
    events: Arc<SessionEvents>,
    since: Instant,
    connected: bool,
}

/// A session as those see it who must decide whether it may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its name.
    pub(crate) id: SessionId,
    /// Who watches.
    pub(crate) who: Who,
}

impl Viewers {
    /// Remembers a session that was answered at `now`, and forgets those that never connected.
    pub(crate) fn insert(
        &self,
        session: SessionId,
        stream: StreamId,
        tag: EntityTag,
        (who, address): (Who, IpAddr),
        events: SessionEvents,
        now: Instant,
    ) {
        let mut sessions = self.lock();
        while let Some((since, oldest)) = sessions.connecting.front().copied()
            && now.duration_since(since) >= CONNECT_LIMIT
        {
            sessions.connecting.pop_front();
            if sessions.viewers.get(&oldest).is_some_and(|v| !v.connected) {
                sessions.viewers.remove(&oldest);
            }
        }
        sessions.connecting.push_back((now, session));
        let viewer = Viewer {
            stream,
            tag,
            who,
            address,
            events: Arc::new(events),
            since: now,
            connected: false,
        };
        sessions.viewers.insert(session, viewer);
    }

    pub(super) fn connected(&self, session: SessionId) {
        if let Some(viewer) = self.lock().viewers.get_mut(&session) {
            viewer.connected = true;
        }
    }

    pub(crate) fn remove(&self, session: SessionId) {
        self.lock().viewers.remove(&session);
    }

    /// The stream that a session watches; none when there is no such session.
    pub(crate) fn stream(&self, session: SessionId) -> Option<StreamId> {
        self.lock()
            .viewers
            .get(&session)
            .map(|viewer| viewer.stream)
    }

    /// How many sessions there are, those included that still connect.
    pub(crate) fn count(&self) -> usize {
        self.lock().viewers.len()
    }

    /// What a session's viewer is told of; none when there is no such session.
    pub(crate) fn events(&self, session: SessionId) -> Option<Arc<SessionEvents>> {
        let sessions = self.lock();
        sessions.viewers.get(&session).map(|v| v.events.clone())
    }

    /// Who watches what at this moment, logged in.
    pub(crate) fn users(&self) -> Vec<(StreamId, weir_db::UserId)> {
        let sessions = self.lock();
        let connected = sessions.viewers.values().filter(|v| v.connected);
        connected
            .filter_map(|v| match v.who {
                Who::User(user) => Some((v.stream, user)),
                Who::Nobody | Who::Token(_) => None,
            })
            .collect()
    }

    /// Who watches in a session.
    pub(crate) fn who(&self, session: SessionId) -> Option<Who> {
        self.lock().viewers.get(&session).map(|v| v.who)
    }

    /// Where a session's offer came from.
    pub(crate) fn address(&self, session: SessionId) -> Option<IpAddr> {
        self.lock().viewers.get(&session).map(|v| v.address)
    }

    /// Sessions of a stream.
    pub(crate) fn of_stream(&self, stream: StreamId) -> Vec<Session> {
        let sessions = self.lock();
        let of_stream = sessions.viewers.iter().filter(|(_, v)| v.stream == stream);
        of_stream
            .map(|(id, v)| Session {
                id: *id,
                who: v.who,
            })
            .collect()
    }

    /// Sessions under a viewer token, the oldest first.
    pub(crate) fn under(&self, token: ViewerTokenId) -> Vec<SessionId> {
        let sessions = self.lock();
        let under = sessions.viewers.iter();
        let mut under: Vec<_> = under
            .filter(|(_, v)| v.who.token() == Some(token))
            .map(|(id, v)| (v.since, *id))
            .collect();
        under.sort_unstable();
        under.into_iter().map(|(_, id)| id).collect()
    }

    /// The session's entity tag.
    pub(crate) fn tag(&self, session: SessionId) -> Option<EntityTag> {
        let sessions = self.lock();
        sessions.viewers.get(&session).map(|v| v.tag)
    }

    /// The session restarted ICE.
    pub(crate) fn set_tag(&self, session: SessionId, tag: EntityTag) {
        if let Some(viewer) = self.lock().viewers.get_mut(&session) {
            viewer.tag.advance(tag);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions
            .lock()
            .expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn who_never_connects_is_forgotten() {
        let viewers = Viewers::default();
        let start = Instant::now();
        let insert = |id, at| {
            viewers.insert(
                SessionId(id),
                StreamId(7),
                EntityTag::fresh(),
                (Who::Nobody, IpAddr::V4(Ipv4Addr::LOCALHOST)),
                SessionEvents::new("7".parse().expect("a number"), ""),
                at,
            );
        };
        insert(1, start);
        insert(2, start);
        viewers.connected(SessionId(2));
        insert(3, start + CONNECT_LIMIT);
        assert_eq!(viewers.stream(SessionId(1)), None);
        assert_eq!(viewers.stream(SessionId(2)), Some(StreamId(7)));
        insert(4, start + 3 * CONNECT_LIMIT);
        assert_eq!(viewers.lock().connecting.len(), 1);
        assert_eq!(viewers.lock().viewers.len(), 2);
    }
}
