//! Everything that an event's page shows, in four statements however many sessions it has.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use weir_protocol::{EventSlug, StreamSlug};

use super::{
    COLUMNS, Event, EventPart, Registration, count, from_row,
    registration::status_of,
    session::{self, EventSession},
    slug_of,
};
use crate::{Db, EventId, EventSessionId, KeyHash, RegistrationId, Result, StreamId, UserId};

/// Who asks for a page.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    /// Anybody.
    Nobody,
    /// Somebody with an account.
    User(UserId),
    /// A guest with a ticket.
    Guest(KeyHash),
}

/// What stands on an event's page.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The event.
    pub event: Event,
    /// User name of its owner.
    pub owner: Option<String>,
    /// User names of its co-organisers.
    pub organisers: Vec<String>,
    /// Places that are taken.
    pub taken: u32,
    /// What the asker is to the event.
    pub part: EventPart,
    /// The asker's registration, and its place in the waiting list.
    pub registration: Option<(Registration, u32)>,
    /// Its sessions, in order.
    pub sessions: Vec<PageSession>,
}

/// A session on the page.
#[derive(Debug, Clone)]
pub struct PageSession {
    /// The session.
    pub session: EventSession,
    /// Its stream.
    pub stream: Option<PageStream>,
    /// Who speaks.
    pub speakers: Vec<PageSpeaker>,
}

/// A stream on the page.
#[derive(Debug, Clone)]
pub struct PageStream {
    /// Row id.
    pub id: StreamId,
    /// Name in addresses.
    pub slug: StreamSlug,
    /// For people.
    pub title: String,
}

/// A speaker on the page.
#[derive(Debug, Clone)]
pub struct PageSpeaker {
    /// User name; `None` for guests.
    pub user: Option<String>,
    /// For people.
    pub name: String,
    /// Who that is.
    pub bio: String,
}

impl Db {
    /// The page of an event; `None` when there is none of this name. Who may see it is the caller's
    /// matter.
    pub async fn event_page(&self, slug: &EventSlug, asker: Asker) -> Result<Option<EventPage>> {
        let (user, ticket) = match asker {
            Asker::Nobody => (None, None),
            Asker::User(user) => (Some(user.0), None),
            Asker::Guest(ticket) => (None, Some(ticket.to_hex())),
        };
        let sql = format!(
            "SELECT {COLUMNS}, u.name AS owner_name,
                 (SELECT count(*) FROM event_registrations t
                  WHERE t.event_id = e.id AND t.status = 'confirmed') AS taken,
                 (SELECT count(*) FROM event_organisers o
                  WHERE o.event_id = e.id AND o.user_id = $2) AS organises,
                 (SELECT count(*) FROM event_speakers p JOIN event_sessions s ON s.id = p.session_id
                  WHERE s.event_id = e.id AND p.user_id = $2) AS speaks,
                 r.id AS r_id, r.user_id AS r_user, r.name AS r_name, r.email AS r_email,
                 r.status AS r_status, r.invited AS r_invited, r.checked_in_at AS r_checked_in,
                 r.created_at AS r_created,
                 (SELECT count(*) FROM event_registrations w
                  WHERE r.status = 'waiting' AND w.event_id = e.id AND w.status = 'waiting'
                      AND (w.queued_at < r.queued_at
                           OR (w.queued_at = r.queued_at AND w.id <= r.id))) AS r_position
             FROM events e LEFT JOIN users u ON u.id = e.owner_id
                 LEFT JOIN event_registrations r
                     ON r.event_id = e.id AND (r.user_id = $2 OR r.ticket_hash = $3)
             WHERE e.slug = $1"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(slug.as_str())
            .bind(user)
            .bind(ticket)
            .fetch_optional(self.reads())
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let event = from_row(&row)?;
        let registration = registration(&row, event.id)?;
        let organisers = self.organisers(event.id).await?;
        let sessions = self.page_sessions(event.id).await?;
        Ok(Some(EventPage {
            owner: row.try_get("owner_name")?,
            organisers,
            taken: count(row.try_get("taken")?),
            part: EventPart {
                organises: row.try_get::<i64, _>("organises")? > 0,
                speaks: row.try_get::<i64, _>("speaks")? > 0,
                attends: registration.as_ref().is_some_and(|(it, _)| {
                    use weir_protocol::RegistrationStatus::{Confirmed, Pending, Waiting};
                    matches!(it.status, Pending | Confirmed | Waiting)
                }),
            },
            registration,
            event,
            sessions,
        }))
    }

    /// User names of an event's co-organisers.
    pub async fn organisers(&self, event: EventId) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT u.name FROM event_organisers o JOIN users u ON u.id = o.user_id
             WHERE o.event_id = $1 ORDER BY o.added_at, u.id",
        )
        .bind(event.0)
        .fetch_all(self.reads())
        .await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<sqlx::Result<_>>()?)
    }

    async fn page_sessions(&self, event: EventId) -> Result<Vec<PageSession>> {
        let sql = format!(
            "SELECT {}, t.slug AS stream_slug, t.title AS stream_title
             FROM event_sessions s LEFT JOIN streams t ON t.id = s.stream_id
             WHERE s.event_id = $1 ORDER BY s.position, s.starts_at, s.id",
            session::COLUMNS
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(event.0)
            .fetch_all(self.reads())
            .await?;
        let mut sessions = rows
            .iter()
            .map(page_session)
            .collect::<sqlx::Result<Vec<_>>>()?;
        let rows = sqlx::query(
            "SELECT p.session_id, u.name AS user_name,
                 COALESCE(p.name, u.display_name, u.name) AS name, p.bio
             FROM event_speakers p JOIN event_sessions s ON s.id = p.session_id
                 LEFT JOIN users u ON u.id = p.user_id
             WHERE s.event_id = $1 ORDER BY p.session_id, p.place",
        )
        .bind(event.0)
        .fetch_all(self.reads())
        .await?;
        for row in &rows {
            let of = EventSessionId(row.try_get("session_id")?);
            if let Some(session) = sessions.iter_mut().find(|it| it.session.id == of) {
                session.speakers.push(PageSpeaker {
                    user: row.try_get("user_name")?,
                    name: row.try_get("name")?,
                    bio: row.try_get("bio")?,
                });
            }
        }
        Ok(sessions)
    }
}

fn page_session(row: &AnyRow) -> sqlx::Result<PageSession> {
    let session = session::from_row(row)?;
    let stream = match session.fields.stream {
        Some(id) => Some(PageStream {
            id,
            slug: slug_of(row, "stream_slug")?,
            title: row.try_get("stream_title")?,
        }),
        None => None,
    };
    Ok(PageSession {
        session,
        stream,
        speakers: Vec::new(),
    })
}

fn registration(row: &AnyRow, event: EventId) -> sqlx::Result<Option<(Registration, u32)>> {
    let Some(id) = row.try_get::<Option<i64>, _>("r_id")? else {
        return Ok(None);
    };
    let registration = Registration {
        id: RegistrationId(id),
        event,
        user: row.try_get::<Option<i64>, _>("r_user")?.map(UserId),
        user_name: None,
        name: row.try_get("r_name")?,
        email: row.try_get("r_email")?,
        status: status_of(row, "r_status")?,
        invited: row.try_get::<i64, _>("r_invited")? != 0,
        checked_in_at: row.try_get("r_checked_in")?,
        created_at: row.try_get("r_created")?,
    };
    Ok(Some((registration, count(row.try_get("r_position")?))))
}
