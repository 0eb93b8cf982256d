//! Where an event is in its run: which sessions are on, which is next. Pure.

use weir_protocol::EventSession;

/// Where a session is, by its planned times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its time is over.
    Over,
    /// It is its time; it ends in so many milliseconds.
    Now { left_ms: i64 },
    /// It begins before all others, in so many milliseconds.
    Next { in_ms: i64 },
    /// It comes later.
    Later,
}

/// Something that an organiser should look at now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is bound that could show it.
    NoStream,
    /// It is on, and its stream is not.
    NotLive,
    /// It begins soon, and its stream is not on yet.
    SoonNotLive,
}

/// So long before its start a session's stream should be on. Milliseconds.
const SOON_MS: i64 = 10 * 60_000;

/// The sessions in order of time, each with where it is.
pub fn run(mut sessions: Vec<EventSession>, now: i64) -> Vec<(EventSession, Phase)> {
    sessions.sort_by_key(|it| (it.starts_at, it.position));
    let next = sessions
        .iter()
        .map(|it| it.starts_at)
        .filter(|at| *at > now)
        .min();
    let phase = |it: &EventSession| {
        if it.ends_at <= now {
            Phase::Over
        } else if it.starts_at <= now {
            Phase::Now {
                left_ms: it.ends_at - now,
            }
        } else if Some(it.starts_at) == next {
            Phase::Next {
                in_ms: it.starts_at - now,
            }
        } else {
            Phase::Later
        }
    };
    sessions
        .into_iter()
        .map(|it| {
            let phase = phase(&it);
            (it, phase)
        })
        .collect()
}

/// What is wrong with a session, if something is.
pub fn trouble(session: &EventSession, phase: Phase) -> Option<Trouble> {
    let live = session.stream.as_ref().map(|it| it.live);
    match (phase, live) {
        (Phase::Over, _) | (_, Some(true)) => None,
        (_, None) => Some(Trouble::NoStream),
        (Phase::Now { .. }, Some(false)) => Some(Trouble::NotLive),
        (Phase::Next { in_ms }, Some(false)) if in_ms <= SOON_MS => Some(Trouble::SoonNotLive),
        (Phase::Next { .. } | Phase::Later, Some(false)) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use weir_protocol::SessionStream;

    use super::*;

    fn session(slug: &str, starts_at: i64, ends_at: i64, live: Option<bool>) -> EventSession {
        EventSession {
            slug: slug.parse().unwrap(),
            title: slug.to_owned(),
            description: String::new(),
            starts_at,
            ends_at,
            stage: String::new(),
            position: 0,
            speakers: Vec::new(),
            stream: live.map(|live| SessionStream {
                slug: "s".parse().unwrap(),
                title: String::new(),
                live,
                viewers: 0,
            }),
            room: String::new(),
            version: 1,
        }
    }

    #[test]
    fn each_session_is_where_the_clock_says() {
        let all = vec![
            session("d", 40, 50, None),
            session("a", 0, 10, None),
            session("b", 10, 30, None),
            session("c", 30, 40, None),
            session("c2", 30, 45, None),
        ];
        let phases: Vec<Phase> = run(all, 10).into_iter().map(|(_, phase)| phase).collect();
        assert_eq!(
            phases,
            [
                Phase::Over,
                Phase::Now { left_ms: 20 },
                Phase::Next { in_ms: 20 },
                Phase::Next { in_ms: 20 },
                Phase::Later,
            ]
        );
    }

    #[test]
    fn what_should_be_on_the_air_and_is_not_is_told() {
        let of = |live, phase| trouble(&session("a", 0, 1, live), phase);
        let now = Phase::Now { left_ms: 1 };
        assert_eq!(of(Some(false), now), Some(Trouble::NotLive));
        assert_eq!(of(Some(true), now), None);
        assert_eq!(of(None, now), Some(Trouble::NoStream));
        assert_eq!(of(None, Phase::Over), None);
        let next = |in_ms| of(Some(false), Phase::Next { in_ms });
        assert_eq!(next(SOON_MS), Some(Trouble::SoonNotLive));
        assert_eq!(next(SOON_MS + 1), None);
        assert_eq!(of(Some(false), Phase::Later), None);
    }
}
