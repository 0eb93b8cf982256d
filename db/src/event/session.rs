//! Sessions of an event and who speaks in them.

use sqlx::{Any, AssertSqlSafe, Row, Transaction, any::AnyRow};
use weir_protocol::EventSlug;

use super::{Event, count, event_is_gone, lock, slug_of};
use crate::{
    Db, DbError, EventId, EventSessionId, Result, StreamId, UnixMillis, UserId,
    error::{storable, storable_all},
    id,
};

/// What an organiser says of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFields {
    /// Name in addresses.
    pub slug: EventSlug,
    /// For people.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Start.
    pub starts_at: UnixMillis,
    /// End.
    pub ends_at: UnixMillis,
    /// Where; sessions of one stage do not overlap.
    pub stage: String,
    /// Order in the page.
    pub position: u32,
    /// The stream that shows it.
    pub stream: Option<StreamId>,
    /// Whether the stream's owner agrees that attendees watch it, even if it is private.
    pub stream_agreed: bool,
}

/// A session's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSession {
    /// Row id.
    pub id: EventSessionId,
    /// Of which event.
    pub event: EventId,
    /// What its organisers say of it.
    pub fields: SessionFields,
    /// When it changed last.
    pub updated_at: UnixMillis,
    /// Counts changes.
    pub version: i64,
}

/// Somebody who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeakerRow {
    /// The account; `None` for guests.
    pub user: Option<UserId>,
    /// Name for people; of an account its own when there is none here.
    pub name: Option<String>,
    /// Who that is.
    pub bio: String,
}

pub(super) const COLUMNS: &str = "s.id, s.event_id, s.slug, s.title, s.description, s.starts_at,
    s.ends_at, s.stage, s.position, s.stream_id, s.stream_agreed, s.updated_at, s.version";

impl Db {
    /// Makes a session. `Conflict` of `slug` or `stage` (which has another session at that time);
    /// `Invalid` for times outside of the event's; `NotFound` when the event or a speaker's account is
    /// gone.
    pub async fn create_event_session(
        &self,
        event: EventId,
        fields: SessionFields,
        speakers: &[SpeakerRow],
    ) -> Result<EventSession> {
        check(&fields, speakers)?;
        let mut tx = self.begin_write().await?;
        let event = lock(&mut tx, event).await?;
        let event = event.ok_or(DbError::NotFound { what: "event" })?;
        let session = EventSession {
            id: EventSessionId::fresh(),
            event: event.id,
            fields,
            updated_at: id::now(),
            version: 1,
        };
        fits(&mut tx, &event, &session).await?;
        let fields = &session.fields;
        sqlx::query(
            "INSERT INTO event_sessions (id, event_id, slug, title, description, starts_at, ends_at,
                 stage, position, stream_id, stream_agreed, created_at, updated_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 1)",
        )
        .bind(session.id.0)
        .bind(event.id.0)
        .bind(fields.slug.as_str())
        .bind(&*fields.title)
        .bind(&*fields.description)
        .bind(fields.starts_at)
        .bind(fields.ends_at)
        .bind(&*fields.stage)
        .bind(i64::from(fields.position))
        .bind(fields.stream.map(|stream| stream.0))
        .bind(i64::from(fields.stream_agreed))
        .bind(session.updated_at)
        .execute(&mut *tx)
        .await?;
        speak(&mut tx, session.id, speakers).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// The session of an event with this name; `None` when there is none.
    pub async fn event_session(
        &self,
        event: EventId,
        slug: &EventSlug,
    ) -> Result<Option<EventSession>> {
        let sql =
            format!("SELECT {COLUMNS} FROM event_sessions s WHERE s.event_id = $1 AND s.slug = $2");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(event.0)
            .bind(slug.as_str())
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Writes a session anew, if it still has that version; with `speakers`, them too. `None` when
    /// somebody else changed it. Otherwise as [`Db::create_event_session`].
    pub async fn update_event_session(
        &self,
        session: &EventSession,
        speakers: Option<&[SpeakerRow]>,
        version: i64,
    ) -> Result<Option<EventSession>> {
        let fields = &session.fields;
        check(fields, speakers.unwrap_or_default())?;
        let mut tx = self.begin_write().await?;
        let Some(event) = lock(&mut tx, session.event).await? else {
            return Ok(None);
        };
        fits(&mut tx, &event, session).await?;
        let updated = sqlx::query(
            "UPDATE event_sessions SET title = $3, description = $4, starts_at = $5, ends_at = $6,
                 stage = $7, position = $8, stream_id = $9, stream_agreed = $10, updated_at = $11,
                 version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind(session.id.0)
        .bind(version)
        .bind(&*fields.title)
        .bind(&*fields.description)
        .bind(fields.starts_at)
        .bind(fields.ends_at)
        .bind(&*fields.stage)
        .bind(i64::from(fields.position))
        .bind(fields.stream.map(|stream| stream.0))
        .bind(i64::from(fields.stream_agreed))
        .bind(id::now())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if updated == 0 {
            return Ok(None);
        }
        if let Some(speakers) = speakers {
            sqlx::query("DELETE FROM event_speakers WHERE session_id = $1")
                .bind(session.id.0)
                .execute(&mut *tx)
                .await?;
            speak(&mut tx, session.id, speakers).await?;
        }
        tx.commit().await?;
        let mut written = session.clone();
        written.version = version + 1;
        Ok(Some(written))
    }

    /// Removes a session, if it has that version (or any). Whether it was.
    pub async fn delete_event_session(
        &self,
        session: EventSessionId,
        version: Option<i64>,
    ) -> Result<bool> {
        let deleted =
            sqlx::query("DELETE FROM event_sessions WHERE id = $1 AND ($2 = 0 OR version = $2)")
                .bind(session.0)
                .bind(version.unwrap_or(0))
                .execute(self.writes())
                .await?
                .rows_affected();
        Ok(deleted > 0)
    }

    /// The event of a session.
    pub async fn event_of_session(&self, session: EventSessionId) -> Result<Option<Event>> {
        let sql = format!(
            "SELECT {} FROM events e WHERE e.id =
                 (SELECT s.event_id FROM event_sessions s WHERE s.id = $1)",
            super::COLUMNS
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(session.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(super::from_row).transpose()?)
    }

    /// Whether this user speaks in the session.
    pub async fn speaks_in(&self, session: EventSessionId, user: UserId) -> Result<bool> {
        let row = sqlx::query(
            "SELECT count(*) FROM event_speakers WHERE session_id = $1 AND user_id = $2",
        )
        .bind(session.0)
        .bind(user.0)
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }

    /// Whether somebody may watch a stream because of an event: as an attendee with a place, an
    /// organiser or a speaker, of one of whose sessions it is the stream, and whose owner agreed.
    pub async fn event_lets_watch(&self, stream: StreamId, user: UserId) -> Result<bool> {
        let row = sqlx::query(
            "SELECT count(*) FROM event_sessions s JOIN events e ON e.id = s.event_id
             WHERE s.stream_id = $1 AND s.stream_agreed = 1 AND e.state IN ('published', 'ended')
                 AND (e.owner_id = $2
                      OR EXISTS (SELECT 1 FROM event_organisers o
                          WHERE o.event_id = e.id AND o.user_id = $2)
                      OR EXISTS (SELECT 1 FROM event_speakers p
                          WHERE p.session_id = s.id AND p.user_id = $2)
                      OR EXISTS (SELECT 1 FROM event_registrations r
                          WHERE r.event_id = e.id AND r.user_id = $2 AND r.status = 'confirmed'))",
        )
        .bind(stream.0)
        .bind(user.0)
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }

    /// The events of these sessions; those that are gone are left out.
    pub async fn events_of_sessions(
        &self,
        sessions: &[EventSessionId],
    ) -> Result<Vec<(EventId, EventSessionId)>> {
        if sessions.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = sessions.iter().map(ToString::to_string).collect();
        let sql = format!(
            "SELECT s.event_id, s.id FROM event_sessions s JOIN events e ON e.id = s.event_id
             WHERE s.id IN ({}) AND e.state = 'published'",
            ids.join(", ")
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(self.reads())
            .await?;
        let read = |row: &AnyRow| {
            Ok((
                EventId(row.try_get("event_id")?),
                EventSessionId(row.try_get("id")?),
            ))
        };
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// Sessions that are on at this time on these streams: whoever watches one attends.
    pub async fn sessions_on(
        &self,
        streams: &[StreamId],
        now: UnixMillis,
    ) -> Result<Vec<(StreamId, EventId, EventSessionId)>> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = streams.iter().map(ToString::to_string).collect();
        let sql = format!(
            "SELECT s.stream_id, s.event_id, s.id FROM event_sessions s
                 JOIN events e ON e.id = s.event_id
             WHERE s.stream_id IN ({}) AND s.starts_at <= $1 AND s.ends_at > $1
                 AND e.state = 'published'",
            ids.join(", ")
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(now)
            .fetch_all(self.reads())
            .await?;
        let read = |row: &AnyRow| {
            Ok((
                StreamId(row.try_get("stream_id")?),
                EventId(row.try_get("event_id")?),
                EventSessionId(row.try_get("id")?),
            ))
        };
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }
}

/// Whether a session lies within the event, and alone on its stage. The event's row must be held.
async fn fits(
    tx: &mut Transaction<'static, Any>,
    event: &Event,
    session: &EventSession,
) -> Result<()> {
    let fields = &session.fields;
    if fields.starts_at < event.fields.starts_at || fields.ends_at > event.fields.ends_at {
        return Err(DbError::Invalid {
            what: "session",
            why: "must lie within the times of its event",
        });
    }
    let others = sqlx::query(
        "SELECT count(*) FROM event_sessions
         WHERE event_id = $1 AND stage = $2 AND id <> $3 AND starts_at < $5 AND ends_at > $4",
    )
    .bind(event.id.0)
    .bind(&*fields.stage)
    .bind(session.id.0)
    .bind(fields.starts_at)
    .bind(fields.ends_at)
    .fetch_one(&mut **tx)
    .await?;
    if others.try_get::<i64, _>(0)? > 0 {
        return Err(DbError::Conflict { what: "stage" });
    }
    Ok(())
}

async fn speak(
    tx: &mut Transaction<'static, Any>,
    session: EventSessionId,
    speakers: &[SpeakerRow],
) -> Result<()> {
    if speakers.is_empty() {
        return Ok(());
    }
    let rows: Vec<String> = (0..speakers.len())
        .map(|n| {
            let first = n * 5 + 1;
            let places: Vec<String> = (first..first + 5).map(|n| format!("${n}")).collect();
            format!("({})", places.join(", "))
        })
        .collect();
    let sql = format!(
        "INSERT INTO event_speakers (session_id, place, user_id, name, bio) VALUES {}",
        rows.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (place, speaker) in (0_i64..).zip(speakers) {
        query = query
            .bind(session.0)
            .bind(place)
            .bind(speaker.user.map(|user| user.0))
            .bind(speaker.name.as_deref())
            .bind(&*speaker.bio);
    }
    query.execute(&mut **tx).await.map_err(event_is_gone)?;
    Ok(())
}

fn check(fields: &SessionFields, speakers: &[SpeakerRow]) -> Result<()> {
    storable("title", &fields.title)?;
    storable("description", &fields.description)?;
    storable("stage", &fields.stage)?;
    storable_all("speaker's name", speakers.iter().map(|it| &it.name))?;
    speakers
        .iter()
        .try_for_each(|speaker| storable("speaker's bio", &speaker.bio))
}

pub(super) fn from_row(row: &AnyRow) -> sqlx::Result<EventSession> {
    Ok(EventSession {
        id: EventSessionId(row.try_get("id")?),
        event: EventId(row.try_get("event_id")?),
        fields: SessionFields {
            slug: slug_of(row, "slug")?,
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            starts_at: row.try_get("starts_at")?,
            ends_at: row.try_get("ends_at")?,
            stage: row.try_get("stage")?,
            position: count(row.try_get("position")?),
            stream: row.try_get::<Option<i64>, _>("stream_id")?.map(StreamId),
            stream_agreed: row.try_get::<i64, _>("stream_agreed")? != 0,
        },
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
