//! Somebody's events, for the calendar under a secret address.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use super::{COLUMNS, Event, from_row};
use crate::{Db, KeyHash, Result, UserId, id};

/// Events in a calendar at most, the newest.
const ENTRIES: i64 = 1_000;

/// An event in somebody's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEntry {
    /// The event.
    pub event: Event,
    /// Whether they take part for sure: with a place, as organiser or as speaker.
    pub certain: bool,
}

impl Db {
    /// Gives somebody's calendar an address with this token. The one before is worth nothing now.
    pub async fn set_calendar_token(&self, user: UserId, token: KeyHash) -> Result<()> {
        sqlx::query(
            "INSERT INTO calendar_tokens (user_id, token_hash, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE SET token_hash = excluded.token_hash,
                 created_at = excluded.created_at",
        )
        .bind(user.0)
        .bind(token.to_hex())
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// Takes a calendar's address away.
    pub async fn remove_calendar_token(&self, user: UserId) -> Result<()> {
        sqlx::query("DELETE FROM calendar_tokens WHERE user_id = $1")
            .bind(user.0)
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// Whose calendar has this token; `None` when nobody's has, and for locked accounts.
    pub async fn calendar_owner(&self, token: KeyHash) -> Result<Option<UserId>> {
        let row = sqlx::query(
            "SELECT u.id FROM calendar_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.token_hash = $1 AND u.disabled_at IS NULL",
        )
        .bind(token.to_hex())
        .fetch_optional(self.reads())
        .await?;
        Ok(row.map(|row| row.try_get(0).map(UserId)).transpose()?)
    }

    /// The events that somebody attends, organises or speaks at. Drafts are not among them.
    pub async fn calendar_of(&self, user: UserId) -> Result<Vec<CalendarEntry>> {
        let sql = format!(
            "SELECT {COLUMNS}, m.certain FROM events e JOIN
                 (SELECT event_id, CAST(max(certain) AS BIGINT) AS certain FROM
                     (SELECT event_id, CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END AS certain
                          FROM event_registrations
                          WHERE user_id = $1 AND status IN ('pending', 'confirmed', 'waiting')
                      UNION ALL SELECT id, 1 FROM events WHERE owner_id = $1
                      UNION ALL SELECT event_id, 1 FROM event_organisers WHERE user_id = $1
                      UNION ALL SELECT s.event_id, 1 FROM event_speakers p
                          JOIN event_sessions s ON s.id = p.session_id WHERE p.user_id = $1) AS part
                  GROUP BY event_id) AS m ON m.event_id = e.id
             WHERE e.state <> 'draft' ORDER BY e.starts_at DESC, e.id DESC LIMIT $2"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.0)
            .bind(ENTRIES)
            .fetch_all(self.reads())
            .await?;
        let read = |row: &AnyRow| {
            Ok(CalendarEntry {
                event: from_row(row)?,
                certain: row.try_get::<i64, _>("certain")? != 0,
            })
        };
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }
}
