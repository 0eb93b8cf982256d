//! Lists of events.

use sqlx::AssertSqlSafe;

use super::{COLUMNS, Event, from_row};
use crate::{Db, EventId, Result, UnixMillis, UserId, error::storable, id};

/// Longest event: what began earlier than so long ago cannot be on any more, so a list of coming ones
/// need not look there.
pub(crate) const LONGEST: UnixMillis = 90 * 24 * 60 * 60 * 1000;

impl Db {
    /// Public events that are not over, by start; or those that are, the newest first. `search` is the
    /// beginning of a word of the title. After that start and id.
    pub async fn list_events(
        &self,
        past: bool,
        search: &str,
        after: Option<(UnixMillis, EventId)>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        storable("search", search)?;
        let (which, order) = if past {
            (
                "e.state IN ('published', 'cancelled', 'ended') AND e.starts_at <= $1
                    AND (e.ends_at <= $1 OR e.state = 'ended') AND ($2 = 0 OR e.starts_at < $2
                         OR (e.starts_at = $2 AND e.id < $3))",
                "DESC",
            )
        } else {
            (
                "e.state IN ('published', 'cancelled') AND e.starts_at > $1 - $6 AND e.ends_at > $1
                    AND (e.starts_at > $2 OR (e.starts_at = $2 AND e.id > $3))",
                "ASC",
            )
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM events e WHERE e.visibility = 'public' AND {which}
                 AND $6 > 0
                 AND ($4 = '' OR e.search LIKE $4 || '%' ESCAPE '!'
                      OR e.search LIKE '% ' || $4 || '%' ESCAPE '!')
             ORDER BY e.starts_at {order}, e.id {order} LIMIT $5"
        );
        let (start, id) = after.map_or((0, 0), |(start, id)| (start, id.0));
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(id::now())
            .bind(start)
            .bind(id)
            .bind(crate::like::escaped(&search.to_lowercase()))
            .bind(i64::from(limit))
            .bind(LONGEST)
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Events that somebody organises, newest first, after that one.
    pub async fn events_organised_by(
        &self,
        user: UserId,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM events e
             WHERE e.id < $2 AND (e.owner_id = $1 OR e.id IN
                 (SELECT event_id FROM event_organisers WHERE user_id = $1))
             ORDER BY e.id DESC LIMIT $3"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.0)
            .bind(after.map_or(i64::MAX, |after| after.0))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }
}
