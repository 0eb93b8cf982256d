//! Who did what to whom, why and when.

use sqlx::Row;
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

    /// Lines of a room, or of the whole site with `None`: the newest first, before a certain one.
    pub async fn audit_page(
        &self,
        room: Option<RoomId>,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        // Two texts, so that each uses its index.
        let condition = if room.is_some() {
            "room_id = $1 AND"
        } else {
            "$1 = 0 AND"
        };
        let sql = format!(
            "SELECT id, room, by_name, action, target, target_name, reason, created_at
             FROM audit_log WHERE {condition} id < $2 ORDER BY id DESC LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.map_or(0, |room| room.0))
            .bind(before.map_or(i64::MAX, AuditId::get))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        let read = |row: &sqlx::any::AnyRow| {
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
        };
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }
}
