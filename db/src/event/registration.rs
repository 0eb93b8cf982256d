//! Registrations and the waiting list. Each change holds the event's row, so that a place is never
//! given twice, and nobody who registers later gets one before those who wait.

use sqlx::{Any, AssertSqlSafe, Row, Transaction, any::AnyRow};
use weir_protocol::{EventVisibility, RegistrationStatus};

use super::{Event, count, event_is_gone, lock, unknown};
use crate::{
    Db, EventId, KeyHash, RegistrationId, Result, UnixMillis, UserId, error::storable, id,
};

/// A registration's row.
#[derive(Clone, PartialEq, Eq)]
pub struct Registration {
    /// Row id.
    pub id: RegistrationId,
    /// Of which event.
    pub event: EventId,
    /// Whose; `None` for guests.
    pub user: Option<UserId>,
    /// The account's user name, where it was asked for.
    pub user_name: Option<String>,
    /// For people.
    pub name: String,
    /// Of guests alone.
    pub email: Option<String>,
    /// How far it is.
    pub status: RegistrationStatus,
    /// Whether it came by an invitation.
    pub invited: bool,
    /// When an organiser checked the attendee in.
    pub checked_in_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without name and address: they must not reach a log.
        f.debug_struct("Registration")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Who registers.
#[derive(Clone)]
pub enum Registrant {
    /// Somebody with an account.
    User(UserId),
    /// Somebody without.
    Guest {
        /// In lower case.
        email: String,
        /// Hash of what the guest proves the registration with.
        ticket: KeyHash,
    },
}

/// A registration to make.
#[derive(Clone)]
pub struct NewRegistration {
    /// For which event.
    pub event: EventId,
    /// By whom.
    pub who: Registrant,
    /// For people.
    pub name: String,
    /// Hash of the token of an invitation.
    pub invitation: Option<KeyHash>,
}

/// Why somebody cannot register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationRefusal {
    /// The event is no longer there.
    NoEvent,
    /// Not now, or not any more.
    Closed,
    /// The invitation is unknown, used up, over, or for somebody else.
    Invitation,
    /// The event is private, and there is no invitation.
    NotInvited,
    /// Is registered already.
    Already,
    /// An organiser said no.
    Rejected,
}

/// What became of registering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It is written. `promoted` are those who got a free place on the way, for they waited.
    Done {
        /// The registration.
        registration: Registration,
        /// Those who no longer wait.
        promoted: Vec<Registration>,
    },
    /// Nothing changed.
    Refused(RegistrationRefusal),
}

/// What becomes of a registration that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Gets a place, or waits for one.
    Approve,
    /// Gets none.
    Reject,
    /// Is withdrawn by whoever made it.
    Cancel,
}

/// Which registrations to list.
#[derive(Debug, Clone, Default)]
pub struct RegistrationsQuery {
    /// Only those with this status.
    pub status: Option<RegistrationStatus>,
    /// Only those where a word of name or address begins with this, in any case.
    pub search: Option<String>,
    /// Only those after this one.
    pub after: Option<RegistrationId>,
    /// At most so many.
    pub limit: u32,
}

const COLUMNS: &str =
    "id, event_id, user_id, name, email, status, invited, checked_in_at, created_at";

/// The time `$10`, or one after everybody who waits for the event `$2`: who comes in the same
/// millisecond, or after the clock was set back, is behind them all the same.
const NEXT_IN_QUEUE: &str = "(SELECT CASE WHEN COALESCE(max(q.queued_at), 0) < $10 THEN $10
    ELSE max(q.queued_at) + 1 END FROM event_registrations q
    WHERE q.event_id = $2 AND q.status = 'waiting')";

impl Db {
    /// Registers somebody: with a place while there are some, then on the waiting list; pending where
    /// an organiser decides and there is no invitation. Who withdrew may come back, at the list's end.
    pub async fn register_for_event(&self, new: NewRegistration) -> Result<Registered> {
        storable("name", &new.name)?;
        let (user, email, ticket) = match &new.who {
            Registrant::User(user) => (Some(*user), None, None),
            Registrant::Guest { email, ticket } => {
                storable("e-mail address", email)?;
                (None, Some(email.as_str()), Some(*ticket))
            }
        };
        let refused = |why| Ok(Registered::Refused(why));
        let now = id::now();
        let mut tx = self.begin_write().await?;
        let Some(event) = lock(&mut tx, new.event).await? else {
            return refused(RegistrationRefusal::NoEvent);
        };
        if !event.takes_registrations(now) {
            return refused(RegistrationRefusal::Closed);
        }
        let invited = match new.invitation {
            None => false,
            Some(token) => {
                if !super::invitation::used(&mut tx, event.id, token, email, now).await? {
                    return refused(RegistrationRefusal::Invitation);
                }
                true
            }
        };
        if event.fields.visibility == EventVisibility::Private && !invited {
            return refused(RegistrationRefusal::NotInvited);
        }
        let known = find(&mut tx, event.id, user, email).await?;
        match known.as_ref().map(|known| known.status) {
            None | Some(RegistrationStatus::Cancelled) => {}
            Some(RegistrationStatus::Rejected) => return refused(RegistrationRefusal::Rejected),
            Some(_) => return refused(RegistrationRefusal::Already),
        }
        let promoted = fill(&mut tx, &event).await?;
        let status = if event.fields.approval && !invited {
            RegistrationStatus::Pending
        } else {
            with_or_without_place(&mut tx, &event).await?
        };
        let row_id = known.map_or_else(RegistrationId::fresh, |known| known.id);
        let search = format!("{} {}", new.name, email.unwrap_or_default()).to_lowercase();
        let sql = format!(
            "INSERT INTO event_registrations (id, event_id, user_id, invited, name, email, search,
                 status, ticket_hash, queued_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, {NEXT_IN_QUEUE}, $10)
             ON CONFLICT (id) DO UPDATE SET invited = excluded.invited, name = excluded.name,
                 search = excluded.search, status = excluded.status,
                 ticket_hash = excluded.ticket_hash, queued_at = excluded.queued_at,
                 created_at = excluded.created_at, checked_in_at = NULL
             RETURNING {COLUMNS}"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(row_id.0)
            .bind(event.id.0)
            .bind(user.map(|user| user.0))
            .bind(i64::from(invited))
            .bind(&*new.name)
            .bind(email)
            .bind(search)
            .bind(status.as_str())
            .bind(ticket.map(KeyHash::to_hex))
            .bind(now)
            .fetch_one(&mut *tx)
            .await
            .map_err(event_is_gone)?;
        let registration = from_row(&row)?;
        tx.commit().await?;
        Ok(Registered::Done {
            registration,
            promoted,
        })
    }

    /// Decides on a registration, and gives a place that this frees to who waits longest: they are in
    /// the second part. `None` when there is no such registration; the registration as it was when
    /// the decision changes nothing.
    pub async fn decide_registration(
        &self,
        event: EventId,
        registration: RegistrationId,
        decision: Decision,
    ) -> Result<Option<(Registration, Vec<Registration>)>> {
        use RegistrationStatus::{Cancelled, Confirmed, Pending, Rejected, Waiting};
        let mut tx = self.begin_write().await?;
        let Some(event) = lock(&mut tx, event).await? else {
            return Ok(None);
        };
        let sql =
            format!("SELECT {COLUMNS} FROM event_registrations WHERE id = $1 AND event_id = $2");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(registration.0)
            .bind(event.id.0)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(known) = row.as_ref().map(from_row).transpose()? else {
            return Ok(None);
        };
        let next = match (decision, known.status) {
            // Who withdrew is not brought back by somebody else.
            (Decision::Approve, Pending | Rejected) => {
                fill(&mut tx, &event).await?;
                with_or_without_place(&mut tx, &event).await?
            }
            (Decision::Reject, Pending | Confirmed | Waiting) => Rejected,
            (Decision::Cancel, Pending | Confirmed | Waiting) => Cancelled,
            (Decision::Approve | Decision::Reject | Decision::Cancel, _) => {
                return Ok(Some((known, Vec::new())));
            }
        };
        let sql = format!(
            "UPDATE event_registrations SET status = $1, queued_at = {} WHERE id = $3
             RETURNING {COLUMNS}",
            NEXT_IN_QUEUE.replace("$10", "$4")
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(next.as_str())
            .bind(event.id.0)
            .bind(known.id.0)
            .bind(id::now())
            .fetch_one(&mut *tx)
            .await?;
        let changed = from_row(&row)?;
        let promoted = fill(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(Some((changed, promoted)))
    }

    /// Registrations of an event in the order in which they were made first.
    pub async fn event_registrations(
        &self,
        event: EventId,
        query: &RegistrationsQuery,
    ) -> Result<Vec<Registration>> {
        let search = query.search.as_deref().unwrap_or_default();
        storable("search", search)?;
        let search = crate::like::escaped(&search.to_lowercase());
        let rows = sqlx::query(
            "SELECT r.id, r.event_id, r.user_id, r.name, r.email, r.status, r.invited,
                 r.checked_in_at, r.created_at, u.name AS user_name
             FROM event_registrations r LEFT JOIN users u ON u.id = r.user_id
             WHERE r.event_id = $1 AND r.id > $2 AND ($3 = '' OR r.status = $3)
                 AND ($4 = '' OR r.search LIKE $4 || '%' ESCAPE '!'
                      OR r.search LIKE '% ' || $4 || '%' ESCAPE '!'
                      OR u.name LIKE $4 || '%' ESCAPE '!')
             ORDER BY r.id LIMIT $5",
        )
        .bind(event.0)
        .bind(query.after.map_or(-1, |after| after.0))
        .bind(query.status.map_or("", RegistrationStatus::as_str))
        .bind(search)
        .bind(i64::from(query.limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows
            .iter()
            .map(|row| {
                let mut registration = from_row(row)?;
                registration.user_name = row.try_get("user_name")?;
                Ok(registration)
            })
            .collect::<sqlx::Result<_>>()?)
    }

    /// The registration for an event that a ticket proves.
    pub async fn registration_by_ticket(
        &self,
        event: EventId,
        ticket: KeyHash,
    ) -> Result<Option<Registration>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event_registrations WHERE ticket_hash = $1 AND event_id = $2"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(ticket.to_hex())
            .bind(event.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// The registration of somebody with an account.
    pub async fn registration_of_user(
        &self,
        event: EventId,
        user: UserId,
    ) -> Result<Option<Registration>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event_registrations WHERE event_id = $1 AND user_id = $2"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(event.0)
            .bind(user.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Checks an attendee in, or takes that back. `None` when there is no such registration with a
    /// place. Twice keeps the first time.
    pub async fn check_in(
        &self,
        event: EventId,
        registration: RegistrationId,
        present: bool,
    ) -> Result<Option<Registration>> {
        let sql = format!(
            "UPDATE event_registrations
             SET checked_in_at = CASE WHEN $3 = 0 THEN NULL ELSE COALESCE(checked_in_at, $4) END
             WHERE id = $1 AND event_id = $2 AND status = 'confirmed' RETURNING {COLUMNS}"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(registration.0)
            .bind(event.0)
            .bind(i64::from(present))
            .bind(id::now())
            .fetch_optional(self.writes())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Accounts that take part in an event, or want to.
    pub async fn event_attendees(&self, event: EventId) -> Result<Vec<UserId>> {
        let rows = sqlx::query(
            "SELECT user_id FROM event_registrations WHERE event_id = $1 AND user_id IS NOT NULL
                 AND status IN ('pending', 'confirmed', 'waiting')",
        )
        .bind(event.0)
        .fetch_all(self.reads())
        .await?;
        let read = |row: &AnyRow| row.try_get(0).map(UserId);
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// How many wait before this registration, itself included; 0 when it does not wait.
    pub async fn waiting_position(&self, registration: RegistrationId) -> Result<u32> {
        let row = sqlx::query(
            "SELECT count(*) FROM event_registrations w JOIN event_registrations r
                 ON w.event_id = r.event_id AND w.status = 'waiting' AND r.status = 'waiting'
                     AND (w.queued_at < r.queued_at
                          OR (w.queued_at = r.queued_at AND w.id <= r.id))
             WHERE r.id = $1",
        )
        .bind(registration.0)
        .fetch_one(self.reads())
        .await?;
        Ok(count(row.try_get(0)?))
    }
}

/// Gives free places to those who wait, the longest waiting first. The event's row must be held.
pub(super) async fn fill(
    tx: &mut Transaction<'static, Any>,
    event: &Event,
) -> Result<Vec<Registration>> {
    let free = match event.fields.attendee_limit {
        None => i64::MAX,
        Some(limit) => i64::from(limit) - taken(tx, event.id).await?,
    };
    if free <= 0 {
        return Ok(Vec::new());
    }
    let sql = format!(
        "UPDATE event_registrations SET status = 'confirmed' WHERE id IN
             (SELECT id FROM event_registrations WHERE event_id = $1 AND status = 'waiting'
              ORDER BY queued_at, id LIMIT $2)
         RETURNING {COLUMNS}"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(event.id.0)
        .bind(free)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
}

/// What one more registration gets. The event's row must be held, and those who wait served.
async fn with_or_without_place(
    tx: &mut Transaction<'static, Any>,
    event: &Event,
) -> Result<RegistrationStatus> {
    Ok(match event.fields.attendee_limit {
        Some(limit) if taken(tx, event.id).await? >= i64::from(limit) => {
            RegistrationStatus::Waiting
        }
        _ => RegistrationStatus::Confirmed,
    })
}

/// Counted and not kept: accounts that are deleted take their registrations with them.
async fn taken(tx: &mut Transaction<'static, Any>, event: EventId) -> Result<i64> {
    let row = sqlx::query(
        "SELECT count(*) FROM event_registrations WHERE event_id = $1 AND status = 'confirmed'",
    )
    .bind(event.0)
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.try_get(0)?)
}

async fn find(
    tx: &mut Transaction<'static, Any>,
    event: EventId,
    user: Option<UserId>,
    email: Option<&str>,
) -> Result<Option<Registration>> {
    let column = if user.is_some() { "user_id" } else { "email" };
    let sql =
        format!("SELECT {COLUMNS} FROM event_registrations WHERE event_id = $1 AND {column} = $2");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(event.0);
    let query = match user {
        Some(user) => query.bind(user.0),
        None => query.bind(email.unwrap_or_default()),
    };
    let row = query.fetch_optional(&mut **tx).await?;
    Ok(row.as_ref().map(from_row).transpose()?)
}

pub(super) fn from_row(row: &AnyRow) -> sqlx::Result<Registration> {
    Ok(Registration {
        id: RegistrationId(row.try_get("id")?),
        event: EventId(row.try_get("event_id")?),
        user: row.try_get::<Option<i64>, _>("user_id")?.map(UserId),
        user_name: None,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        status: status_of(row, "status")?,
        invited: row.try_get::<i64, _>("invited")? != 0,
        checked_in_at: row.try_get("checked_in_at")?,
        created_at: row.try_get("created_at")?,
    })
}

pub(super) fn status_of(row: &AnyRow, column: &str) -> sqlx::Result<RegistrationStatus> {
    let word: String = row.try_get(column)?;
    RegistrationStatus::from_word(&word).ok_or_else(|| unknown(column, &word))
}
