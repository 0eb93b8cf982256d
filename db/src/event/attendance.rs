//! Who was in a session, and from when to when.

use sqlx::AssertSqlSafe;

use crate::{
    AttendanceId, Db, EventId, EventSessionId, RegistrationId, Result, UnixMillis, UserId,
};

/// Somebody in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attendee {
    /// With an account.
    User(UserId),
    /// A guest, by the registration.
    Guest(RegistrationId),
}

/// One time that somebody was in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attended {
    /// Row id. The same row is written again while it goes on.
    pub id: AttendanceId,
    /// The event.
    pub event: EventId,
    /// The session.
    pub session: EventSessionId,
    /// Who.
    pub who: Attendee,
    /// Since when.
    pub joined_at: UnixMillis,
    /// Until when, as far as is known.
    pub seen_at: UnixMillis,
}

/// Rows in one statement; SQLite takes 32,766 values.
const ROWS: usize = 1_000;

impl Attended {
    /// A new one, from now on.
    pub fn begin(event: EventId, session: EventSessionId, who: Attendee, now: UnixMillis) -> Self {
        Self {
            id: AttendanceId::fresh(),
            event,
            session,
            who,
            joined_at: now,
            seen_at: now,
        }
    }
}

impl Db {
    /// Writes these times, new or gone on. Those of sessions, accounts and registrations that are gone
    /// are left out.
    pub async fn record_attendance(&self, attended: &[Attended]) -> Result<()> {
        for attended in attended.chunks(ROWS) {
            let rows: Vec<String> = (0..attended.len())
                .map(|n| {
                    let first = n * 7 + 1;
                    let places: Vec<String> = (first..first + 7).map(|n| format!("${n}")).collect();
                    format!("({})", places.join(", "))
                })
                .collect();
            // Both databases name the columns of VALUES so.
            let sql = format!(
                "INSERT INTO event_attendance (id, event_id, session_id, user_id, registration_id,
                     joined_at, seen_at)
                 SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7
                 FROM (VALUES {}) AS v
                 WHERE EXISTS (SELECT 1 FROM event_sessions s
                         WHERE s.id = v.column3 AND s.event_id = v.column2)
                     AND (EXISTS (SELECT 1 FROM users u WHERE u.id = v.column4)
                         OR EXISTS (SELECT 1 FROM event_registrations r WHERE r.id = v.column5))
                 ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
                rows.join(", ")
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for one in attended {
                let (user, registration) = match one.who {
                    Attendee::User(user) => (Some(user.0), None),
                    Attendee::Guest(registration) => (None, Some(registration.0)),
                };
                query = query
                    .bind(one.id.0)
                    .bind(one.event.0)
                    .bind(one.session.0)
                    .bind(user)
                    .bind(registration)
                    .bind(one.joined_at)
                    .bind(one.seen_at);
            }
            query.execute(self.writes()).await?;
        }
        Ok(())
    }
}
