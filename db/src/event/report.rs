//! Figures of an event: who came, and for how long.

use sqlx::{Row, any::AnyRow};
use weir_protocol::{EventSlug, EventTotals, RegistrationStatus};

use super::{count, registration::status_of, slug_of};
use crate::{Db, EventId, Result, UnixMillis};

/// Where a list of attendees goes on.
pub type ReportCursor = i64;

/// One person's attendance.
#[derive(Clone, PartialEq, Eq)]
pub struct AttendeeRow {
    /// Where the list goes on after this one.
    pub cursor: ReportCursor,
    /// User name; `None` for guests.
    pub user: Option<String>,
    /// For people.
    pub name: String,
    /// How far the registration is; `None` for those who came without one.
    pub status: Option<RegistrationStatus>,
    /// When checked in.
    pub checked_in_at: Option<UnixMillis>,
    /// When first seen in a session.
    pub first_seen_at: Option<UnixMillis>,
    /// When last seen in a session.
    pub last_seen_at: Option<UnixMillis>,
    /// Sessions attended.
    pub sessions: u32,
    /// Time in sessions, in milliseconds.
    pub watch_ms: i64,
}

/// A session's attendance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFigures {
    /// Name in addresses.
    pub slug: EventSlug,
    /// For people.
    pub title: String,
    /// Start.
    pub starts_at: UnixMillis,
    /// End.
    pub ends_at: UnixMillis,
    /// Different people.
    pub attendees: u32,
    /// Their time together, in milliseconds.
    pub watch_ms: i64,
    /// Most at one time.
    pub peak: u32,
}

impl Db {
    /// An event in numbers.
    pub async fn event_totals(&self, event: EventId) -> Result<EventTotals> {
        let rows = sqlx::query(
            "SELECT status, count(*) AS people, count(checked_in_at) AS checked_in
             FROM event_registrations WHERE event_id = $1 GROUP BY status",
        )
        .bind(event.0)
        .fetch_all(self.reads())
        .await?;
        let mut totals = EventTotals::default();
        for row in &rows {
            let people = count(row.try_get("people")?);
            match status_of(row, "status")? {
                RegistrationStatus::Pending => totals.pending = people,
                RegistrationStatus::Confirmed => {
                    totals.confirmed = people;
                    totals.checked_in = count(row.try_get("checked_in")?);
                }
                RegistrationStatus::Waiting => totals.waiting = people,
                RegistrationStatus::Rejected => totals.rejected = people,
                RegistrationStatus::Cancelled => totals.cancelled = people,
            }
        }
        let row = sqlx::query(
            "SELECT count(DISTINCT COALESCE(user_id, registration_id)) AS attendees,
                 CAST(COALESCE(sum(seen_at - joined_at), 0) AS BIGINT) AS watched
             FROM event_attendance WHERE event_id = $1",
        )
        .bind(event.0)
        .fetch_one(self.reads())
        .await?;
        totals.attendees = count(row.try_get("attendees")?);
        totals.watch_ms = row.try_get("watched")?;
        Ok(totals)
    }

    /// Attendance by session, in the order of the page.
    pub async fn session_figures(&self, event: EventId) -> Result<Vec<SessionFigures>> {
        // The peak: everybody's coming counts up, their going down; the highest it gets.
        let rows = sqlx::query(
            "SELECT s.slug, s.title, s.starts_at, s.ends_at,
                 count(DISTINCT COALESCE(a.user_id, a.registration_id)) AS attendees,
                 CAST(COALESCE(sum(a.seen_at - a.joined_at), 0) AS BIGINT) AS watched,
                 CAST(COALESCE((SELECT max(n.present) FROM
                     (SELECT sum(m.step) OVER (ORDER BY m.moment, m.step DESC) AS present FROM
                         (SELECT joined_at AS moment, 1 AS step FROM event_attendance
                              WHERE session_id = s.id
                          UNION ALL
                          SELECT seen_at, -1 FROM event_attendance WHERE session_id = s.id) AS m
                     ) AS n), 0) AS BIGINT) AS peak
             FROM event_sessions s LEFT JOIN event_attendance a ON a.session_id = s.id
             WHERE s.event_id = $1
             GROUP BY s.id, s.slug, s.title, s.starts_at, s.ends_at, s.position
             ORDER BY s.position, s.starts_at, s.id",
        )
        .bind(event.0)
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(figures).collect::<sqlx::Result<_>>()?)
    }

    /// Attendance by person: everybody who registered, and who came without.
    pub async fn attendees(
        &self,
        event: EventId,
        after: Option<ReportCursor>,
        limit: u32,
    ) -> Result<Vec<AttendeeRow>> {
        let rows = sqlx::query(
            "SELECT p.person, p.name, p.status, p.checked_in_at, u.name AS user_name,
                 a.first_seen, a.last_seen, COALESCE(a.sessions, 0) AS sessions,
                 COALESCE(a.watched, 0) AS watched
             FROM (SELECT r.id AS person, r.user_id, r.name, r.status, r.checked_in_at
                   FROM event_registrations r WHERE r.event_id = $1
                   UNION ALL
                   SELECT DISTINCT t.user_id, t.user_id, COALESCE(v.display_name, v.name),
                       CAST(NULL AS TEXT), CAST(NULL AS BIGINT)
                   FROM event_attendance t JOIN users v ON v.id = t.user_id
                   WHERE t.event_id = $1 AND NOT EXISTS (SELECT 1 FROM event_registrations q
                       WHERE q.event_id = $1 AND q.user_id = t.user_id)) AS p
                 LEFT JOIN users u ON u.id = p.user_id
                 LEFT JOIN (SELECT COALESCE(user_id, registration_id) AS person,
                         min(joined_at) AS first_seen, max(seen_at) AS last_seen,
                         count(DISTINCT session_id) AS sessions,
                         CAST(sum(seen_at - joined_at) AS BIGINT) AS watched
                     FROM event_attendance WHERE event_id = $1
                     GROUP BY COALESCE(user_id, registration_id)) AS a
                     ON a.person = COALESCE(p.user_id, p.person)
             WHERE p.person > $2 ORDER BY p.person LIMIT $3",
        )
        .bind(event.0)
        .bind(after.unwrap_or(-1))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(attendee).collect::<sqlx::Result<_>>()?)
    }
}

fn figures(row: &AnyRow) -> sqlx::Result<SessionFigures> {
    Ok(SessionFigures {
        slug: slug_of(row, "slug")?,
        title: row.try_get("title")?,
        starts_at: row.try_get("starts_at")?,
        ends_at: row.try_get("ends_at")?,
        attendees: count(row.try_get("attendees")?),
        watch_ms: row.try_get("watched")?,
        peak: count(row.try_get("peak")?),
    })
}

fn attendee(row: &AnyRow) -> sqlx::Result<AttendeeRow> {
    let status = row.try_get::<Option<String>, _>("status")?;
    Ok(AttendeeRow {
        cursor: row.try_get("person")?,
        user: row.try_get("user_name")?,
        name: row.try_get("name")?,
        status: status.as_deref().and_then(RegistrationStatus::from_word),
        checked_in_at: row.try_get("checked_in_at")?,
        first_seen_at: row.try_get("first_seen")?,
        last_seen_at: row.try_get("last_seen")?,
        sessions: count(row.try_get("sessions")?),
        watch_ms: row.try_get("watched")?,
    })
}
