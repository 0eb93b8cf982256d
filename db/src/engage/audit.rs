//! Who did what to whom, why and when.

use sqlx::{Row, any::AnyRow};
use weir_protocol::room::{AuditEntry, AuditId};

use crate::{Db, Result, RoomId, UserId, error::storable, id};

/// A line to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// In which room; `None` for what concerns the whole site.
    pub room: Option<RoomId>,
    /// The room's name.
    pub room_name: String,
    /// Who did it.
    pub by: UserId,
    /// Their name.
    pub by_name: String,
    /// What.
    pub action: &'static str,
    /// Whom or what.
    pub target: Option<String>,
    /// Its name.
    pub target_name: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Which lines of the site's log.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditFilter<'a> {
    /// Name of who did it.
    pub by: Option<&'a str>,
    /// What was done.
    pub action: Option<&'a str>,
}

impl Db {
    /// Writes a line of the audit log.
    pub async fn log_action(&self, new: &NewAuditEntry) -> Result<()> {
        for text in [&new.target, &new.target_name, &new.reason] {
            storable("reason", text.as_deref().unwrap_or_default())?;
        }
        sqlx::query(
            "INSERT INTO audit_log (id, room_id, room, by_id, by_name, action, target, target_name,
                reason, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(id::fresh())
        .bind(new.room.map(|room| room.0))
        .bind(&*new.room_name)
        .bind(new.by.0)
        .bind(&*new.by_name)
        .bind(new.action)
        .bind(new.target.as_deref())
        .bind(new.target_name.as_deref())
        .bind(new.reason.as_deref())
        .bind(id::now())
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// Lines of a room: the newest first, before a certain one.
    pub async fn audit_page(
        &self,
        room: RoomId,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let rows = sqlx::query(
            "SELECT id, room, by_name, action, target, target_name, reason, created_at
             FROM audit_log WHERE room_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        )
        .bind(room.0)
        .bind(before.map_or(i64::MAX, AuditId::get))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(entry).collect::<sqlx::Result<_>>()?)
    }

    /// Lines of all rooms and of the site: the newest first, before a certain one.
    pub async fn site_audit(
        &self,
        filter: &AuditFilter<'_>,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let mut conditions = vec!["id < $1".to_owned()];
        let mut texts = Vec::new();
        for (column, wanted) in [("by_name", filter.by), ("action", filter.action)] {
            let Some(wanted) = wanted else { continue };
            storable("filter", wanted)?;
            texts.push(wanted);
            conditions.push(format!("{column} = ${}", texts.len() + 1));
        }
        let sql = format!(
            "SELECT id, room, by_name, action, target, target_name, reason, created_at
             FROM audit_log WHERE {} ORDER BY id DESC LIMIT ${}",
            conditions.join(" AND "),
            texts.len() + 2
        );
        let mut query =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before.map_or(i64::MAX, AuditId::get));
        for text in texts {
            query = query.bind(text.to_owned());
        }
        let rows = query.bind(i64::from(limit)).fetch_all(self.reads()).await?;
        Ok(rows.iter().map(entry).collect::<sqlx::Result<_>>()?)
    }
}

fn entry(row: &AnyRow) -> sqlx::Result<AuditEntry> {
    Ok(AuditEntry {
        id: AuditId::new(row.try_get("id")?),
        room: row.try_get("room")?,
        by: row.try_get("by_name")?,
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        target_name: row.try_get("target_name")?,
        reason: row.try_get("reason")?,
        at: row.try_get("created_at")?,
    })
}
