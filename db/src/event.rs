//! Events: their rows, and who may change them.

mod attendance;
mod calendar;
mod invitation;
mod listing;
mod page;
mod registration;
mod report;
mod session;

use sqlx::{Any, Row, Transaction, any::AnyRow};
use weir_protocol::{Branding, EventSlug, EventState, EventVisibility};

use crate::{
    Db, DbError, EventId, Result, UnixMillis, UserId,
    error::{storable, storable_all},
    id,
};

pub use attendance::{Attended, Attendee};
pub use calendar::CalendarEntry;
pub use invitation::{EventInvitation, NewEventInvitation};
pub use page::{Asker, EventPage, PageSession, PageSpeaker, PageStream};
pub use registration::{
    Decision, NewRegistration, Registered, Registrant, Registration, RegistrationRefusal,
    RegistrationsQuery,
};
pub use report::{AttendeeRow, ReportCursor, SessionFigures};
pub use session::{EventSession, SessionFields, SpeakerRow};

/// What an organiser says of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFields {
    /// Name in addresses.
    pub slug: EventSlug,
    /// For people.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// IANA name.
    pub time_zone: String,
    /// Start.
    pub starts_at: UnixMillis,
    /// End.
    pub ends_at: UnixMillis,
    /// Who may see it.
    pub visibility: EventVisibility,
    /// Places; without a limit everybody gets one.
    pub attendee_limit: Option<u32>,
    /// From when people may register.
    pub registration_opens_at: Option<UnixMillis>,
    /// Until when people may register; the end of the event otherwise.
    pub registration_closes_at: Option<UnixMillis>,
    /// Whether an organiser decides on each registration.
    pub approval: bool,
    /// How its page looks.
    pub branding: Branding,
}

/// An event's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Row id.
    pub id: EventId,
    /// Who made it; `None` when that account is gone.
    pub owner: Option<UserId>,
    /// What its organisers say of it.
    pub fields: EventFields,
    /// Where it is in its life.
    pub state: EventState,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it changed last.
    pub updated_at: UnixMillis,
    /// Counts changes.
    pub version: i64,
}

impl Event {
    /// Whether one can register at this time, by its state and times alone.
    pub fn takes_registrations(&self, now: UnixMillis) -> bool {
        let opens = self.fields.registration_opens_at.unwrap_or(UnixMillis::MIN);
        let closes = self.fields.registration_closes_at;
        let closes = closes.unwrap_or(UnixMillis::MAX).min(self.fields.ends_at);
        self.state == EventState::Published && opens <= now && now < closes
    }
}

/// All columns, of the table under the name `e`.
const COLUMNS: &str = "e.id, e.slug, e.owner_id, e.title, e.description, e.time_zone, e.starts_at,
    e.ends_at, e.visibility, e.state, e.attendee_limit, e.registration_opens_at,
    e.registration_closes_at, e.approval, e.colour_primary, e.colour_background, e.colour_text,
    e.logo, e.cover, e.created_at, e.updated_at, e.version";

impl Db {
    /// Makes an event, as a draft. `Conflict` of `slug`.
    pub async fn create_event(&self, owner: UserId, fields: EventFields) -> Result<Event> {
        check(&fields)?;
        let now = id::now();
        let event = Event {
            id: EventId::fresh(),
            owner: Some(owner),
            fields,
            state: EventState::Draft,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let fields = &event.fields;
        sqlx::query(
            "INSERT INTO events (id, slug, owner_id, title, search, description, time_zone, starts_at,
                 ends_at, visibility, state, attendee_limit, registration_opens_at,
                 registration_closes_at, approval, colour_primary, colour_background, colour_text,
                 logo, cover, created_at, updated_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20, $21, $21, 1)",
        )
        .bind(event.id.0)
        .bind(fields.slug.as_str())
        .bind(owner.0)
        .bind(&*fields.title)
        .bind(fields.title.to_lowercase())
        .bind(&*fields.description)
        .bind(&*fields.time_zone)
        .bind(fields.starts_at)
        .bind(fields.ends_at)
        .bind(fields.visibility.as_str())
        .bind(event.state.as_str())
        .bind(fields.attendee_limit.map(i64::from))
        .bind(fields.registration_opens_at)
        .bind(fields.registration_closes_at)
        .bind(i64::from(fields.approval))
        .bind(fields.branding.primary.as_deref())
        .bind(fields.branding.background.as_deref())
        .bind(fields.branding.text.as_deref())
        .bind(fields.branding.logo.as_deref())
        .bind(fields.branding.cover.as_deref())
        .bind(now)
        .execute(self.writes())
        .await?;
        Ok(event)
    }

    /// The event with this name; `None` when there is none.
    pub async fn event_by_slug(&self, slug: &EventSlug) -> Result<Option<Event>> {
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE e.slug = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(slug.as_str())
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Writes an event's fields anew, if it still has that version, and gives places that this frees to
    /// those who wait: they are in the second part. `None` when somebody else changed the event.
    /// `Conflict` of `slug`; `Invalid` when a session would lie outside of the event.
    pub async fn update_event(
        &self,
        event: &Event,
        version: i64,
    ) -> Result<Option<(Event, Vec<Registration>)>> {
        let fields = &event.fields;
        check(fields)?;
        let mut tx = self.begin_write().await?;
        let sql = format!(
            "UPDATE events AS e SET slug = $3, title = $4, search = $5, description = $6,
                 time_zone = $7, starts_at = $8, ends_at = $9, visibility = $10, attendee_limit = $11,
                 registration_opens_at = $12, registration_closes_at = $13, approval = $14,
                 colour_primary = $15, colour_background = $16, colour_text = $17, logo = $18,
                 cover = $19, updated_at = $20, version = e.version + 1
             WHERE e.id = $1 AND e.version = $2 RETURNING {}",
            returned()
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(event.id.0)
            .bind(version)
            .bind(fields.slug.as_str())
            .bind(&*fields.title)
            .bind(fields.title.to_lowercase())
            .bind(&*fields.description)
            .bind(&*fields.time_zone)
            .bind(fields.starts_at)
            .bind(fields.ends_at)
            .bind(fields.visibility.as_str())
            .bind(fields.attendee_limit.map(i64::from))
            .bind(fields.registration_opens_at)
            .bind(fields.registration_closes_at)
            .bind(i64::from(fields.approval))
            .bind(fields.branding.primary.as_deref())
            .bind(fields.branding.background.as_deref())
            .bind(fields.branding.text.as_deref())
            .bind(fields.branding.logo.as_deref())
            .bind(fields.branding.cover.as_deref())
            .bind(id::now())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let event = from_row(&row)?;
        let outside = sqlx::query(
            "SELECT count(*) FROM event_sessions
             WHERE event_id = $1 AND (starts_at < $2 OR ends_at > $3)",
        )
        .bind(event.id.0)
        .bind(event.fields.starts_at)
        .bind(event.fields.ends_at)
        .fetch_one(&mut *tx)
        .await?;
        if outside.try_get::<i64, _>(0)? > 0 {
            return Err(DbError::Invalid {
                what: "event",
                why: "would end before or start after one of its sessions; move the session first",
            });
        }
        let promoted = registration::fill(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(Some((event, promoted)))
    }

    /// Moves an event on in its life, if it is in one of these states. `None` when it is not.
    pub async fn set_event_state(
        &self,
        id: EventId,
        from: &[EventState],
        to: EventState,
    ) -> Result<Option<Event>> {
        // The words are our own.
        let from: Vec<String> = from.iter().map(|it| format!("'{}'", it.as_str())).collect();
        let sql = format!(
            "UPDATE events AS e SET state = $2, updated_at = $3, version = e.version + 1
             WHERE e.id = $1 AND e.state IN ({}) RETURNING {}",
            from.join(", "),
            returned()
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id.0)
            .bind(to.as_str())
            .bind(id::now())
            .fetch_optional(self.writes())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Removes an event with all that belongs to it, if it has that version (or any). Whether it was.
    pub async fn delete_event(&self, id: EventId, version: Option<i64>) -> Result<bool> {
        let deleted = sqlx::query("DELETE FROM events WHERE id = $1 AND ($2 = 0 OR version = $2)")
            .bind(id.0)
            .bind(version.unwrap_or(0))
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(deleted > 0)
    }

    /// What this user is to the event.
    pub async fn event_part(&self, event: EventId, user: UserId) -> Result<EventPart> {
        let row = sqlx::query(
            "SELECT
                 (SELECT count(*) FROM event_organisers o
                  WHERE o.event_id = $1 AND o.user_id = $2) AS organises,
                 (SELECT count(*) FROM event_speakers p JOIN event_sessions s ON s.id = p.session_id
                  WHERE s.event_id = $1 AND p.user_id = $2) AS speaks,
                 (SELECT count(*) FROM event_registrations r
                  WHERE r.event_id = $1 AND r.user_id = $2
                      AND r.status IN ('pending', 'confirmed', 'waiting')) AS attends",
        )
        .bind(event.0)
        .bind(user.0)
        .fetch_one(self.reads())
        .await?;
        Ok(EventPart {
            organises: row.try_get::<i64, _>("organises")? > 0,
            speaks: row.try_get::<i64, _>("speaks")? > 0,
            attends: row.try_get::<i64, _>("attends")? > 0,
        })
    }

    /// Makes somebody a co-organiser. Twice is once. `NotFound` when the event is gone meanwhile.
    pub async fn add_organiser(&self, event: EventId, user: UserId) -> Result<()> {
        sqlx::query(
            "INSERT INTO event_organisers (event_id, user_id, added_at) VALUES ($1, $2, $3)
             ON CONFLICT (event_id, user_id) DO NOTHING",
        )
        .bind(event.0)
        .bind(user.0)
        .bind(id::now())
        .execute(self.writes())
        .await
        .map_err(event_is_gone)?;
        Ok(())
    }

    /// Makes a co-organiser none. `NotFound` when they were none.
    pub async fn remove_organiser(&self, event: EventId, user: UserId) -> Result<()> {
        let removed =
            sqlx::query("DELETE FROM event_organisers WHERE event_id = $1 AND user_id = $2")
                .bind(event.0)
                .bind(user.0)
                .execute(self.writes())
                .await?
                .rows_affected();
        if removed == 0 {
            return Err(DbError::NotFound { what: "organiser" });
        }
        Ok(())
    }
}

/// What a user is to an event, beside its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventPart {
    /// Is a co-organiser.
    pub organises: bool,
    /// Speaks in a session.
    pub speaks: bool,
    /// Has registered, and was neither refused nor withdrew.
    pub attends: bool,
}

/// Holds the event's row until the transaction ends, so that places are counted and given in one go.
/// `None` when there is no such event.
async fn lock(tx: &mut Transaction<'static, Any>, id: EventId) -> Result<Option<Event>> {
    let sql = format!(
        "UPDATE events AS e SET state = e.state WHERE e.id = $1 RETURNING {}",
        returned()
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.as_ref().map(from_row).transpose()?)
}

/// A parent that a row points to in vain is the event, or what belongs to it.
fn event_is_gone(error: sqlx::Error) -> DbError {
    match DbError::from(error) {
        DbError::NotFound { .. } => DbError::NotFound { what: "event" },
        other => other,
    }
}

/// SQLite's RETURNING does not know the table's other name.
fn returned() -> String {
    COLUMNS.replace("e.", "")
}

fn check(fields: &EventFields) -> Result<()> {
    storable("title", &fields.title)?;
    storable("description", &fields.description)?;
    storable("time zone", &fields.time_zone)?;
    let branding = &fields.branding;
    storable_all(
        "branding",
        [
            &branding.primary,
            &branding.background,
            &branding.text,
            &branding.logo,
            &branding.cover,
        ],
    )
}

fn from_row(row: &AnyRow) -> sqlx::Result<Event> {
    let visibility: String = row.try_get("visibility")?;
    let state: String = row.try_get("state")?;
    Ok(Event {
        id: EventId(row.try_get("id")?),
        owner: row.try_get::<Option<i64>, _>("owner_id")?.map(UserId),
        fields: EventFields {
            slug: slug_of(row, "slug")?,
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            time_zone: row.try_get("time_zone")?,
            starts_at: row.try_get("starts_at")?,
            ends_at: row.try_get("ends_at")?,
            visibility: EventVisibility::from_word(&visibility)
                .ok_or_else(|| unknown("visibility", &visibility))?,
            attendee_limit: row.try_get::<Option<i64>, _>("attendee_limit")?.map(count),
            registration_opens_at: row.try_get("registration_opens_at")?,
            registration_closes_at: row.try_get("registration_closes_at")?,
            approval: row.try_get::<i64, _>("approval")? != 0,
            branding: Branding {
                primary: row.try_get("colour_primary")?,
                background: row.try_get("colour_background")?,
                text: row.try_get("colour_text")?,
                logo: row.try_get("logo")?,
                cover: row.try_get("cover")?,
            },
        },
        state: EventState::from_word(&state).ok_or_else(|| unknown("state", &state))?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}

fn slug_of(row: &AnyRow, column: &str) -> sqlx::Result<EventSlug> {
    let slug: String = row.try_get(column)?;
    slug.parse().map_err(
        |error: weir_protocol::SlugError| sqlx::Error::ColumnDecode {
            index: column.into(),
            source: error.into(),
        },
    )
}

fn unknown(column: &str, word: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.into(),
        source: format!("unknown {column} {word:?}").into(),
    }
}

fn count(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}
