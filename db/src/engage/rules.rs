//! Rules of rooms, and the versions by which processes learn that they remember old ones.

use std::collections::HashMap;

use sqlx::Row;
use weir_protocol::room::RoomRules;

use super::{places, touch};
use crate::{Db, DbError, Result, RoomId, StreamId, UserId, error::storable};

impl Db {
    /// How a room is run: the defaults where nobody has set anything.
    pub async fn room_rules(&self, room: RoomId) -> Result<RoomRules> {
        let row = sqlx::query("SELECT rules, version FROM room_rules WHERE room_id = $1")
            .bind(room.0)
            .fetch_optional(self.reads())
            .await?;
        let Some(row) = row else {
            return Ok(RoomRules::default());
        };
        let text: String = row.try_get("rules")?;
        let mut rules: RoomRules =
            serde_json::from_str(&text).map_err(|error| sqlx::Error::ColumnDecode {
                index: "rules".into(),
                source: error.into(),
            })?;
        rules.version = row.try_get("version")?;
        Ok(rules)
    }

    /// Runs a room so from now on, if its rules still have the version that stands in `rules`. Gives the
    /// new version; `None` when somebody else was faster.
    pub async fn set_room_rules(&self, room: RoomId, rules: &RoomRules) -> Result<Option<i64>> {
        let text = serde_json::to_string(rules).expect("rules are plain data");
        storable("rules", &text)?;
        let version = rules.version + 1;
        let mut tx = self.begin_write().await?;
        let changed = sqlx::query(
            "INSERT INTO room_rules (room_id, rules, version) VALUES ($1, $2, $3)
             ON CONFLICT (room_id) DO UPDATE SET rules = $2, version = $3
             WHERE room_rules.version = $4",
        )
        .bind(room.0)
        .bind(text)
        .bind(version)
        .bind(rules.version)
        .execute(&mut *tx)
        .await
        .map_err(gone)?
        .rows_affected();
        if changed == 0 {
            return Ok(None);
        }
        touch(&mut tx, room).await?;
        tx.commit().await?;
        Ok(Some(version))
    }

    /// By which versions of their policies these rooms go, and by which the site goes. Rooms that are
    /// gone are missing.
    pub async fn policy_versions(&self, rooms: &[RoomId]) -> Result<(HashMap<RoomId, i64>, i64)> {
        let row = sqlx::query("SELECT version FROM site_policy WHERE id = 1")
            .fetch_one(self.reads())
            .await?;
        let site = row.try_get("version")?;
        if rooms.is_empty() {
            return Ok((HashMap::new(), site));
        }
        let sql = format!(
            "SELECT id, policy_version FROM rooms WHERE id IN ({})",
            places(1, rooms.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for room in rooms {
            query = query.bind(room.0);
        }
        let rows = query.fetch_all(self.reads()).await?;
        let versions = rows
            .iter()
            .map(|row| Ok((RoomId(row.try_get("id")?), row.try_get("policy_version")?)))
            .collect::<sqlx::Result<_>>()?;
        Ok((versions, site))
    }

    /// Since when a user follows the owner of a stream; `None` when not, or when nobody owns it.
    pub async fn follows_owner_since(&self, user: UserId, stream: StreamId) -> Result<Option<i64>> {
        let row = sqlx::query(
            "SELECT f.created_at FROM follows f JOIN streams s ON s.owner_id = f.followed_id
             WHERE f.follower_id = $1 AND s.id = $2",
        )
        .bind(user.0)
        .bind(stream.0)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.map(|row| row.try_get("created_at")).transpose()?)
    }
}

/// Of a statement whose only parent is a room.
pub(super) fn gone(error: sqlx::Error) -> DbError {
    match DbError::from(error) {
        DbError::NotFound { .. } => DbError::NotFound { what: "room" },
        other => other,
    }
}
